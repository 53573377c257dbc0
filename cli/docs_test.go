//go:build unix

package cli

import (
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	yaml "go.yaml.in/yaml/v3"
)

// TestDocs follows every page of the documentation in an empty folder and one shell, as a reader would. It writes the files
// that have a name, runs the commands, and compares their output with what the page shows ("…" stands for any text, and
// alone on a line for any lines). Commands that build run only if real builds are enabled. What cannot run here is marked,
// with the reason: see docBlock.
func TestDocs(t *testing.T) {
	t.Parallel() // mostly waits
	var host []string
	if os.Getenv("NIXPACKS_E2E") != "" {
		host = realHost(t) // shared by all pages, so that common parts are built once
	}
	for _, file := range docPages(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			_, blocks := readPage(t, file)
			if slices.ContainsFunc(blocks, func(b docBlock) bool { return b.shell() || b.pipeline() }) {
				newWalk(t, host).perform(t, blocks)
			}
		})
	}
}

// TestDocsNotRun checks that if a reason for not running a block names a test, that test exists.
func TestDocsNotRun(t *testing.T) {
	have, reasons := testNames(t, ".."), 0
	for _, file := range docPages(t) {
		_, blocks := readPage(t, file)
		for _, b := range blocks {
			reason, marked := b.mark("not run")
			if !marked {
				continue
			}
			reasons++
			for _, name := range regexp.MustCompile(`\bTest\w+`).FindAllString(reason, -1) {
				if !have[name] {
					t.Errorf("%s:%d: there is no %s", file, b.line, name)
				}
			}
		}
	}
	if reasons == 0 {
		t.Error("nothing is marked")
	}
}

func (w *walk) perform(t *testing.T, blocks []docBlock) {
	t.Helper()
	for _, b := range blocks {
		w.at = b.line
		w.prepare(t, b)
		reason, off := b.mark("not run")
		switch {
		case b.pipeline():
			w.write(t, b)
			w.pipeline(t, b, reason)
		case b.name != "":
			w.write(t, b)
		case !b.shell() || off:
		case b.kind == "console":
			w.console(t, b)
		default:
			for _, line := range shellLines(b.body) {
				if w.skips(b, line) {
					continue
				}
				if out, code := w.run(t, line); code != 0 {
					t.Errorf("line %d: $ %s\nexit code %d\n%s", b.line, line, code, out)
				}
			}
		}
	}
}

// prepare does what the marks of a block ask for, in their order.
func (w *walk) prepare(t *testing.T, b docBlock) {
	t.Helper()
	for _, m := range b.marks {
		switch m.what {
		case "before":
			if w.skips(b, m.text) {
				continue
			}
			if out, code := w.run(t, m.text); code != 0 {
				t.Fatalf("line %d, before it: $ %s\nexit code %d\n%s", b.line, m.text, code, out)
			}
		case "with":
			start, ok := docServers[m.text]
			if !ok {
				t.Fatalf("line %d: there is no %q", b.line, m.text)
			}
			if w.real {
				start(t, w)
			}
		}
	}
}

// shellLines returns the commands of a block. A command on several lines is one element.
func shellLines(body string) (out []string) {
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// console runs the lines that begin with "$ ". The lines after a command are its expected output.
func (w *walk) console(t *testing.T, b docBlock) {
	t.Helper()
	for _, part := range strings.Split("\n"+strings.ReplaceAll(b.body, "\\\n", " "), "\n$ ")[1:] {
		line, want, _ := strings.Cut(part, "\n")
		if w.skips(b, line) {
			continue
		}
		out, _ := w.run(t, line) // the page may show the message of a command that fails
		got, want := strings.TrimRight(out, "\n"), strings.TrimRight(want, "\n")
		if spaces := strings.NewReplacer("\t", " "); !printed(spaces.Replace(want), spaces.Replace(got)) {
			t.Errorf("line %d: $ %s\n%s\nwant\n%s", b.line, line, got, want)
		}
	}
}

// pipeline runs the commands of a CI file of GitHub or GitLab, except those of the programs before the colon in not.
func (w *walk) pipeline(t *testing.T, b docBlock, not string) {
	t.Helper()
	var file any
	if err := yaml.Unmarshal([]byte(b.body), &file); err != nil {
		t.Fatalf("line %d: %v", b.line, err)
	}
	programs, _, _ := strings.Cut(not, ":")
	ran := 0
	for _, line := range pipelineCommands(file) {
		if slices.Contains(strings.Split(programs, ", "), strings.Fields(line)[0]) || w.skips(b, line) {
			continue
		}
		ran++
		if out, code := w.run(t, line); code != 0 {
			t.Errorf("line %d: $ %s\nexit code %d\n%s", b.line, line, code, out)
		}
	}
	if ran == 0 && w.real {
		t.Errorf("line %d: no command is run", b.line)
	}
}

// pipelineCommands returns the values of run and the elements of script, in the order of the file where it is a list.
func pipelineCommands(v any) (out []string) {
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			out = append(out, pipelineCommands(e)...)
		}
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		for _, k := range keys {
			switch k {
			case "run":
				out = append(out, shellLines(v[k].(string))...)
			case "script", "before_script":
				for _, e := range v[k].([]any) {
					out = append(out, shellLines(e.(string))...)
				}
			default:
				out = append(out, pipelineCommands(v[k])...)
			}
		}
	}
	return out
}

// printed reports whether a command printed what the document shows.
func printed(want, got string) bool {
	pattern := regexp.QuoteMeta("\n" + want + "\n")
	pattern = strings.ReplaceAll(pattern, "\n…\n", "\n(?:.*\n)*")
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString("\n" + got + "\n")
}
