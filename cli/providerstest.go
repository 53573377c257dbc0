package cli

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"syscall"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/cases"
	"github.com/nixpacks-cue/nixpacks/engine/catalog"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func providersTest(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:      "test",
		Usage:     "run the test cases in the testdata folders of providers",
		ArgsUsage: "[DIR]",
		Description: "DIR is a provider or a folder of providers. A case is a file testdata/NAME.txtar with an app and the provider's expected\n" +
			"result; see docs/providers.md. The exit code is 1 if a case fails.",
		Flags: []ucli.Flag{
			&ucli.BoolFlag{Name: "update", Category: aboutWords, Usage: "update the cases with the actual results; review the changes afterwards"},
			jsonErrorsFlag(),
		},
		Action: func(c *ucli.Context) error { return providersTestAction(c, h) },
	}
}

func providersTestAction(c *ucli.Context, h *Host) error {
	dir, root, err := namedProviders(c)
	if err != nil {
		return err
	}
	own, cat, err := withOurs(root.FS(), dir)
	if err != nil {
		return err
	}
	t := tester{h: h, root: root, dir: dir, cat: cat, update: c.Bool("update")}
	for _, name := range own.Names() {
		p, _ := own.Get(name)
		if err := t.provider(p); err != nil {
			return err
		}
	}
	if t.failed {
		fmt.Fprintln(h.Stdout, "FAIL")
		return exitCode(fault.BuildFailed)
	}
	return nil
}

// namedProviders opens the folder of providers that the command line names.
func namedProviders(c *ucli.Context) (dir string, root *os.Root, err error) {
	if dir, err = appPath(c); err != nil {
		return "", nil, err
	}
	root, err = openProviders(dir)
	return dir, root, err
}

// openProviders opens a folder of providers. Symlinks cannot lead out of it, because others may have written the folder.
func openProviders(dir string) (*os.Root, error) {
	root, err := openFolder(dir)
	if err != nil {
		return nil, fault.Wrap(fault.Usage, err, "the providers in %s cannot be read", dir)
	}
	return root, nil
}

// openFolder opens a folder without blocking. Opening a named pipe would wait for a writer.
func openFolder(name string) (*os.Root, error) {
	if st, err := os.Stat(name); err == nil && !st.IsDir() {
		return nil, &fs.PathError{Op: "open", Path: name, Err: syscall.ENOTDIR}
	}
	return os.OpenRoot(name)
}

// withOurs reads the providers in a folder, and returns them alone and together with the built-in ones.
func withOurs(files fs.FS, dir string) (own, all *catalog.Catalog, err error) {
	if own, err = catalog.LoadAny(files, dir); err != nil {
		return nil, nil, err
	}
	if all, err = catalog.Builtin(); err != nil {
		return nil, nil, err
	}
	all, err = all.Beside(own)
	return own, all, err
}

// tester runs cases and prints the results, as `go test` does.
type tester struct {
	h      *Host
	root   *os.Root
	dir    string // as it was given
	cat    *catalog.Catalog
	update bool
	failed bool
}

func (t *tester) provider(p *catalog.Provider) error {
	files, err := fs.Glob(t.root.FS(), path.Join(p.Folder, catalog.CaseFiles))
	if err != nil {
		return err
	}
	if len(files) == 0 {
		fmt.Fprintf(t.h.Stdout, "?     %s  no cases in %s\n", p.Name, path.Join(p.From(), path.Dir(catalog.CaseFiles)))
		return nil
	}
	bad := 0
	for _, file := range files {
		ok, err := t.one(p, file)
		if err != nil {
			return err
		}
		if !ok {
			bad++
		}
	}
	noun := "cases"
	if len(files) == 1 {
		noun = "case"
	}
	if bad > 0 {
		t.failed = true
		fmt.Fprintf(t.h.Stdout, "FAIL  %s  %d of %d %s\n", p.Name, bad, len(files), noun)
		return nil
	}
	fmt.Fprintf(t.h.Stdout, "ok    %s  %d %s\n", p.Name, len(files), noun)
	return nil
}

// one runs a case and reports whether it passes.
func (t *tester) one(p *catalog.Provider, file string) (bool, error) {
	name := path.Join(t.dir, file)
	text, err := t.read(file, name)
	if err != nil {
		return false, err
	}
	k := cases.Parse(text)
	var e *catalog.Evaluation
	var failure error
	if err := budget.New().Run(budget.Evaluation("provider "+p.Name, fault.Pos{File: name}), func() error {
		e, failure = k.Ask(t.cat, p.Name)
		return nil
	}); err != nil {
		return false, err
	}
	got, err := cases.Outcome(e, failure)
	if err != nil {
		return false, err
	}
	difference := k.Diff(got)
	switch {
	case len(difference) == 0:
		return true, nil
	case !t.update:
		fmt.Fprintf(t.h.Stdout, "--- FAIL: %s\n%s", name, difference)
		return false, nil
	}
	fmt.Fprintf(t.h.Stdout, "wrote %s\n", name)
	return true, fault.Wrap(fault.Usage, t.root.WriteFile(file, k.Text(got), 0o644), "cannot write %s", name)
}

// read reads a case, which must be a regular file and not too large.
func (t *tester) read(file, name string) ([]byte, error) {
	info, err := t.root.Stat(file)
	switch {
	case err != nil:
		return nil, fault.Wrap(fault.Usage, err, "cannot read %s", name)
	case !info.Mode().IsRegular() || info.Size() > cases.MaxFile:
		return nil, fault.New(fault.Refused, "%s is not a regular file of at most %d MB", name, cases.MaxFile>>20)
	}
	text, err := t.root.ReadFile(file)
	return text, fault.Wrap(fault.Usage, err, "cannot read %s", name)
}
