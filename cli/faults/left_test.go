//go:build linux

package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/leaks"
)

// adopt makes this process the parent of orphaned descendants, so that none can hide.
var adopt = sync.OnceValue(func() error { return unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) })

// below returns the command lines of all running descendants of this process.
func below(t testing.TB) map[int]string {
	t.Helper()
	if err := adopt(); err != nil {
		t.Fatal(err)
	}
	parents, states := map[int]int{}, map[int]string{}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		raw, err := os.ReadFile(f)
		if err != nil {
			continue // it has exited
		}
		pid, _ := strconv.Atoi(strings.Split(f, "/")[2])
		fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:])) // a name may contain any character
		states[pid] = fields[0]
		parents[pid], _ = strconv.Atoi(fields[1])
	}
	out := map[int]string{}
	for pid := range parents {
		for up := parents[pid]; up > 1; up = parents[up] {
			if up != os.Getpid() {
				continue
			}
			if states[pid] == "Z" {
				if parents[pid] == up {
					unix.Wait4(pid, nil, unix.WNOHANG, nil)
				}
			} else if line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
				out[pid] = strings.ReplaceAll(string(line), "\x00", " ")
			}
			break
		}
	}
	return out
}

// deadline is how long anything may keep running after a fault.
const deadline = 10 * time.Second

// nothingRuns waits until there are no processes that did not exist before.
func (s *site) nothingRuns(before map[int]string) {
	s.t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		now := below(s.t)
		maps.DeleteFunc(now, func(pid int, _ string) bool { _, was := before[pid]; return was })
		if len(now) == 0 {
			return
		}
		if time.Since(began) > deadline {
			s.t.Errorf("still running %v after the fault: %v", deadline, now)
			for pid := range now {
				unix.Kill(pid, unix.SIGKILL)
			}
			return
		}
	}
}

// nothingMounted checks that no mounts remain.
func (s *site) nothingMounted() {
	s.t.Helper()
	if left, err := leaks.Mounts(s.dir); err != nil || len(left) > 0 {
		s.t.Errorf("mounted: %q, %v", left, err)
	}
}

// besideOutputs are files that no build may leave next to its outputs.
var besideOutputs = []string{"out/.*", "out/*/.*", "out/*/ingest", "state/nixpacks/images/*/.*", "state/nixpacks/images/*/*/ingest"}

// elsewhere are files that no build may leave in the state, the caches and the folder for temporary files.
var elsewhere = []string{
	"tmp/*", "cache/nixpacks/tmp/*",
	"state/nixpacks/buildkit/*/tmp/*", "state/nixpacks/buildkit/*/probe*", "state/nixpacks/buildkit/*/*.tmp", "state/nixpacks/buildkit/*/bk.sock",
	"state/nixpacks/buildkit/*/owner.json", "state/nixpacks/buildkit/*/unsynced", "state/nixpacks/buildkit/*/runc/*",
	"state/nixpacks/buildkit/*/runc-*/executor/hosts.*", "state/nixpacks/buildkit/*/runc-*/executor/*/config.json",
	"state/nixpacks/buildkit/*/runc-*/cachemounts/*", "state/nixpacks/buildkit/*/runc-*/content/ingest/*",
	"state/nixpacks/buildkit/*/runc-*/snapshots/snapshots/new-*",
}

// nothingTemporary checks for files that no build may leave anywhere.
func (s *site) nothingTemporary() {
	s.t.Helper()
	s.nothingAt(slices.Concat(besideOutputs, elsewhere))
}

// nothingAt checks that no files match the patterns.
func (s *site) nothingAt(patterns []string) {
	s.t.Helper()
	for _, pattern := range patterns {
		found, err := filepath.Glob(s.at(pattern))
		if err != nil {
			s.t.Fatal(err)
		}
		if len(found) > 0 {
			s.t.Errorf("left: %q", found)
		}
	}
}

// sum returns a hash of the names, modes and contents of all files at a path; "" if there are none.
func sum(t testing.TB, path string) string {
	t.Helper()
	h := sha256.New()
	err := filepath.WalkDir(path, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		st, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(h, "%s %v\n", strings.TrimPrefix(p, path), st.Mode())
		if !st.Mode().IsRegular() {
			return nil
		}
		f, err := os.Open(p)
		if err != nil {
			return err
		}
		defer f.Close()
		_, err = io.Copy(h, f)
		return err
	})
	if os.IsNotExist(err) {
		return ""
	}
	if err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// size returns the disk usage in bytes of the files below a directory, and their number.
func size(t testing.TB, dir string) (bytes int64, files int) {
	t.Helper()
	seen := map[uint64]bool{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var st unix.Stat_t
		if err := unix.Lstat(p, &st); err != nil {
			return err
		}
		files++
		if !seen[st.Ino] {
			seen[st.Ino] = true
			bytes += st.Blocks * 512
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return bytes, files
}

// sorted returns a map's keys in order.
func sorted[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
