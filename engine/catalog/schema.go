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

// schemaLabel is the file prefix of positions in the schema. Faults leave these positions out, because no user wrote the schema.
const schemaLabel = "(schema)"

// schemaPath and schemaMajor are the path and the major version of the schema's module.
var schemaPath, schemaMajor, _ = strings.Cut(schema.Module, "@")

// isSchema reports whether an import path is that of the schema, which is embedded and never fetched.
func isSchema(path string) bool {
	p := ast.ParseImportPath(path)
	return p.Path == schemaPath && p.Qualifier == "schema" && (p.Version == "" || p.Version == schemaMajor)
}

// localName returns the name of an import in its file.
func localName(spec *ast.ImportSpec) string {
	if spec.Name != nil {
		return spec.Name.Name
	}
	path, _ := strconv.Unquote(spec.Path.Value)
	return ast.ParseImportPath(path).Qualifier
}

// readSchema parses the embedded schema.
func readSchema() (*syntax, error) {
	from, err := ReadSources(schema.FS, ".", schemaLabel)
	if err != nil {
		return nil, err
	}
	return parseSources(from, false)
}

// schemaOf returns a loader that resolves imports of the schema.
func schemaOf(ctx *build.Context) build.LoadFunc {
	return func(_ token.Pos, path string) *build.Instance {
		if !isSchema(path) {
			return nil // the standard library
		}
		inst := ctx.NewInstance("", nil)
		s, err := readSchema()
		if err == nil {
			err = add(inst, s.files)
		}
		if err != nil {
			panic(err) // the schema is embedded
		}
		return inst
	}
}

// canonical maps all spellings of the schema's import path to one.
func canonical(path string) string {
	if isSchema(path) {
		return schema.Module
	}
	return path
}

// otherSchema returns the fault for an import of a schema version other than this program's, or nil for any other import.
func otherSchema(path string) *fault.Fault {
	p := ast.ParseImportPath(path)
	if p.Path != schemaPath {
		return nil
	}
	f := fault.New(fault.Refused, "%q is not the schema of this nixpacks", path)
	if p.Version != "" && p.Version != schemaMajor {
		return f.WithHint("this nixpacks has %s; a provider written for %s needs a nixpacks with that schema", schema.Module, p.Version)
	}
	return f.WithHint("import it as %q", schema.Module)
}

// checkSchema refuses a provider whose module requires a newer schema than this program's. A module with several providers
// declares the version for all of them.
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
				WithPos(at).WithSource(src.Data).WithHint("use that version of nixpacks or a newer one")
		}
	}
	return nil
}

// newerThanThis reports whether v is later than this program's release. It is false if either is not a valid version.
// A build some commits after a release (v0.5.0-3-g1234567) counts as that release.
func newerThanThis(v string) bool {
	this := "v" + strings.TrimPrefix(schema.Release, "v")
	this = strings.TrimSuffix(semver.Canonical(this), semver.Prerelease(this))
	return semver.IsValid(v) && semver.IsValid(this) && semver.Compare(v, this) > 0
}

// wantedSchema returns the version of the schema in the deps of a module.cue, and its position, or "" if there is none.
func wantedSchema(src Source) (v string, at fault.Pos) {
	f, err := parser.ParseFile(src.Name, src.Data)
	if err != nil {
		return "", at // publishing and fetching report it
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

// fieldOf returns the value of a struct's field, or nil if there is none.
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
