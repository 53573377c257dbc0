package catalog

import (
	"errors"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"sync"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/literal"
	"cuelang.org/go/cue/parser"
	"cuelang.org/go/cue/token"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Source is the text of one CUE file. Name is the file name in positions.
type Source struct {
	Name string
	Data []byte
}

// ReadSources reads the CUE files of one folder, without subfolders. It refuses files that are not regular or too large,
// because they may be untrusted.
func ReadSources(from fs.FS, dir, label string) ([]Source, error) {
	ents, err := fs.ReadDir(from, dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot list %s", label)
	}
	var out []Source
	for _, e := range ents {
		if e.IsDir() || path.Ext(e.Name()) != ".cue" {
			continue
		}
		at := fault.Pos{File: path.Join(label, e.Name())}
		info, err := fs.Stat(from, path.Join(dir, e.Name()))
		switch {
		case err != nil:
			return nil, fault.Wrap(fault.Usage, err, "cannot read %s", at.File)
		case !info.Mode().IsRegular():
			return nil, fault.New(fault.Refused, "%s is not a regular file", at.File).WithPos(at)
		case info.Size() > MaxSource:
			return nil, fault.New(fault.Refused, "%s is larger than %d KB", at.File, MaxSource>>10).WithPos(at)
		}
		data, err := fs.ReadFile(from, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fault.Wrap(fault.Usage, err, "cannot read %s", at.File)
		}
		out = append(out, Source{at.File, data})
	}
	return out, nil
}

// syntax is a parsed package. CUE resolves names by modifying the tree, so each evaluation needs its own.
type syntax struct {
	files []*ast.File
	// top holds the top-level declarations by name. A name may be declared more than once.
	top map[string][]*ast.Field
	// schema reports whether a file imports the schema.
	schema bool
}

// parseSources parses a package. If foreign is set and the package uses CUE that it must not use, it returns a fault
// together with the syntax.
func parseSources(from []Source, foreign bool, mode ...parser.Option) (*syntax, error) {
	s := &syntax{top: map[string][]*ast.Field{}}
	var faults []error
	files, err := parseAll(from, mode)
	if err != nil {
		return nil, err
	}
	faults = append(faults, checkScopes(files))
	for _, p := range files {
		f := p.file
		s.schema = s.schema || p.schema
		faults = append(faults, CheckImports(f, "a provider", isSchema))
		if foreign {
			faults = append(faults, Tame(f, "a provider", "a provider's plan must depend only on its facts"))
		}
		s.files = append(s.files, f)
		for _, d := range f.Decls {
			if field, ok := d.(*ast.Field); ok {
				if name, _, err := ast.LabelName(field.Label); err == nil {
					s.top[name] = append(s.top[name], field)
				}
			}
		}
	}
	return s, errors.Join(faults...)
}

// parseAll parses files concurrently, because parsing takes a large part of the few milliseconds of a plan. Each file is
// used by one goroutine at a time, as CUE requires.
func parseAll(from []Source, mode []parser.Option) ([]parsed, error) {
	files, errs := make([]parsed, len(from)), make([]error, len(from))
	var wg sync.WaitGroup
	for i, src := range from {
		wg.Go(func() { files[i], errs[i] = parseFile(src, mode) })
	}
	wg.Wait()
	return files, errors.Join(errs...)
}

// literal evaluates an expression that needs no CUE evaluation: strings, integers, booleans, lists and structs of
// these, and a reference to a top-level name with such a value. Numbers are int.
func (s *syntax) literal(x ast.Expr) (any, bool) {
	if id, ok := x.(*ast.Ident); ok {
		d := s.top[id.Name]
		if len(d) != 1 || d[0].Constraint != token.ILLEGAL {
			return nil, false
		}
		return plain(d[0].Value)
	}
	return plain(x)
}

// plain is literal without references.
func plain(x ast.Expr) (any, bool) {
	switch x := x.(type) {
	case *ast.BasicLit:
		return basic(x)
	case *ast.ListLit:
		out := make([]any, len(x.Elts))
		for i, e := range x.Elts {
			v, ok := plain(e)
			if !ok {
				return nil, false
			}
			out[i] = v
		}
		return out, true
	case *ast.StructLit:
		return fields(x, nil, plain)
	case *ast.BinaryExpr: // schema.#Detect & {…}: the provider is checked against the schema anyway
		if rest, _, _ := beside(x); rest != nil {
			return plain(rest)
		}
	}
	return nil, false
}

func basic(x *ast.BasicLit) (any, bool) {
	switch x.Kind {
	case token.TRUE, token.FALSE:
		return x.Kind == token.TRUE, true
	case token.STRING:
		v, err := literal.Unquote(x.Value)
		return v, err == nil
	case token.INT:
		n, err := strconv.Atoi(x.Value)
		return n, err == nil
	}
	return nil, false
}

// fields evaluates a struct of literals. It ignores the names in skip.
func fields(x *ast.StructLit, skip []string, read func(ast.Expr) (any, bool)) (map[string]any, bool) {
	out := map[string]any{}
	for _, e := range x.Elts {
		f, ok := e.(*ast.Field)
		if !ok || f.Constraint != token.ILLEGAL {
			return nil, false
		}
		name, _, err := ast.LabelName(f.Label)
		if err != nil {
			return nil, false
		}
		if slices.Contains(skip, name) {
			continue
		}
		v, ok := read(f.Value)
		if !ok {
			return nil, false
		}
		out[name] = v
	}
	return out, true
}
