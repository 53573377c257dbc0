package modules

import (
	"archive/zip"
	"bytes"
	"io"
	"io/fs"
	"slices"

	"cuelang.org/go/mod/modfile"
	"cuelang.org/go/mod/module"
	"cuelang.org/go/mod/modzip"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
	"github.com/nixpacks-cue/nixpacks/schema"
)

// Module is the content of a module.
type Module struct {
	lock.Pin
	FS    fs.FS    // its files, in memory
	Files []string // names of the files, sorted
}

// moduleFile declares a module.
const moduleFile = "cue.mod/module.cue"

// unpack opens a module's archive, which is untrusted. It checks names, sizes and module.cue. The readers of the other files
// check their content.
func unpack(mv module.Version, packed []byte) (*Module, error) {
	m := &Module{}
	err := budget.New().Run(budget.Evaluation(mv.String(), fault.Pos{File: mv.String()}), func() error {
		z, file, _, err := modzip.CheckZip(mv, bytes.NewReader(packed), int64(len(packed)))
		if err != nil {
			return fault.New(fault.Refused, "%s is not a CUE module: %v", mv, err)
		}
		if err := sizes(mv, z); err != nil {
			return err
		}
		for _, f := range z.File {
			m.Files = append(m.Files, f.Name)
		}
		slices.Sort(m.Files)
		m.FS = z
		return itself(mv, file)
	})
	if err != nil {
		return nil, err
	}
	return m, nil
}

func sizes(mv module.Version, z *zip.Reader) error {
	var sum uint64
	for _, f := range z.File {
		if sum += f.UncompressedSize64; f.UncompressedSize64 > maxUnpacked || sum > maxUnpacked || len(z.File) > maxFiles {
			return fault.New(fault.Refused, "%s is too large for a provider module", mv).
				WithHint("the limit is %d files with %d MB", maxFiles, maxUnpacked>>20)
		}
		if !f.Mode().IsRegular() && !f.Mode().IsDir() {
			return fault.New(fault.Refused, "%s in %s is not a regular file", f.Name, mv)
		}
	}
	return nil
}

// itself refuses a module whose module.cue declares another path or dependencies.
func itself(mv module.Version, file *zip.File) error {
	from, err := file.Open()
	if err != nil {
		return fault.Wrap(fault.Refused, err, "%s of %s cannot be read", moduleFile, mv)
	}
	defer from.Close()
	text, err := io.ReadAll(io.LimitReader(from, maxManifest+1))
	if err == nil && len(text) > maxManifest {
		err = errLarge{maxManifest}
	}
	if err != nil {
		return fault.Wrap(fault.Refused, err, "%s of %s cannot be read: %v", moduleFile, mv, err)
	}
	mod, err := describe(text, mv.String()+"/"+moduleFile)
	if err != nil {
		return err
	}
	if mod.QualifiedModule() != mv.Path() {
		return fault.New(fault.Refused, "the module that the registry has as %s declares the path %s", mv, mod.QualifiedModule()).
			WithHint("its content was not used")
	}
	return nil
}

// describe parses a module.cue. It refuses dependencies other than the schema, because a provider must not import other modules.
func describe(text []byte, name string) (*modfile.File, error) {
	mod, err := modfile.Parse(text, name)
	if err != nil {
		return nil, fault.New(fault.Refused, "%s cannot be read: %v", name, err).WithPos(fault.Pos{File: name})
	}
	for dep := range mod.Deps {
		if dep == schema.Module { // built into the program
			continue
		}
		return nil, fault.New(fault.Refused, "%s depends on other modules, such as %s", name, dep).WithPos(fault.Pos{File: name}).
			WithHint("providers and policies can import only list, regexp, strconv and strings, and providers also %s: remove other deps", schema.Module)
	}
	return mod, nil
}
