//go:build linux && cgo

package ocirt

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/userns"
	_ "github.com/opencontainers/cgroups/devices" // the device rules of a container's cgroup
	"github.com/opencontainers/runc/libcontainer"
	"github.com/opencontainers/runc/libcontainer/configs"
	"github.com/opencontainers/runc/libcontainer/seccomp"
	"github.com/opencontainers/runc/libcontainer/specconv"
	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// Seccomp reports whether steps run under BuildKit's system call filter. This requires a binary built with libseccomp
// (build tag seccomp).
func Seccomp() bool { return seccomp.Enabled }

func (c *call) create(spec *specs.Spec) (*libcontainer.Container, error) {
	rootless := os.Geteuid() != 0 || userns.RunningInUserNS()
	confined := !rootless && readCgroups().writable
	if err := adapt(spec, rootless, confined); err != nil {
		return nil, err
	}
	config, err := specconv.CreateLibcontainerConfig(&specconv.CreateOpts{
		CgroupName:      c.id,
		NoPivotRoot:     c.noPivot,
		Spec:            spec,
		RootlessEUID:    os.Geteuid() != 0,
		RootlessCgroups: !confined,
	})
	if err != nil {
		return nil, err
	}
	return libcontainer.Create(c.root, c.id, config)
}

// adapt removes what is not available here from a spec. BuildKit has already removed cgroups from a rootless one.
func adapt(spec *specs.Spec, rootless, confined bool) error {
	if spec.Linux == nil {
		return nil
	}
	if !seccomp.Enabled {
		spec.Linux.Seccomp = nil
	}
	if rootless && oneID("/proc/self/gid_map") { // the group "tty" has no id in such a namespace
		for i, m := range spec.Mounts {
			if m.Type == "devpts" {
				spec.Mounts[i].Options = slices.DeleteFunc(m.Options, func(o string) bool { return strings.HasPrefix(o, "gid=") })
			}
		}
	}
	if !rootless && !confined {
		return withoutCgroups(spec)
	}
	return nil
}

// oneID reports whether the map of a user namespace (/proc/PID/uid_map or gid_map) has a single id.
func oneID(mapFile string) bool {
	dt, _ := os.ReadFile(mapFile)
	f := strings.Fields(string(dt))
	return len(f) == 3 && f[2] == "1"
}

// newProcess converts a process of a spec to libcontainer's form.
func newProcess(p *specs.Process) (*libcontainer.Process, error) {
	lp := &libcontainer.Process{
		Args: p.Args, Env: p.Env, Cwd: p.Cwd,
		UID: int(p.User.UID), GID: int(p.User.GID),
		Label: p.SelinuxLabel, AppArmorProfile: p.ApparmorProfile,
		NoNewPrivileges: &p.NoNewPrivileges,
	}
	for _, g := range p.User.AdditionalGids {
		lp.AdditionalGroups = append(lp.AdditionalGroups, int(g))
	}
	if c := p.Capabilities; c != nil {
		lp.Capabilities = &configs.Capabilities{
			Bounding: c.Bounding, Effective: c.Effective, Inheritable: c.Inheritable,
			Permitted: c.Permitted, Ambient: c.Ambient,
		}
	}
	for _, r := range p.Rlimits {
		n, ok := rlimits[r.Type]
		if !ok {
			return nil, fmt.Errorf("unknown resource limit %q", r.Type)
		}
		lp.Rlimits = append(lp.Rlimits, configs.Rlimit{Type: n, Soft: r.Soft, Hard: r.Hard})
	}
	return lp, nil
}

var rlimits = map[string]int{
	"RLIMIT_AS": unix.RLIMIT_AS, "RLIMIT_CORE": unix.RLIMIT_CORE, "RLIMIT_CPU": unix.RLIMIT_CPU,
	"RLIMIT_DATA": unix.RLIMIT_DATA, "RLIMIT_FSIZE": unix.RLIMIT_FSIZE, "RLIMIT_LOCKS": unix.RLIMIT_LOCKS,
	"RLIMIT_MEMLOCK": unix.RLIMIT_MEMLOCK, "RLIMIT_MSGQUEUE": unix.RLIMIT_MSGQUEUE, "RLIMIT_NICE": unix.RLIMIT_NICE,
	"RLIMIT_NOFILE": unix.RLIMIT_NOFILE, "RLIMIT_NPROC": unix.RLIMIT_NPROC, "RLIMIT_RSS": unix.RLIMIT_RSS,
	"RLIMIT_RTPRIO": unix.RLIMIT_RTPRIO, "RLIMIT_RTTIME": unix.RLIMIT_RTTIME, "RLIMIT_SIGPENDING": unix.RLIMIT_SIGPENDING,
	"RLIMIT_STACK": unix.RLIMIT_STACK,
}
