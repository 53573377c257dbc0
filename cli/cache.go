package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/docker/go-units"
	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/solve"
)

// pruneName is the name of the command that frees disk space.
const pruneName = "prune"

func cacheCommand(h *Host) *ucli.Command {
	return &ucli.Command{
		Name:   "cache",
		Usage:  "show or free the disk space that builds use",
		Action: onlyCommands,
		Subcommands: []*ucli.Command{{
			Name:   "du",
			Usage:  "show the disk usage of builds, by kind and location",
			Flags:  append(engineFlags(), offlineFlag()),
			Action: func(c *ucli.Context) error { return cacheUsage(c, h) },
		}, {
			Name:  pruneName,
			Usage: "remove cached layers and cache directories, or with --keep-storage the oldest; builds recreate them",
			Flags: append(slices.Concat(engineFlags(), keepFlags()), offlineFlag(),
				&ucli.BoolFlag{Name: "all", Category: aboutBuild, Usage: "also remove bases, downloaded packages and modules, and the images kept for nixpacks run"}),
			Action: func(c *ucli.Context) error { return cachePrune(c, h) },
		}},
	}
}

// ownDirs returns this program's own directories, beside the engine's state: the kept images, and the cache of downloads.
func (h *Host) ownDirs() (images, cache string, err error) {
	state, err1 := h.stateDir()
	cache, err2 := h.cacheDir()
	return filepath.Join(state, imagesDir), cache, errors.Join(err1, err2)
}

func cacheUsage(c *ucli.Context, h *Host) error {
	images, cache, err := h.ownDirs()
	if err != nil {
		return err
	}
	var u solve.Usage
	err = withEngine(c, h, func(e *solve.Engine) error {
		u, err = e.Usage(c.Context)
		return err
	})
	if err != nil {
		return err
	}
	kept, bases := sizeOf(images), sizeOf(cache)
	for _, line := range []struct {
		size int64
		what string
	}{
		{u.Layers, "layers of build steps and base images"},
		{u.CacheDirectories, "cache directories"},
		{u.Sources, "copies of build contexts, for incremental transfer"},
		{u.Other, "internal data of the builder"},
		{kept, "images in " + images},
		{bases, "bases, their packages, and modules in " + cache},
		{u.Total() + kept + bases, "total"},
	} {
		if _, err := fmt.Fprintf(h.Stdout, "%10s  %s\n", units.HumanSize(float64(line.size)), line.what); err != nil {
			return err
		}
	}
	return nil
}

func cachePrune(c *ucli.Context, h *Host) error {
	images, cache, err := h.ownDirs()
	if err != nil {
		return err
	}
	keep, err := keepStorage(c)
	if err != nil {
		return err
	}
	if keep > 0 && c.Bool("all") {
		return fault.New(fault.Usage, "--all and --keep-storage cannot be combined").WithHint("remove one of them")
	}
	var freed int64
	err = withEngine(c, h, func(e *solve.Engine) error {
		freed, err = e.Prune(c.Context, c.Bool("all"), keep)
		return err
	})
	if err != nil {
		return err
	}
	if c.Bool("all") {
		freed += sizeOf(images) + sizeOf(cache)
		if err := errors.Join(os.RemoveAll(images), os.RemoveAll(cache)); err != nil {
			return fault.Wrap(fault.Usage, err, "not everything could be removed")
		}
	}
	_, err = fmt.Fprintf(h.Stdout, "freed %s\n", units.HumanSize(float64(freed)))
	return err
}

// keepFlags limit how much builds keep. The flag has the name that docker builder prune uses.
func keepFlags() []ucli.Flag {
	return []ucli.Flag{&ucli.StringFlag{Name: "keep-storage", Category: aboutBuild,
		Usage: "limit layers and cache directories to `SIZE`, such as 20GB (default for builds: BuildKit's limit for the disk)"}}
}

// keepStorage returns the value of --keep-storage in bytes, 0 if it is not set.
func keepStorage(c *ucli.Context) (int64, error) {
	return bytesOf(c, "keep-storage", "20GB or 500MB")
}

// sizeOf returns the total size of the regular files under dir, in bytes. It skips files that it cannot read.
func sizeOf(dir string) int64 {
	var sum int64
	filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return nil
		}
		if st, err := d.Info(); err == nil {
			sum += st.Size()
		}
		return nil
	})
	return sum
}
