//go:build linux && cgo

package ocirt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/opencontainers/runc/libcontainer"
	"golang.org/x/sys/unix"
)

// DestroyAll kills and removes every container below state, left behind by a killed process. The caller holds the state's
// lock, so no container can be in use.
func DestroyAll(_ context.Context, state string) error {
	root := Root(state)
	entries, err := os.ReadDir(root)
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	var errs []error
	for _, e := range entries {
		if err := remove(root, e.Name(), true); err != nil {
			errs = append(errs, fmt.Errorf("container %s: %w", e.Name(), err))
		}
	}
	return errors.Join(errs...)
}

// killAndWait kills a container's processes and waits until they are gone.
func killAndWait(ct *libcontainer.Container) error {
	if err := ct.Signal(unix.SIGKILL); err != nil && !errors.Is(err, libcontainer.ErrNotRunning) {
		return err
	}
	const patience = 10 * time.Second // do not wait for a process in an uninterruptible wait
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if s, err := ct.Status(); err != nil || s == libcontainer.Stopped {
			return nil
		}
	}
	return fmt.Errorf("its process still runs %v after SIGKILL", patience)
}
