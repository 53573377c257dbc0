package base

import (
	"bytes"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// aptSource is one archive in the host's apt configuration.
type aptSource struct {
	URI        string
	Suites     []string
	Components []string
	SignedBy   string
	AnyAge     bool // accept an index after its Valid-Until (Check-Valid-Until: no)
}

// hostSources reads etc/apt/sources.list and sources.list.d in the file system root, in apt's order. It skips
// unreadable files: apt reports them to the host's operator.
func hostSources(root fs.FS) []aptSource {
	files := []string{"etc/apt/sources.list"}
	more, _ := fs.Glob(root, "etc/apt/sources.list.d/*")
	files = append(files, more...)
	var out []aptSource
	for _, f := range files {
		text, err := fs.ReadFile(root, f)
		if err != nil {
			continue
		}
		switch path.Ext(f) {
		case ".list":
			out = append(out, oneLineSources(string(text))...)
		case ".sources":
			out = append(out, deb822Sources(text)...)
		}
	}
	return slices.DeleteFunc(out, func(s aptSource) bool { return !usable(s) })
}

func usable(s aptSource) bool {
	scheme, _, _ := strings.Cut(s.URI, "://")
	return slices.Contains([]string{"http", "https", "file"}, scheme) && slices.Contains(s.Components, "main")
}

// oneLineSources parses lines such as "deb [signed-by=/k.gpg arch=amd64] http://host/debian trixie main".
func oneLineSources(text string) []aptSource {
	var out []aptSource
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		rest, ok := strings.CutPrefix(strings.TrimSpace(line), "deb")
		if !ok || strings.TrimLeft(rest, " \t") == rest { // deb-src
			continue
		}
		rest = strings.TrimSpace(rest)
		var options string
		if strings.HasPrefix(rest, "[") {
			options, rest, _ = strings.Cut(rest[1:], "]")
		}
		words := strings.Fields(rest)
		if len(words) < 3 {
			continue
		}
		s := aptSource{URI: strings.TrimRight(words[0], "/"), Suites: words[1:2], Components: words[2:]}
		for o := range strings.FieldsSeq(options) {
			switch k, v, _ := strings.Cut(o, "="); strings.ToLower(k) {
			case "signed-by":
				s.SignedBy = v
			case "check-valid-until":
				s.AnyAge = v == "no"
			}
		}
		out = append(out, s)
	}
	return out
}

func deb822Sources(text []byte) []aptSource {
	var out []aptSource
	// As in apt, a malformed paragraph ends the file, and the paragraphs before it count.
	_ = readControl(bytes.NewReader(text), func(p stanza) error {
		if !slices.Contains(strings.Fields(p["types"]), "deb") || strings.EqualFold(p["enabled"], "no") {
			return nil
		}
		for uri := range strings.FieldsSeq(p["uris"]) {
			out = append(out, aptSource{
				URI:        strings.TrimRight(uri, "/"),
				Suites:     strings.Fields(p["suites"]),
				Components: strings.Fields(p["components"]),
				SignedBy:   p["signed-by"],
				AnyAge:     strings.EqualFold(p["check-valid-until"], "no"),
			})
		}
		return nil
	})
	return out
}

// source is an index to read packages from.
type source struct {
	URI    string // without a trailing slash
	Suite  string
	AnyAge bool
}

// mainSources returns the possible sources of the suite itself, the most likely first: archives from which the host
// uses this suite, then those signed by Debian, then the others.
func mainSources(host []aptSource, suite string) []source {
	rank := func(s aptSource) int {
		switch {
		case slices.Contains(s.Suites, suite):
			return 0
		case strings.Contains(s.SignedBy, "debian-archive"):
			return 1
		}
		return 2
	}
	host = slices.Clone(host)
	slices.SortStableFunc(host, func(a, b aptSource) int { return rank(a) - rank(b) })
	var out []source
	for _, s := range host {
		if !slices.ContainsFunc(s.Suites, isSecurity) {
			out = append(out, source{s.URI, suite, s.AnyAge})
		}
	}
	return unique(out)
}

// securitySources returns the possible sources of the suite's security updates: the host's own security archives, then the one
// that mirrors conventionally have beside the main archive.
func securitySources(host []aptSource, beside source, suite string) []source {
	var out []source
	for _, s := range host {
		if slices.ContainsFunc(s.Suites, isSecurity) {
			out = append(out, source{s.URI, suite, s.AnyAge})
		}
	}
	return unique(append(out, source{beside.URI, suite, beside.AnyAge}))
}

func isSecurity(suite string) bool {
	return strings.HasSuffix(suite, "-security") || strings.HasSuffix(suite, "/updates")
}

func unique(in []source) []source {
	var out []source
	for _, s := range in {
		if !slices.ContainsFunc(out, func(o source) bool { return o.URI == s.URI }) {
			out = append(out, s)
		}
	}
	return out
}
