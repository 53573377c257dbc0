package cli

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	ucli "github.com/urfave/cli/v2"
)

// theirFlags are flags of other programs that pages mention.
var theirFlags = map[string]string{
	"docker":                          "annotation build-arg build-context call check driver target privileged dockerfile",
	"buildctl":                        "frontend opt local",
	"buildkitd":                       "addr oci-worker-no-process-sandbox tlscacert tlscert tlskey",
	"kubectl":                         "from-file",
	"dpkg":                            "add-architecture",
	"install.sh":                      "version bin-dir",
	"git":                             "depth",
	"npm, pnpm, yarn, bun, uv, turbo": "omit frozen-lockfile filter frozen no-dev no-immutable no-save",
	"cargo, mix":                      "release no-halt",
	"tar":                             "xattrs",
	"railpack":                        "config-file show-plan error-missing-start previous plan-out",
	"nixpacks that there was":         "current-dir incremental-cache-image",
}

var (
	docFlag = regexp.MustCompile(`(?:^|[\s(\x60"\[])--([a-z][a-z-]+)`)
	docCode = regexp.MustCompile("(?s)```.*?\n```|`[^`\n]+(?:\n[^`\n]+)?`")
)

// commandFlags returns the flags of each command. With hidden it includes those that help does not show.
func commandFlags(hidden bool) map[string][]string {
	out := map[string][]string{}
	var in func(name string, c *ucli.Command)
	in = func(name string, c *ucli.Command) {
		if c.Hidden {
			return
		}
		for _, f := range c.Flags {
			if v, ok := f.(ucli.VisibleFlag); ok && !v.IsVisible() && !hidden {
				continue
			}
			names := f.Names()
			if !hidden {
				names = names[:1] // the others are letters and Nixpacks' names
			}
			out[name] = append(out[name], names...)
		}
		for _, s := range c.Subcommands {
			in(name+" "+s.Name, s)
		}
		out[name] = append(out[name], "help")
	}
	for _, c := range newApp(&Host{}).Commands {
		in(c.Name, c)
	}
	return out
}

// TestDocsFlags checks that every flag on a page exists, and that every flag and command is on a page.
func TestDocsFlags(t *testing.T) {
	known, said := map[string]bool{"version": true}, map[string]bool{}
	for _, flags := range commandFlags(true) {
		for _, f := range flags {
			known[f] = true
		}
	}
	theirs := strings.Fields(strings.Join(slices.Collect(maps.Values(theirFlags)), " "))
	var all strings.Builder
	for _, file := range docPages(t) {
		text, _ := readPage(t, file)
		all.WriteString(text)
		for _, m := range docFlag.FindAllStringSubmatch(text, -1) {
			said[m[1]] = true
			if !known[m[1]] && !slices.Contains(theirs, m[1]) {
				t.Errorf("%s: there is no --%s", file, m[1])
			}
		}
	}
	for _, flag := range theirs {
		if !said[flag] {
			t.Errorf("no page names --%s of another program any more", flag)
		}
	}
	for name, flags := range commandFlags(false) {
		if !strings.Contains(all.String(), "nixpacks "+name) {
			t.Errorf("no page names nixpacks %s", name)
		}
		for _, f := range flags {
			if !said[f] {
				t.Errorf("no page explains --%s of nixpacks %s", f, name)
			}
		}
	}
}

// TestDocsCommands checks that commands on a page have the flags that the page shows, whether or not a test runs them.
func TestDocsCommands(t *testing.T) {
	flags, n := commandFlags(true), 0
	call := regexp.MustCompile(`\bnixpacks ((?:[a-z]+ ?){1,2})([^\n|;&>]*)`)
	for _, file := range docPages(t) {
		text, _ := readPage(t, file)
		for _, code := range docCode.FindAllString(text, -1) {
			for _, m := range call.FindAllStringSubmatch(strings.ReplaceAll(code, "\\\n", " "), -1) {
				words := strings.Fields(m[1])
				name := strings.Join(words, " ")
				if flags[name] == nil {
					name = words[0]
				}
				rest, _, _ := strings.Cut(m[2], " -- ")
				rest, _, _ = strings.Cut(rest, " #")
				for _, f := range docFlag.FindAllStringSubmatch(rest, -1) {
					n++
					if !slices.Contains(flags[name], f[1]) {
						t.Errorf("%s: nixpacks %s has no --%s: %s", file, name, f[1], m[0])
					}
				}
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d flags were found", n)
	}
}

var (
	docLink    = regexp.MustCompile(`\]\(([^)\s]*)\)`)
	docHeading = regexp.MustCompile(`(?m)^#+ (.*)$`)
	docAnchor  = strings.NewReplacer(" ", "-", "`", "", ".", "", ",", "", "'", "", "/", "", ":", "", "?", "", "(", "", ")", "")
)

// TestDocsLinks checks that links between pages lead to existing files and headings, and that README.md leads to every
// page.
func TestDocsLinks(t *testing.T) {
	readme, n := "", 0
	for _, file := range docPages(t) {
		text, _ := readPage(t, file)
		if readme == "" {
			readme = text
		}
		if name := filepath.Base(file); name != "README.md" && !strings.Contains(readme, "(docs/"+name+")") {
			t.Errorf("README.md has no link to docs/%s", name)
		}
		for _, m := range docLink.FindAllStringSubmatch(docCode.ReplaceAllString(text, ""), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			n++
			path, heading, _ := strings.Cut(m[1], "#")
			if path = filepath.Join(filepath.Dir(file), path); m[1][0] == '#' {
				path = file
			}
			there, err := os.ReadFile(path)
			if info, e := os.Stat(path); err != nil && (e != nil || !info.IsDir()) {
				t.Errorf("%s: %v", file, err)
			}
			if heading != "" && !slices.ContainsFunc(docHeading.FindAllStringSubmatch(string(there), -1), func(h []string) bool {
				return strings.ToLower(docAnchor.Replace(h[1])) == heading
			}) {
				t.Errorf("%s: %s has no heading #%s", file, path, heading)
			}
		}
	}
	if n < 100 {
		t.Errorf("only %d links were found", n)
	}
}
