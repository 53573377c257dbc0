package policy

import (
	"bytes"
	"path"
	"slices"
	"strings"

	"cuelang.org/go/cue/ast"
	"cuelang.org/go/cue/parser"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/unify"
)

// Folder is the folder of an app whose policies apply.
const Folder = unify.PolicyFolder

// Policy is a unit of evaluation: a file, or the files of a folder with the same package clause, which share their
// names.
type Policy struct {
	Name string // as shown in messages: the path of the file or folder

	files  []catalog.Source
	syntax []*ast.File
}

// Files returns the paths of the policy's files.
func (p *Policy) Files() []string {
	var out []string
	for _, f := range p.files {
		out = append(out, f.Name)
	}
	return out
}

// About returns the comment at the top of one of the policy's files, up to the first empty line, or "" if there is none.
func (p *Policy) About(file string) string {
	var words []string
	for line := range strings.Lines(string(p.text(file))) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "//")
		if comment = strings.TrimSpace(comment); !ok || comment == "" {
			break
		}
		words = append(words, comment)
	}
	return strings.Join(words, " ")
}

// text returns the text of one of the policy's files, or nil for another file.
func (p *Policy) text(file string) []byte {
	for _, f := range p.files {
		if f.Name == file {
			return f.Data
		}
	}
	return nil
}

// same reports whether another policy has the same files.
func (p *Policy) same(q *Policy) bool {
	return slices.EqualFunc(p.files, q.files, func(a, b catalog.Source) bool {
		return path.Base(a.Name) == path.Base(b.Name) && bytes.Equal(a.Data, b.Data)
	})
}

// Between returns the directories from one down to another below it, including both but not the top ".".
func Between(from, to string) (dirs []string) {
	for dir := path.Clean(to); dir != "."; dir = path.Dir(dir) {
		dirs = append(dirs, dir)
		if dir == path.Clean(from) {
			break
		}
	}
	slices.Reverse(dirs)
	return dirs
}

// hasOwn reports whether a directory of an app has a folder of policies. a may be nil.
func hasOwn(a *app.App, dir string) bool {
	if a == nil {
		return false
	}
	info, ok := a.Entry(path.Join(dir, Folder))
	return ok && info.IsDir()
}

// inApp reads the policy files in a directory of the app.
func inApp(a *app.App, dir string) ([]catalog.Source, error) {
	if !hasOwn(a, dir) {
		return nil, nil
	}
	folder := path.Join(dir, Folder)
	sub, err := a.Sub(folder)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	names, err := sub.Glob([]string{"*.cue"}, app.GlobOptions{Depth: 1})
	if err != nil {
		return nil, err
	}
	var out []catalog.Source
	for _, name := range names {
		full := path.Join(folder, name)
		text, ok, err := sub.Text(name)
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, fault.New(fault.Refused, "%s cannot be read", full).WithPos(fault.Pos{File: full})
		}
		out = append(out, catalog.Source{Name: full, Data: []byte(text)})
	}
	return out, nil
}

// byPackage groups files by their package clause. A file without one is a group of its own.
func byPackage(from []catalog.Source) [][]catalog.Source {
	var out [][]catalog.Source
	at := map[string]int{}
	for _, s := range from {
		name := ""
		if f, err := parser.ParseFile(s.Name, s.Data, parser.PackageClauseOnly); err == nil {
			name = f.PackageName()
		}
		i, ok := at[name]
		if !ok || name == "" {
			i = len(out)
			out, at[name] = append(out, nil), i
		}
		out[i] = append(out[i], s)
	}
	return out
}

// outside is the hint for policies that read input from outside their file.
const outside = "a policy must depend only on the plan"

// parse parses the files of one policy.
func parse(files []catalog.Source) (*Policy, error) {
	p := &Policy{Name: files[0].Name, files: files}
	if len(files) > 1 {
		p.Name = path.Dir(p.Name)
	}
	for _, s := range files {
		if len(s.Data) > catalog.MaxSource {
			return nil, fault.New(fault.Refused, "%s is larger than %d KB", s.Name, catalog.MaxSource>>10).WithPos(fault.Pos{File: s.Name})
		}
		f, err := parser.ParseFile(s.Name, s.Data)
		if err != nil {
			return nil, sourced(catalog.SyntaxFault(err, "not valid CUE"), s)
		}
		if err := catalog.CheckImports(f, "a policy", nil); err != nil {
			return nil, sourced(err, s)
		}
		if err := catalog.Tame(f, "a policy", outside); err != nil {
			return nil, sourced(err, s)
		}
		p.syntax = append(p.syntax, f)
	}
	return p, nil
}

// sourced adds the source lines to faults.
func sourced(err error, s catalog.Source) error {
	for _, f := range fault.All(err) {
		f.WithSource(s.Data)
	}
	return err
}
