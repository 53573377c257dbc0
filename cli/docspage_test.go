package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// docBlock is a fenced block of a document, with the marks in the comments right before it. Readers of the rendered page do
// not see the marks:
//
//	<!-- not run: REASON -->    its commands cannot run here; for a pipeline, REASON begins with the programs, "go, git: …"
//	<!-- before: COMMAND -->    prepares the block, for example makes an app to work in
//	<!-- with: NAME -->         a server that the block needs, from docServers
//	<!-- real builds -->        its commands need real builds, although they do not look like it
type docBlock struct {
	line  int    // of its fence
	kind  string // sh, console, or the type of the file
	name  string // of the file, if it is one
	body  string
	marks []docMark
}

type docMark struct{ what, text string }

// mark returns the text of the first mark of a kind.
func (b docBlock) mark(what string) (string, bool) {
	for _, m := range b.marks {
		if m.what == what {
			return m.text, true
		}
	}
	return "", false
}

func (b docBlock) shell() bool { return b.kind == "sh" || b.kind == "console" }

var (
	// There are two kinds of commands: sh has only what to type, console also has the output.
	docKinds   = strings.Fields("sh console toml json cue yaml xml go js lua groovy text ini")
	docFence   = regexp.MustCompile("^```(\\S*)(?: (\\S+))?$")
	docComment = regexp.MustCompile(`^<!-- (?:(real builds)|(not run|before|with): (\S.*)) -->$`)
	docListed  = regexp.MustCompile(`^\s*(- |[0-9]+\. )`)
)

// docBlocks returns the blocks of a document. wrong lists what no test could recognize as a command, or run.
func docBlocks(text string) (blocks []docBlock, wrong []string) {
	var marks []docMark
	lines := strings.Split(text, "\n")
	listed := false // indented lines in a list are part of an item
	for i := 0; i < len(lines); i++ {
		say := func(format string, args ...any) {
			wrong = append(wrong, fmt.Sprintf("%d: ", i+1)+fmt.Sprintf(format, args...))
		}
		line := lines[i]
		if m := docFence.FindStringSubmatch(line); m != nil {
			b := docBlock{line: i + 1, kind: m[1], name: m[2], marks: marks}
			end := slices.Index(lines[i+1:], "```")
			if end < 0 {
				say("a block without an end")
				return
			}
			b.body = strings.Join(append(slices.Clone(lines[i+1:i+1+end]), ""), "\n")
			for _, w := range b.wrong() {
				say("%s", w)
			}
			blocks, marks, i = append(blocks, b), nil, i+1+end
			continue
		}
		switch m := docComment.FindStringSubmatch(line); {
		case m != nil:
			marks = append(marks, docMark{m[1] + m[2], m[3]})
		case strings.Contains(line, "```"):
			say("a fence that no test reads: %s", line)
		case strings.HasPrefix(line, "<!--"):
			say("a comment that no test reads: %s", line)
		case strings.TrimSpace(line) == "":
		case len(marks) > 0:
			say("a comment without a block after it")
			marks = nil
		case strings.HasPrefix(line, "    ") && !listed && (i == 0 || lines[i-1] == ""):
			say("an indented block, of which no test knows what it is: %s", line)
		default:
			listed = docListed.MatchString(line) || listed && strings.HasPrefix(line, " ")
		}
	}
	return
}

// wrong returns the errors of a block.
func (b docBlock) wrong() (out []string) {
	if !slices.Contains(docKinds, b.kind) {
		out = append(out, fmt.Sprintf("a block of the kind %q; known: %s", b.kind, strings.Join(docKinds, ", ")))
	}
	if _, marked := b.mark("not run"); marked && !b.shell() && !b.pipeline() {
		out = append(out, "only commands can be not run")
	}
	if b.shell() && b.name != "" {
		out = append(out, "commands with a file's name")
	}
	if b.kind == "text" && regexp.MustCompile(`(?m)^\$ `).MatchString(b.body) {
		out = append(out, "commands in a block of text")
	}
	return out
}

// pipeline reports whether a block is a CI file with commands.
func (b docBlock) pipeline() bool { return b.kind == "yaml" && strings.Contains(b.name, ".git") }

// docPages returns README.md and docs/*.md.
func docPages(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../docs/*.md")
	if err != nil || len(files) < 15 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	return append([]string{"../README.md"}, files...)
}

// readPage returns the text of a page and its blocks.
func readPage(t *testing.T, file string) (string, []docBlock) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	blocks, wrong := docBlocks(string(text))
	for _, w := range wrong {
		t.Errorf("%s:%s", file, w)
	}
	return string(text), blocks
}

// TestDocBlocks checks that text is rejected if a reader would take it for a command and the tests would not.
func TestDocBlocks(t *testing.T) {
	const fence = "```"
	for text, want := range map[string]string{
		fence + "\nnixpacks plan .\n" + fence:                              `1: a block of the kind ""; known: ` + strings.Join(docKinds, ", "),
		fence + "bash\nnixpacks plan .\n" + fence:                          `1: a block of the kind "bash"; known: ` + strings.Join(docKinds, ", "),
		"- item\n\n  " + fence + "sh\n  x\n  " + fence:                     "3: a fence that no test reads:   " + fence + "sh",
		"So:\n\n    nixpacks plan .\n":                                     "3: an indented block, of which no test knows what it is:     nixpacks plan .",
		fence + "text\n$ nixpacks plan .\n" + fence:                        "1: commands in a block of text",
		"<!-- not run: needs a cluster -->\n\nText.":                       "3: a comment without a block after it",
		"<!-- not run: -->\n" + fence + "sh\nx\n" + fence:                  "1: a comment that no test reads: <!-- not run: -->",
		"<!-- not run: it is long -->\n" + fence + "toml\na = 1\n" + fence: "2: only commands can be not run",
		fence + "sh\nnixpacks plan .\n":                                    "1: a block without an end",
		fence + "sh script\nx\n" + fence:                                   "1: commands with a file's name",
	} {
		if _, wrong := docBlocks(text); len(wrong) == 0 || wrong[0] != want {
			t.Errorf("%s\n%q, want %q", text, wrong, want)
		}
	}
	blocks, wrong := docBlocks("# T\n\n<!-- with: registry -->\n<!-- before: cd app -->\n" + fence + "sh\na\n\nb\n" + fence + "\n\n- item\n\n    more of it\n")
	if len(wrong) > 0 || len(blocks) != 1 || blocks[0].body != "a\n\nb\n" || blocks[0].line != 5 {
		t.Fatalf("%+v, %q", blocks, wrong)
	}
	if before, ok := blocks[0].mark("before"); !ok || before != "cd app" {
		t.Errorf("%q", before)
	}
}
