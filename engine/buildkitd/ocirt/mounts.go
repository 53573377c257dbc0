//go:build linux

package ocirt

import (
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/moby/sys/userns"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// hierarchy is a mounted cgroup hierarchy.
type hierarchy struct {
	unified     bool     // version 2, on /sys/fs/cgroup
	controllers []string // of version 1
	writable    bool
}

// hierarchies parses a mountinfo file. It skips the unified hierarchy of a hybrid setup, since steps do not use it.
func hierarchies(mountinfo string) iter.Seq[hierarchy] {
	return func(yield func(hierarchy) bool) {
		for line := range strings.Lines(mountinfo) {
			before, after, _ := strings.Cut(line, " - ")
			f, fs := strings.Fields(before), strings.Fields(after)
			if len(f) < 6 || len(fs) < 3 {
				continue
			}
			h := hierarchy{
				unified:     fs[0] == "cgroup2" && f[4] == "/sys/fs/cgroup",
				controllers: strings.Split(fs[2], ","),
				writable:    !slices.Contains(strings.Split(f[5], ","), "ro"),
			}
			if (h.unified || fs[0] == "cgroup") && !yield(h) {
				return
			}
		}
	}
}

// CheckLimits returns an error if steps cannot have CPU or memory limits here.
func CheckLimits(cpu, memory bool) error {
	var why string
	if os.Geteuid() != 0 || userns.RunningInUserNS() {
		why = "this requires root"
	} else {
		mounts, _ := os.ReadFile("/proc/self/mountinfo")
		unified, _ := os.ReadFile("/sys/fs/cgroup/cgroup.controllers")
		why = unlimited(string(mounts), string(unified), cpu, memory)
	}
	if why == "" {
		return nil
	}
	return fault.New(fault.Usage, "build steps cannot be limited here: %s", why).
		WithHint("limit the machine or container that builds, or use another BuildKit with --builder or BUILDKIT_HOST")
}

// unlimited returns the reason why limits cannot be set, or "" if they can. unified lists the controllers of version 2.
func unlimited(mountinfo, unified string, cpu, memory bool) string {
	writable := map[string]bool{}
	for h := range hierarchies(mountinfo) {
		names := h.controllers
		if h.unified {
			names = strings.Fields(unified)
		}
		for _, name := range names {
			writable[name] = writable[name] || h.writable
		}
	}
	for _, c := range []struct {
		name   string
		wanted bool
	}{{"cpu", cpu}, {"memory", memory}} {
		can, there := writable[c.name]
		switch {
		case c.wanted && !there:
			return "the control groups on /sys/fs/cgroup have no \"" + c.name + "\" controller"
		case c.wanted && !can:
			return "the control groups on /sys/fs/cgroup cannot be written, as in most containers"
		}
	}
	return ""
}
