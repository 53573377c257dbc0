//go:build linux && !cgo

package ocirt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// Linked reports whether the runtime is part of this binary.
const Linked = false

// Invoked reports whether a process with this argv[0] is the runtime. Without cgo, it never is.
func Invoked(string) bool { return false }

// Main is never reached in a binary without cgo.
func Main([]string) int { return 1 }

// Check does nothing: runc reports what it lacks.
func Check() error { return nil }

// Seccomp always returns true: runc itself decides whether it filters system calls.
func Seccomp() bool { return true }

// Install creates a wrapper script that runs runc from $PATH with its containers below state.
func Install(state string) (string, error) {
	runc, err := exec.LookPath("runc")
	if err != nil {
		return "", fault.New(fault.Usage, "this binary was built without cgo, and there is no runc on $PATH to run build steps with").
			WithHint("install runc, build nixpacks with cgo (Go and gcc), or use another BuildKit with --builder or BUILDKIT_HOST")
	}
	if runc, err = filepath.Abs(runc); err != nil {
		return "", err
	}
	path := Path(state)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	script := fmt.Sprintf("#!/bin/sh\nexec %s --root %s \"$@\"\n", quote(runc), quote(Root(state)))
	tmp := path + ".tmp"
	if err := os.WriteFile(tmp, []byte(script), 0o700); err != nil {
		return "", err
	}
	return path, os.Rename(tmp, path)
}

func quote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }

// DestroyAll kills and removes every container below state, left behind by a killed process. The caller holds the state's
// lock, so no container can be in use.
func DestroyAll(ctx context.Context, state string) error {
	entries, err := os.ReadDir(Root(state))
	if errors.Is(err, os.ErrNotExist) || len(entries) == 0 {
		return nil
	}
	if err != nil {
		return err
	}
	out, err := exec.CommandContext(ctx, Path(state), "list", "--format=json").Output()
	if err != nil {
		return fmt.Errorf("runc list: %w", err)
	}
	var list []struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(out, &list); err != nil {
		return fmt.Errorf("runc list: %w", err)
	}
	var errs []error
	for _, c := range list {
		if out, err := exec.CommandContext(ctx, Path(state), "delete", "--force", c.ID).CombinedOutput(); err != nil {
			errs = append(errs, fmt.Errorf("runc delete %s: %w: %s", c.ID, err, out))
		}
	}
	return errors.Join(errs...)
}
