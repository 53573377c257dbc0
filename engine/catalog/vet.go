package catalog

import (
	"errors"
	"io/fs"

	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// LoadAny is Load for a directory of providers, or for the directory of a single provider.
func LoadAny(dir fs.FS, name string) (*Catalog, error) {
	var c *Catalog
	err := budget.New().Run(budget.Evaluation(name, fault.Pos{File: name}), func() error {
		alone, err := isProvider(dir, name)
		if err != nil {
			return err
		}
		if !alone {
			c, err = load(dir, name)
			return err
		}
		p, err := loadProvider(dir, ".", name)
		if err == nil {
			c = &Catalog{list: []*Provider{p}}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(c.list) == 0 {
		return nil, noProviders(name)
	}
	return c, nil
}

func noProviders(name string) error {
	return fault.New(fault.Usage, "there is no provider in %s", name).
		WithHint("a provider is a folder of CUE files; create one with: nixpacks providers new NAME")
}

// isProvider reports whether the files at the top of a directory are those of a provider.
func isProvider(dir fs.FS, name string) (bool, error) {
	own, err := ReadSources(dir, ".", name)
	if err != nil || len(own) == 0 {
		return false, err
	}
	s, err := parseSources(own, true)
	if s == nil {
		return false, err
	}
	return s.top["detect"] != nil || s.top["plan"] != nil || s.top["name"] != nil, nil
}

// Vet checks the providers in a directory, or the single provider in it, as far as possible without an app. It returns the
// paths of the valid ones, and faults with everything that is wrong with the others.
func Vet(dir fs.FS, name string) (right []string, err error) {
	alone, err := isProvider(dir, name)
	if err != nil {
		return nil, err
	}
	folders := []string{"."}
	if !alone {
		if folders, err = providerFolders(dir, name, nil); err != nil {
			return nil, err
		}
	}
	if len(folders) == 0 {
		return nil, noProviders(name)
	}
	var faults []error
	for _, folder := range folders {
		p := &Provider{Folder: folder, label: name}
		at := p.path()
		err := budget.New().Run(budget.Evaluation(at, fault.Pos{File: at}), func() error { return vet(dir, folder, name) })
		if err == nil {
			right = append(right, at)
		}
		faults = append(faults, err)
	}
	return right, errors.Join(faults...)
}

func vet(dir fs.FS, folder, label string) error {
	p, err := loadProvider(dir, folder, label)
	if err != nil {
		return err
	}
	s, err := p.parse()
	if err != nil {
		return err
	}
	if _, _, err := s.questions(); err != nil {
		return err
	}
	ctx := providerContext()
	v, err := BuildFiles(ctx, s.files)
	if err != nil {
		return SyntaxFault(err, "provider "+p.Name)
	}
	return (&evaluator{provider: p, syntax: s, ctx: ctx}).conform(v)
}
