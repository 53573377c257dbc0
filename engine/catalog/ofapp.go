package catalog

import (
	"io/fs"

	"github.com/nixpacks-cue/nixpacks/engine/app"
	"github.com/nixpacks-cue/nixpacks/engine/budget"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// AppFolder is the folder of an app that may hold providers. It counts only if the file AppSwitch is next to it, because many
// apps have a folder of that name for something else.
const (
	AppFolder = "providers"
	AppSwitch = "nixpacks.cue"
)

// Brings reports whether the app may bring providers: it has the folder and the switch.
func Brings(a *app.App) bool {
	info, ok := a.Stat(AppSwitch)
	if !ok || !info.Mode().IsRegular() {
		return false
	}
	info, ok = a.Stat(AppFolder)
	return ok && info.IsDir()
}

// OfApp loads the providers that the app brings, as Load does. It returns none if the app brings none.
func OfApp(a *app.App) ([]*Catalog, error) {
	if !Brings(a) {
		return nil, nil
	}
	sub, err := a.Sub(AppFolder)
	if err != nil {
		return nil, err
	}
	defer sub.Close()
	dir, err := sub.FS() // not fs.Sub, which opens the directory and blocks on a named pipe
	if err != nil {
		return nil, err
	}
	var c *Catalog
	err = budget.New().Run(budget.Evaluation(AppFolder, fault.Pos{File: AppFolder}), func() error {
		found, err := fs.Glob(dir, "*/*.cue")
		if err == nil && len(found) > 0 {
			c, err = load(dir, AppFolder)
		}
		return err
	})
	if err != nil || c == nil {
		return nil, fault.Wrap(fault.Usage, err, "cannot read %s", AppFolder)
	}
	return []*Catalog{c}, nil
}
