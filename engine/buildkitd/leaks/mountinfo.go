//go:build linux

package leaks

import (
	"os"
	"path"
	"strconv"
	"strings"
)

// entry is a line of /proc/PID/mountinfo.
type entry struct {
	dev    string // major:minor
	root   string // the directory of that device's file system which is mounted
	point  string // where
	fsType string
	super  string // options of the file system, such as overlay's directories
}

func readMounts() ([]entry, error) {
	dt, err := os.ReadFile("/proc/self/mountinfo")
	return parseMounts(string(dt)), err
}

func parseMounts(text string) []entry {
	var out []entry
	for line := range strings.Lines(text) {
		before, after, _ := strings.Cut(line, " - ")
		f, s := strings.Fields(before), strings.Fields(after)
		if len(f) < 6 || len(s) < 3 {
			continue
		}
		out = append(out, entry{dev: f[2], root: unescape(f[3]), point: unescape(f[4]), fsType: s[0], super: unescape(s[2])})
	}
	return out
}

// unescape undoes the kernel's \040 for blanks and the like.
func unescape(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' && i+3 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+4], 8, 8); err == nil {
				b.WriteByte(byte(n))
				i += 3
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// Covered lists what is mounted below dir, as the text of a mountinfo file says.
func Covered(mountinfo, dir string) []string {
	var out []string
	for _, e := range parseMounts(mountinfo) {
		if below(e.point, dir) {
			out = append(out, e.point)
		}
	}
	return out
}

// below says whether p is strictly below dir.
func below(p, dir string) bool { return strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") }

// within gives the mounts that belong to dir, in the order they were made: those on a place below it, and
// those elsewhere that show something below it (BuildKit mounts snapshots into the temporary directory).
func within(all []entry, dir string) []entry {
	dev, inside := locate(all, dir)
	var out []entry
	for _, e := range all {
		bind := dev != "" && e.dev == dev && below(e.root, inside)
		overlay := e.fsType == "overlay" && overlays(e.super, dir)
		if below(e.point, dir) || bind || overlay {
			out = append(out, e)
		}
	}
	return out
}

// locate gives the device that holds dir and dir's path in that device's own file system.
func locate(all []entry, dir string) (dev, inside string) {
	var best entry
	for _, e := range all { // a later mount on the same place hides the earlier one
		if (e.point == dir || below(dir, e.point)) && len(e.point) >= len(best.point) {
			best = e
		}
	}
	if best.point == "" {
		return "", ""
	}
	return best.dev, path.Join(best.root, strings.TrimPrefix(dir, best.point))
}

// overlays says whether an overlay's options name a directory below dir.
func overlays(options, dir string) bool {
	for o := range strings.SplitSeq(options, ",") {
		k, v, _ := strings.Cut(o, "=")
		switch k {
		case "lowerdir", "upperdir", "workdir", "lowerdir+":
			for p := range strings.SplitSeq(v, ":") {
				if below(p, dir) {
					return true
				}
			}
		}
	}
	return false
}
