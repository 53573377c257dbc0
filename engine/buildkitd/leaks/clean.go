//go:build linux

// Package leaks removes what a killed engine left in its state directory.
package leaks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Temporary returns the directory for temporary files below a state directory.
func Temporary(dir string) string { return filepath.Join(dir, "tmp") }

// Mounts lists the mount points below dir, an absolute path without symlinks.
func Mounts(dir string) ([]string, error) {
	dt, err := os.ReadFile("/proc/self/mountinfo")
	return Below(string(dt), dir), err
}

// Clean removes temporary files and leftovers of BuildKit's executor from the state directory dir. The caller holds the
// state's lock and has ended all containers.
//
// An engine's mounts end with it. If anything is still mounted below dir, it is unmounted first, and nothing is removed
// unless that succeeds: a mount may be a cache, or a user's source directory.
func Clean(dir string) error {
	points, err := Mounts(dir)
	if err != nil {
		return err
	}
	var errs []error
	for i := len(points) - 1; i >= 0; i-- {
		if err := unix.Unmount(points[i], unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil {
			errs = append(errs, fmt.Errorf("unmount %s: %w", points[i], err))
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	if err := os.RemoveAll(Temporary(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(Temporary(dir), 0o700); err != nil {
		return err
	}
	return removeBundles(dir)
}

// removeBundles removes the directories of steps, which contain a config and an empty mount point for the root file
// system, and the steps' /etc/hosts files.
func removeBundles(dir string) error {
	found, err := filepath.Glob(filepath.Join(escape(dir), "runc-*", "executor", "*"))
	if err != nil {
		return err
	}
	var errs []error
	for _, p := range found {
		st, err := os.Lstat(p)
		if err != nil {
			continue
		}
		switch {
		case st.IsDir():
			errs = append(errs, removeKnown(filepath.Join(p, "rootfs"), filepath.Join(p, "config.json"), p))
		case strings.HasPrefix(filepath.Base(p), "hosts."):
			errs = append(errs, removeKnown(p))
		}
	}
	return errors.Join(errs...)
}

func removeKnown(paths ...string) error {
	for _, p := range paths {
		if err := os.Remove(p); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
	}
	return nil
}

// escape quotes dir for use in a glob pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
