package cli

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// tree is the real path of everything that may come from an untrusted author: the repository around an app, or the app
// alone. It is "" if there is none.
type tree string

// treeOf returns the tree of the app that the command line names.
func treeOf(c *ucli.Context) tree {
	path, err := appPath(c)
	if err != nil {
		return "" // reported where the app is opened
	}
	app, err := realPath(path)
	if err != nil {
		return ""
	}
	for dir := app; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return tree(dir)
		}
		if dir == filepath.Dir(dir) {
			return tree(app)
		}
	}
}

// leadsOut reports whether a path leads into the tree, after following symlinks outside of it, and out again by a symlink
// in it. A path that does not exist yet leads nowhere else.
func (t tree) leadsOut(name string) bool {
	abs, err := filepath.Abs(name)
	if err != nil || t == "" {
		return false
	}
	at := filepath.VolumeName(abs) + string(filepath.Separator)
	rest := strings.Split(abs[len(at):], string(filepath.Separator))
	for {
		if real, err := filepath.EvalSymlinks(at); err != nil {
			return false // it ends before it reaches the tree
		} else if in, err := filepath.Rel(string(t), real); err == nil && filepath.IsLocal(in) {
			return t.escapes(filepath.Join(in, filepath.Join(rest...)))
		}
		if len(rest) == 0 {
			return false
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:]
	}
}

// escapes reports whether following a path in the tree leads out of the tree.
func (t tree) escapes(name string) bool {
	root, err := os.OpenRoot(string(t))
	if err != nil {
		return false
	}
	defer root.Close()
	if _, err = root.Stat(name); err == nil || errors.Is(err, fs.ErrNotExist) {
		return false
	}
	real, err := filepath.EvalSymlinks(filepath.Join(string(t), name)) // it may follow an absolute symlink within the tree
	if err != nil {
		return true
	}
	in, err := filepath.Rel(string(t), real)
	return err != nil || !filepath.IsLocal(in)
}

// escapeFault returns the fault for a path that leads out of its tree by a symlink. The arguments format what it is called.
func escapeFault(what string, args ...any) *fault.Fault {
	return fault.New(fault.Usage, what+" leads outside the app or its repository through a symlink", args...).
		WithHint("an untrusted repository could read or overwrite any file this way: give the target of the symlink instead")
}

// checkOutputPaths refuses paths that a build would write to, if a symlink of the app's repository leads them out of it.
func checkOutputPaths(c *ucli.Context) error {
	t := treeOf(c)
	for _, flag := range []string{"report", "metadata-file", "iidfile", "out"} {
		if name := c.String(flag); name != "" && t.leadsOut(name) {
			return escapeFault("--%s %s", flag, name)
		}
	}
	for _, s := range c.StringSlice("output") {
		if o, err := parseOutput(s); err == nil && o.Dest != "" && o.Dest != "-" && t.leadsOut(o.Dest) {
			return escapeFault("--output %s", o.Dest)
		}
	}
	for _, s := range c.StringSlice("cache-to") {
		if k, err := parseCache("--cache-to", s); err == nil && k.Attrs["dest"] != "" && t.leadsOut(k.Attrs["dest"]) {
			return escapeFault("--cache-to %s", k.Attrs["dest"])
		}
	}
	return nil
}
