//go:build linux

package namespace

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"strings"
)

// extent maps count ids, starting at inside in the namespace and at outside in its parent.
type extent struct{ inside, outside, count uint64 }

// mapIDs maps the ids of the user namespace of process pid: root is this user, and the other ids are the user's
// subordinate ids (subuid(5)). Without subordinate ids, the namespace has a single id, and mapIDs returns the reason.
// Image layers and package managers that use other users will then fail.
func mapIDs(pid int) (oneID string, err error) {
	uid, gid := os.Getuid(), os.Getgid()
	if uid == 0 { // root without CAP_SYS_ADMIN may still map every id it has
		if writeMap(pid, "uid_map", inherited("/proc/self/uid_map")) == nil {
			return "", writeMap(pid, "gid_map", inherited("/proc/self/gid_map"))
		}
	}
	uids, gids, why := subordinate(uid, gid)
	if why == "" {
		out, err := exec.Command("newuidmap", arguments(pid, uids)...).CombinedOutput()
		if err == nil {
			if out, err := exec.Command("newgidmap", arguments(pid, gids)...).CombinedOutput(); err != nil {
				return "", fmt.Errorf("newgidmap: %w: %s", err, out)
			}
			return "", nil
		}
		why = fmt.Sprintf("newuidmap failed: %s", strings.TrimSpace(string(out)))
	}
	if err := writeMap(pid, "uid_map", []extent{{0, uint64(uid), 1}}); err != nil {
		return "", err
	}
	// An unprivileged process may map a group only if setgroups is denied in the namespace.
	if err := os.WriteFile(procFile(pid, "setgroups"), []byte("deny"), 0); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", err
	}
	return why, writeMap(pid, "gid_map", []extent{{0, uint64(gid), 1}})
}

func subordinate(uid, gid int) (uids, gids []extent, why string) {
	for _, b := range []string{"newuidmap", "newgidmap"} {
		if _, err := exec.LookPath(b); err != nil {
			return nil, nil, b + " is not installed (Debian, Ubuntu: apt-get install uidmap)"
		}
	}
	names := []string{strconv.Itoa(uid)}
	if u, err := user.LookupId(names[0]); err == nil {
		names = append(names, u.Username)
	}
	us, gs := ranges("/etc/subuid", names), ranges("/etc/subgid", names)
	if len(us) == 0 || len(gs) == 0 {
		return nil, nil, "no subordinate ids are given to this user in /etc/subuid and /etc/subgid"
	}
	return chain(uint64(uid), us), chain(uint64(gid), gs), ""
}

// ranges reads the lines NAME:START:COUNT of one user. An unreadable file counts as empty.
func ranges(file string, names []string) []extent {
	dt, _ := os.ReadFile(file)
	var out []extent
	for line := range strings.Lines(string(dt)) {
		f := strings.Split(strings.TrimSpace(line), ":")
		if len(f) != 3 || f[0] != names[0] && f[0] != names[len(names)-1] {
			continue
		}
		start, err := strconv.ParseUint(f[1], 10, 32)
		n, err2 := strconv.ParseUint(f[2], 10, 32)
		if err == nil && err2 == nil && n > 0 {
			out = append(out, extent{outside: start, count: n})
		}
	}
	return out
}

// chain maps root, and then all ranges one after another.
func chain(root uint64, ranges []extent) []extent {
	out := []extent{{0, root, 1}}
	next := uint64(1)
	for _, r := range ranges {
		out = append(out, extent{next, r.outside, r.count})
		next += r.count
	}
	return out
}

// inherited returns an identity mapping of all ids in a map file of this process's own namespace.
func inherited(file string) []extent {
	dt, _ := os.ReadFile(file)
	var out []extent
	for line := range strings.Lines(string(dt)) {
		f := strings.Fields(line)
		if len(f) != 3 {
			continue
		}
		inside, err := strconv.ParseUint(f[0], 10, 32)
		n, err2 := strconv.ParseUint(f[2], 10, 32)
		if err == nil && err2 == nil {
			out = append(out, extent{inside, inside, n})
		}
	}
	return out
}

func arguments(pid int, m []extent) []string {
	out := []string{strconv.Itoa(pid)}
	for _, e := range m {
		for _, n := range []uint64{e.inside, e.outside, e.count} {
			out = append(out, strconv.FormatUint(n, 10))
		}
	}
	return out
}

func writeMap(pid int, name string, m []extent) error {
	var b strings.Builder
	for _, e := range m {
		fmt.Fprintf(&b, "%d %d %d\n", e.inside, e.outside, e.count)
	}
	return os.WriteFile(procFile(pid, name), []byte(b.String()), 0) // the kernel accepts a single write only
}

func procFile(pid int, name string) string { return fmt.Sprintf("/proc/%d/%s", pid, name) }
