// Package cases tests providers. A case is a txtar file: a line that says what it guards, and
//
//	-- app/PATH --   a file of the app; -- app/PATH mode=755 -- an executable one; a PATH that ends in / an empty directory
//	-- dir --        the app's folder, where app/ is a repository that it is part of (--app)
//	-- env --        variables, a line NAME=VALUE each
//	-- packages --   nix or apt
//	-- arch --       the machine that the image is for, where it is not amd64
//
// and what is expected, which a test can write itself:
//
//	-- plan.json --      the plan that the provider gives
//	-- app.json --       where in its repository the app is, in a workspace
//	-- slim.json --      what it says of the running image, where it does
//	-- metadata.json --  words beside the provider's name, where it has any
//	-- versions --       the versions that it decided on, a line each, where it says
//	-- shares.json --    what it offers to other providers, where it does
//	-- notes --          what it tells the user, where it does
//	-- error --          what it refuses the app with, instead of all these
package cases

import (
	"bytes"
	"io/fs"
	"path"
	"strings"
	"testing/fstest"

	"github.com/rogpeppe/go-internal/diff"
	"golang.org/x/tools/txtar"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// MaxFile is the size in bytes of the largest case.
const MaxFile = 4 << 20

// Case is one.
type Case struct {
	Packages, Arch string
	Dir            string
	Env            map[string]string
	Comment        []byte
	Given          []txtar.File // the sections that are given: the app's, dir, env, packages, arch
	Want           []txtar.File // the others
}

// Parse reads a case.
func Parse(text []byte) *Case {
	ar := txtar.Parse(text)
	c := &Case{Env: map[string]string{}, Comment: ar.Comment}
	for _, f := range ar.Files {
		switch {
		case strings.HasPrefix(f.Name, "app/"):
		case f.Name == "env":
			for l := range strings.Lines(string(f.Data)) {
				k, v, _ := strings.Cut(strings.TrimSuffix(l, "\n"), "=")
				c.Env[k] = v
			}
		case f.Name == "packages":
			c.Packages = strings.TrimSpace(string(f.Data))
		case f.Name == "dir":
			c.Dir = strings.TrimSpace(string(f.Data))
		case f.Name == "arch":
			c.Arch = strings.TrimSpace(string(f.Data))
		default:
			c.Want = append(c.Want, f)
			continue
		}
		c.Given = append(c.Given, f)
	}
	return c
}

// Files are the app's files: path to text, as the sections name them.
func (c *Case) Files() map[string]string {
	files := map[string]string{}
	for _, f := range c.Given {
		if name, ok := strings.CutPrefix(f.Name, "app/"); ok {
			files[name] = string(f.Data)
		}
	}
	return files
}

// Ask lets the provider called name plan the app. The app is in memory alone.
func (c *Case) Ask(cat *catalog.Catalog, name string) (*catalog.Evaluation, error) {
	files := fstest.MapFS{}
	for p, text := range c.Files() {
		f := &fstest.MapFile{Data: []byte(text), Mode: 0o644}
		p, executable := strings.CutSuffix(p, " mode=755")
		if executable {
			f.Mode = 0o755
		}
		if dir, ok := strings.CutSuffix(p, "/"); ok {
			p, f = dir, &fstest.MapFile{Mode: fs.ModeDir | 0o755}
		}
		if !fs.ValidPath(p) || p != path.Clean(p) {
			return nil, fault.New(fault.Usage, "app/%s is no file in an app", p)
		}
		files[p] = f
	}
	a := app.FromFS(files, "app")
	defer a.Close()
	if c.Dir != "" {
		var err error
		if a, err = a.Within(c.Dir); err != nil {
			return nil, err
		}
	}
	r := cat.Request(a, catalog.Env{Packages: c.Packages, Variables: c.Env, Arch: c.Arch})
	if cat.KnowsWorkspaces(name) {
		r.InWorkspace()
	}
	return r.Evaluate(name)
}

// Text is the case as a file, with what the provider said as what is expected.
func (c *Case) Text(got []txtar.File) []byte {
	return txtar.Format(&txtar.Archive{Comment: c.Comment, Files: append(append([]txtar.File{}, c.Given...), got...)})
}

// Diff is what is expected beside what the provider said, as diff -u shows it; nil where they are the same.
func (c *Case) Diff(got []txtar.File) []byte {
	d := diff.Diff("want", txtar.Format(&txtar.Archive{Files: c.Want}), "got", txtar.Format(&txtar.Archive{Files: got}))
	_, d, _ = bytes.Cut(d, []byte("\n")) // of a head that names both a third time
	return d
}
