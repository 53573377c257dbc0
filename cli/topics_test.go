package cli

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"

	ucli "github.com/urfave/cli/v2"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

var (
	bold = regexp.MustCompile(`\*\*[A-Z]`)
	code = regexp.MustCompile("(?ms)^```.*?^```$") // code is unchanged
)

// TestTopics checks that each topic has its section of the documentation, and that no markup remains.
func TestTopics(t *testing.T) {
	for _, topic := range helpTopics {
		md, err := topic.text()
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(md, "\n") < 8 {
			t.Errorf("%s: %q", topic.name, md)
		}
		for line := range strings.Lines(plainText(code.ReplaceAllString(md, ""))) {
			line = strings.TrimRight(line, "\n")
			if !strings.Contains(line, "|p|") && (strings.ContainsAny(line, "`|") || strings.Contains(line, "](") || strings.Contains(line, "<!--") || bold.MatchString(line) || utf8.RuneCountInString(line) > textWidth) {
				t.Errorf("%s: %q", topic.name, line)
			}
		}
	}
}

// TestExitCodes checks that the documentation lists the program's exit codes.
func TestExitCodes(t *testing.T) {
	doc, err := os.ReadFile("../docs/configuration.md")
	if err != nil {
		t.Fatal(err)
	}
	want := ""
	for _, m := range fault.Meanings {
		want += fmt.Sprintf("| `%d` | %s |\n", m.Code, m.Text)
	}
	if !strings.Contains(string(doc), "\n|---|---|\n"+want+"\n") {
		t.Errorf("docs/configuration.md lacks\n%s", want)
	}
}

// TestManPage checks that the manual page has every command and flag, and nothing that its readers report.
func TestManPage(t *testing.T) {
	if got, want := roff(".x\\y\n'--z"), "\\&.x\\ey\n\\&'\\-\\-z"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	page := string(output(t, "man"))
	var in func(c *ucli.Command, name string)
	in = func(c *ucli.Command, name string) {
		if c.Hidden {
			return
		}
		for _, s := range c.Subcommands {
			in(s, name+" "+s.Name)
		}
		if len(c.Subcommands) > 0 {
			return
		}
		if !strings.Contains(page, "\n.SS \""+roff(strings.TrimSpace(name+" [flags] "+c.ArgsUsage))+"\"\n") {
			t.Errorf("no %s", name)
		}
		for _, f := range c.Flags {
			if names, _ := flagWords(f); !strings.Contains(page, "\n.B \""+roff(names)+"\"\n") {
				t.Errorf("%s: no %s", name, names)
			}
		}
	}
	for _, c := range newApp(&Host{}).Commands {
		in(c, "nixpacks "+c.Name)
	}
	for _, m := range fault.Meanings {
		if !strings.Contains(page, fmt.Sprintf("\n.B \"%d\"\n%s\n", m.Code, roff(m.Text))) {
			t.Errorf("no exit code %d", m.Code)
		}
	}
	file := filepath.Join(t.TempDir(), "nixpacks.1")
	put(t, file, []byte(page))
	needProgram(t, "mandoc")
	out, _ := exec.Command("mandoc", "-T", "lint", "-W", "warning", file).CombinedOutput()
	for line := range strings.Lines(string(out)) {
		if !strings.Contains(line, "missing date") { // the page has no date, so that it is reproducible
			t.Error(line)
		}
	}
	shown, err := exec.Command("mandoc", "-T", "utf8", file).Output()
	if err != nil || !strings.Contains(string(shown), "NIXPACKS_* variables, set with --env") || strings.Contains(string(shown), `\-`) {
		t.Errorf("%v: %s", err, shown)
	}
}
