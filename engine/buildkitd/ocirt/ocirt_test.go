//go:build linux && cgo

package ocirt

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// The command lines that BuildKit's executor uses.
func TestParse(t *testing.T) {
	argv0 := os.Args[0]
	defer func() { os.Args[0] = argv0 }()
	os.Args[0] = "/state/bin/" + Name
	log := []string{"--log", "/l", "--log-format", "json"}
	for _, c := range []struct {
		args []string
		want call
	}{
		{[]string{"run", "--bundle", "/b", "--keep", "id"}, call{verb: "run", id: "id", bundle: "/b", keep: true, signal: "TERM"}},
		{[]string{"exec", "--process", "/p", "--pid-file", "/pid", "id"}, call{verb: "exec", id: "id", bundle: ".", process: "/p", pidFile: "/pid", signal: "TERM"}},
		{[]string{"kill", "id", "9"}, call{verb: "kill", id: "id", bundle: ".", signal: "9"}},
		{[]string{"delete", "--force", "id"}, call{verb: "delete", id: "id", bundle: ".", force: true, signal: "TERM"}},
		{[]string{"state", "id"}, call{verb: "state", id: "id", bundle: ".", signal: "TERM"}},
	} {
		got, err := parse(append(log[:len(log):len(log)], c.args...))
		c.want.root = "/state/runc"
		if err != nil || *got != c.want {
			t.Errorf("%v: %v\n got %+v\nwant %+v", c.args, err, got, c.want)
		}
	}
	for _, bad := range [][]string{nil, log, {"run", "--detach", "id"}} {
		if c, err := parse(bad); err == nil {
			t.Errorf("%v: accepted as %+v", bad, c)
		}
	}
}

func TestSignalNumber(t *testing.T) {
	for s, want := range map[string]unix.Signal{"9": 9, "KILL": 9, "SIGKILL": 9, "term": 15, "SIGNOTHING": 0} {
		if got, err := signalNumber(s); got != want || (err != nil) != (want == 0) {
			t.Errorf("%s: %d, %v", s, got, err)
		}
	}
}

// A container id comes from a directory entry or a command line, and must not allow path traversal.
func TestRemoveUnstarted(t *testing.T) {
	root := t.TempDir()
	started := filepath.Join(root, "runc", "id")
	if err := os.MkdirAll(started, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "..", "../runc", "a/b", "."} {
		if err := removeUnstarted(filepath.Join(root, "runc"), id); err == nil {
			t.Errorf("%q is accepted", id)
		}
	}
	if err := DestroyAll(t.Context(), root); err != nil {
		t.Error(err)
	}
	if _, err := os.Lstat(started); err == nil {
		t.Error("a container that never started is left")
	}
}

func TestParseCgroups(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want cgroups
	}{
		"none":             {"21 1 254:0 / / rw - ext4 /dev/vda rw\n", cgroups{}},
		"version 2":        {"25 24 0:22 / /sys/fs/cgroup rw,nosuid shared:9 - cgroup2 cgroup2 rw\n", cgroups{true, true, true}},
		"in a container":   {"25 24 0:22 / /sys/fs/cgroup ro,nosuid - cgroup2 cgroup rw\n", cgroups{true, true, false}},
		"version 1":        {"25 24 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n26 24 0:23 / /sys/fs/cgroup/devices rw - cgroup cgroup rw,devices\n", cgroups{true, true, true}},
		"no devices":       {"25 24 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n", cgroups{true, false, false}},
		"hybrid's unified": {"25 24 0:22 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n", cgroups{}},
	} {
		if got := parseCgroups(c.text); got != c.want {
			t.Errorf("%s: %+v, want %+v", name, got, c.want)
		}
	}
}

func TestLimits(t *testing.T) {
	v1 := "25 24 0:22 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n26 24 0:23 / /sys/fs/cgroup/memory ro - cgroup cgroup rw,memory\n"
	v2 := "25 24 0:22 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw\n"
	for name, c := range map[string]struct {
		mounts, unified string
		cpu, memory     bool
		why             string
	}{
		"version 1":                {v1, "", true, false, ""},
		"version 1, read only":     {v1, "", true, true, "cannot be written"},
		"version 2":                {v2, "cpuset cpu io memory\n", true, true, ""},
		"version 2, not delegated": {v2, "cpuset io memory\n", true, true, `no "cpu" controller`},
		"nothing wanted":           {"", "", false, false, ""},
		"nothing there":            {"", "", false, true, `no "memory" controller`},
	} {
		if got := unlimited(c.mounts, c.unified, c.cpu, c.memory); (got == "") != (c.why == "") || !strings.Contains(got, c.why) {
			t.Errorf("%s: %q, want %q", name, got, c.why)
		}
	}
}

func TestAdapt(t *testing.T) {
	spec := &specs.Spec{
		Process: &specs.Process{Capabilities: &specs.LinuxCapabilities{Bounding: []string{"CAP_CHOWN", "CAP_MKNOD"}, Effective: []string{"CAP_MKNOD"}}},
		Linux:   &specs.Linux{Seccomp: &specs.LinuxSeccomp{}, CgroupsPath: "/x", Resources: &specs.LinuxResources{}},
		Mounts:  []specs.Mount{{Type: "cgroup"}, {Type: "proc"}},
	}
	if err := adapt(spec, false, true); err != nil || len(spec.Mounts) != 2 || spec.Linux.CgroupsPath == "" {
		t.Errorf("with control groups: %v, %+v", err, spec)
	}
	if (spec.Linux.Seccomp != nil) != Seccomp() {
		t.Error("a filter that cannot be loaded is kept, or one that can is not")
	}
	if err := adapt(spec, false, false); err != nil || len(spec.Mounts) != 1 || spec.Linux.CgroupsPath != "" || spec.Linux.Resources != nil {
		t.Errorf("without control groups: %v, %+v", err, spec)
	}
	if c := spec.Process.Capabilities; len(c.Bounding) != 1 || len(c.Effective) != 0 {
		t.Errorf("without control groups: %+v", c)
	}
}

// The symlink resolves to the running binary even if its file is gone.
func TestInstall(t *testing.T) {
	state := t.TempDir()
	if err := os.MkdirAll(Path(state), 0o700); err != nil { // something else is in the way
		t.Fatal(err)
	}
	for range 2 {
		path, err := Install(state)
		if err != nil || path != Path(state) || !Invoked(path) {
			t.Fatal(path, err)
		}
		if to, err := os.Readlink(path); err != nil || to != self {
			t.Error(to, err)
		}
	}
}
