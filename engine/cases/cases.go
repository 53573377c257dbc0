// Package cases tests providers. A case is a txtar file with a line that describes what it tests, and
//
//	-- app/PATH --   a file of the app; -- app/PATH mode=755 -- an executable one; a PATH that ends in / an empty directory
//	-- dir --        the app's folder, if app/ is a repository that contains it (--app)
//	-- env --        variables, one NAME=VALUE per line
//	-- packages --   nix or apt
//	-- arch --       the architecture of the image, if not amd64
//
// and the expected results, which the test command can write:
//
//	-- plan.json --      the provider's plan
//	-- app.json --       the app's place in its repository, if it is a workspace member
//	-- slim.json --      the provider's description of the run image, if any
//	-- metadata.json --  words in addition to the provider's name, if any
//	-- versions --       the versions that the provider chose, one per line, if any
//	-- shares.json --    the data offered to other providers, if any
//	-- notes --          the notes for the user, if any
//	-- error --          the refusal of the app, instead of all of the above
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

// MaxFile is the maximum size of a case in bytes.
const MaxFile = 4 << 20

// Case is a parsed case.
type Case struct {
	Packages, Arch string
	Dir            string
	Env            map[string]string
	Comment        []byte
	Given          []txtar.File // the input sections: app, dir, env, packages, arch
	Want           []txtar.File // the expected results
}

// Parse parses a case.
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

// Files returns the app's files: text by path, as the sections name them.
func (c *Case) Files() map[string]string {
	files := map[string]string{}
	for _, f := range c.Given {
		if name, ok := strings.CutPrefix(f.Name, "app/"); ok {
			files[name] = string(f.Data)
		}
	}
	return files
}

// Ask evaluates the provider called name for the app, which exists only in memory.
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
			return nil, fault.New(fault.Usage, "app/%s is not a valid file path in an app", p)
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

// Text formats the case as a file, with got as the expected results.
func (c *Case) Text(got []txtar.File) []byte {
	return txtar.Format(&txtar.Archive{Comment: c.Comment, Files: append(append([]txtar.File{}, c.Given...), got...)})
}

// Diff returns the difference between the expected results and got in the format of diff -u, or nil if they are equal.
func (c *Case) Diff(got []txtar.File) []byte {
	d := diff.Diff("want", txtar.Format(&txtar.Archive{Files: c.Want}), "got", txtar.Format(&txtar.Archive{Files: got}))
	_, d, _ = bytes.Cut(d, []byte("\n")) // drop the first header line, which repeats both names
	return d
}
