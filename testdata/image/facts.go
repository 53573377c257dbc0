package imagetest

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Facts are what can be seen of an image, by name; every one fits on a line. The first word of a name says where it was
// seen: config (the image's configuration), file (its layers, without the base's), shell (a command in a container of
// it) or start (the app that runs).
type Facts map[string]string

const assign = " = "

// storeHash is the hash in the names of Nix packages. It depends on how a package was made, which is not compared.
var storeHash = regexp.MustCompile(`/nix/store/[0-9a-z]{32}-`)

func (f Facts) set(value, name string, args ...any) {
	f[fmt.Sprintf(name, args...)] = storeHash.ReplaceAllString(value, "/nix/store/HASH-")
}

// format writes facts as text, a line each, sorted.
func (f Facts) format() []byte {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(f)) {
		b.WriteString(f.line(name) + "\n")
	}
	return []byte(b.String())
}

func (f Facts) line(name string) string { return name + assign + oneLine(f[name]) }

// oneLine quotes what would not be one line, or would not be read back as it is.
func oneLine(s string) string {
	if q := strconv.Quote(s); strings.TrimSpace(s) != s || s == "" || s[0] == '"' || strings.ContainsAny(s, "\n\r\t") {
		return q
	}
	return s
}

func parseFacts(text []byte) (Facts, error) {
	f := Facts{}
	for line := range strings.Lines(string(text)) {
		name, value, ok := strings.Cut(strings.TrimSuffix(line, "\n"), assign)
		if !ok {
			return nil, fmt.Errorf("no fact: %q", line)
		}
		if strings.HasPrefix(value, `"`) {
			var err error
			if value, err = strconv.Unquote(value); err != nil {
				return nil, fmt.Errorf("%w: %q", err, line)
			}
		}
		f[name] = value
	}
	return f, nil
}
