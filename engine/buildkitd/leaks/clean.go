//go:build linux

// Package leaks finds and removes what a killed engine left behind: mounts, and the executor's files.
package leaks

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// Mounts lists the places where something of the state directory dir (absolute, without symbolic links) is
// mounted, in the order they were mounted.
func Mounts(dir string) ([]string, error) {
	all, err := readMounts()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, e := range within(all, dir) {
		out = append(out, e.point)
	}
	return out, nil
}

// Clean unmounts everything of dir and removes what BuildKit's executor leaves in a step's directory. The
// caller holds the state's lock and has ended all containers. Nothing is ever removed recursively: should a
// mount survive, its content (a cache, a source directory) must not go.
func Clean(dir string) error {
	points, err := Mounts(dir)
	if err != nil {
		return err
	}
	var errs []error
	for i := len(points) - 1; i >= 0; i-- {
		p := points[i]
		if err := unix.Unmount(p, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW); err != nil && !errors.Is(err, unix.EINVAL) {
			errs = append(errs, fmt.Errorf("unmount %s: %w", p, err))
			continue
		}
		if strings.HasPrefix(filepath.Base(p), "buildkit-mount") {
			_ = os.Remove(p) // the empty directory that BuildKit made for it
		}
	}
	if len(errs) > 0 {
		return errors.Join(errs...)
	}
	return removeBundles(dir)
}

// removeBundles removes the directories of steps, which hold a configuration and an empty place for the root
// file system, and the steps' own /etc/hosts files.
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

// escape makes dir mean itself in a glob pattern.
func escape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}
