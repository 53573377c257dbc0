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

// TestDocs performs every page of the documentation in an empty folder, as somebody who reads it would in one shell: it writes the
// files that have a name, runs the commands, and where the page shows what they print compares that ("…" stands for any text, alone
// on a line for any lines). Commands that build happen where real builds are asked for. What cannot be run here is marked so, with
// the reason: see docBlock.
func TestDocs(t *testing.T) {
	t.Parallel() // it waits more than it computes
	var host []string
	if os.Getenv("NIXPACKS_E2E") != "" {
		host = realHost(t) // one for all pages, so that what these have in common is built once
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

// A reason why something is not run may name the test that does the same: there is one of that name.
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

// shellLines are the commands of a block, those that go on over several lines as one.
func shellLines(body string) (out []string) {
	for line := range strings.SplitSeq(strings.ReplaceAll(body, "\\\n", " "), "\n") {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}

// console runs the lines that begin with "$ "; the others are what the command before them prints.
func (w *walk) console(t *testing.T, b docBlock) {
	t.Helper()
	for _, part := range strings.Split("\n"+strings.ReplaceAll(b.body, "\\\n", " "), "\n$ ")[1:] {
		line, want, _ := strings.Cut(part, "\n")
		if w.skips(b, line) {
			continue
		}
		out, _ := w.run(t, line) // of commands that fail, the page shows the message
		got, want := strings.TrimRight(out, "\n"), strings.TrimRight(want, "\n")
		if spaces := strings.NewReplacer("\t", " "); !printed(spaces.Replace(want), spaces.Replace(got)) {
			t.Errorf("line %d: $ %s\n%s\nwant\n%s", b.line, line, got, want)
		}
	}
}

// pipeline runs the commands of a file of GitHub's or GitLab's CI, but for those of the programs that not names before its colon.
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

// pipelineCommands are the values of run and the elements of script, in the order of the file as far as it is a list.
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

// printed tells whether a command printed what the document shows.
func printed(want, got string) bool {
	pattern := regexp.QuoteMeta("\n" + want + "\n")
	pattern = strings.ReplaceAll(pattern, "\n…\n", "\n(?:.*\n)*")
	pattern = strings.ReplaceAll(pattern, "…", ".*")
	return regexp.MustCompile("^" + pattern + "$").MatchString("\n" + got + "\n")
}
