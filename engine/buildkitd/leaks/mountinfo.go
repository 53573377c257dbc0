//go:build linux

package leaks

import (
	"strconv"
	"strings"
)

// Below lists the mount points below dir in a mountinfo file, in mount order.
func Below(mountinfo, dir string) []string {
	var out []string
	for line := range strings.Lines(mountinfo) {
		if f := strings.Fields(line); len(f) > 4 {
			if p := unescape(f[4]); strings.HasPrefix(p, strings.TrimSuffix(dir, "/")+"/") {
				out = append(out, p)
			}
		}
	}
	return out
}

// unescape decodes the kernel's octal escapes, such as \040 for a space.
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
