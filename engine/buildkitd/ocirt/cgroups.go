//go:build linux && cgo

package ocirt

import (
	"os"
	"slices"

	"github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// cgroups describes the available cgroups.
type cgroups struct {
	mounted  bool // libcontainer can use them at all
	devices  bool // there is a devices controller (always in version 2)
	writable bool // the devices controller can be set
}

func readCgroups() cgroups {
	dt, _ := os.ReadFile("/proc/self/mountinfo")
	return parseCgroups(string(dt))
}

// parseCgroups parses a mountinfo file.
func parseCgroups(mountinfo string) cgroups {
	var c cgroups
	for h := range hierarchies(mountinfo) {
		c.mounted = true
		if h.unified || slices.Contains(h.controllers, "devices") {
			c.devices, c.writable = true, h.writable
		}
	}
	return c
}

// Check returns an error if the runtime cannot work here.
func Check() error {
	c := readCgroups()
	if c.mounted && c.devices {
		return nil
	}
	what := "no control groups are mounted on /sys/fs/cgroup"
	if c.mounted {
		what = "the control groups on /sys/fs/cgroup have no \"devices\" controller"
	}
	return fault.New(fault.Usage, "build steps cannot be confined: %s", what).
		WithHint("as root: mount -t cgroup2 cgroup2 /sys/fs/cgroup, or use another BuildKit with --builder or BUILDKIT_HOST")
}

// withoutCgroups adapts a spec to read-only cgroups, as most containers have. A step that runs as the real root is then
// kept from the host's disks only by the lack of device files: it may not create any, and those of its image are
// disabled.
func withoutCgroups(spec *specs.Spec) error {
	spec.Linux.Resources, spec.Linux.CgroupsPath = nil, ""
	spec.Mounts = slices.DeleteFunc(spec.Mounts, func(m specs.Mount) bool { return m.Type == "cgroup" })
	withoutDevices(spec.Process)
	if spec.Root == nil {
		return nil
	}
	return os.NewSyscallError("mount", unix.Mount("", spec.Root.Path, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_NODEV, ""))
}

// withoutDevices removes a process's capability to create device files.
func withoutDevices(p *specs.Process) {
	if p == nil || p.Capabilities == nil {
		return
	}
	for _, set := range []*[]string{&p.Capabilities.Bounding, &p.Capabilities.Effective, &p.Capabilities.Inheritable,
		&p.Capabilities.Permitted, &p.Capabilities.Ambient} {
		*set = slices.DeleteFunc(*set, func(c string) bool { return c == "CAP_MKNOD" })
	}
}
