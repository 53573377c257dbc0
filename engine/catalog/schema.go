package catalog

import (
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/build"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"
	"golang.org/x/mod/semver"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/schema"
)

// schemaLabel is what places in the schema begin with. Nobody has written it who has to do with a fault.
const schemaLabel = "(schema)"

// schemaPath and schemaMajor are the path of the schema's module, and its major version.
var schemaPath, schemaMajor, _ = strings.Cut(schema.Module, "@")

// isSchema tells whether an import is that of the schema, which is part of the program: nothing is fetched for it.
func isSchema(path string) bool {
	p := ast.ParseImportPath(path)
	return p.Path == schemaPath && p.Qualifier == "schema" && (p.Version == "" || p.Version == schemaMajor)
}

// localName is what a file calls an import.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	path, _ := strconv.Unquote(spec.Path.Value)
	return ast.ParseImportPath(path).Qualifier
}

// readSchema parses the schema.
func readSchema() (*syntax, error) {
	from, err := ReadSources(schema.FS, ".", schemaLabel)
	if err != nil {
		return nil, err
	}
	return parseSources(from, false)
}

// schemaOf gives files that import the schema what they import.
func schemaOf(ctx *build.Context) build.LoadFunc {
	return func(_ token.Pos, path string) *build.Instance {
		if !isSchema(path) {
			return nil // CUE's own
		}
		inst := ctx.NewInstance("", nil)
		s, err := readSchema()
		if err == nil {
			err = add(inst, s.files)
		}
		if err != nil {
			panic(err) // it is part of the program
		}
		return inst
	}
}

// canonical makes the spellings of the schema's path one.
func canonical(path string) string {
	if isSchema(path) {
		return schema.Module
	}
	return path
}

// otherSchema is the fault for an import of another schema than this program has; nil for any other import.
func otherSchema(path string) *fault.Fault {
	p := ast.ParseImportPath(path)
	if p.Path != schemaPath {
		return nil
	}
	f := fault.New(fault.Refused, "%q is not the schema that this nixpacks has", path)
	if p.Version != "" && p.Version != schemaMajor {
		return f.WithHint("it has %s; what is written for %s needs the nixpacks of that version", schema.Module, p.Version)
	}
	return f.WithHint("it is imported as %q", schema.Module)
}

// checkSchema refuses a provider whose module says that it was written for a newer schema than the program has. A module of several providers
// says so for all of them.
func (p *Provider) checkSchema() error {
	for _, dir := range []string{p.Folder, "."} {
		from, err := ReadSources(p.dir, path.Join(dir, "cue.mod"), path.Join(p.label, dir, "cue.mod"))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		for _, src := range from {
			if path.Base(src.Name) != "module.cue" {
				continue
			}
			v, at := wantedSchema(src)
			if !newerThanThis(v) {
				return nil
			}
			return fault.New(fault.Refused, "provider %s is written for the schema of nixpacks %s, and this is nixpacks %s", p.Name, v, schema.Release).
				WithPos(at).WithSource(src.Data).WithHint("use that nixpacks, or a newer one")
		}
	}
	return nil
}

// newerThanThis tells whether a version is a later one than that of the program. One that is no release has no version to compare; one that was
// built some commits after a release (v0.5.0-3-g1234567) has what that has.
func newerThanThis(v string) bool {
	this := "v" + strings.TrimPrefix(schema.Release, "v")
	this = strings.TrimSuffix(semver.Canonical(this), semver.Prerelease(this))
	return semver.IsValid(v) && semver.IsValid(this) && semver.Compare(v, this) > 0
}

// wantedSchema is the version of the schema that a module.cue names among its deps, and where; "" for none.
func wantedSchema(src Source) (v string, at fault.Pos) {
	f, err := parser.ParseFile(src.Name, src.Data)
	if err != nil {
		return "", at // which is for those to say who publish and fetch modules
	}
	var x ast.Expr = &ast.StructLit{Elts: f.Decls}
	for _, key := range []string{"deps", schema.Module, "v"} {
		if x = fieldOf(x, key); x == nil {
			return "", at
		}
	}
	text, _ := plain(x)
	v, _ = text.(string)
	return v, position(x)
}

// fieldOf is the value of a struct's field; nil where there is none.
func fieldOf(x ast.Expr, key string) ast.Expr {
	s, ok := x.(*ast.StructLit)
	if !ok {
		return nil
	}
	for _, d := range s.Elts {
		if f, ok := d.(*ast.Field); ok {
			if name, _, err := ast.LabelName(f.Label); err == nil && name == key {
				return f.Value
			}
		}
	}
	return nil
}
