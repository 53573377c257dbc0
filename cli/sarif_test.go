package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestSARIF checks that `nixpacks vet --format sarif` prints what the standard (SARIF 2.1.0) and GitHub require, with
// locations in the app.
func TestSARIF(t *testing.T) {
	dir := t.TempDir()
	files(map[string]string{
		"app/main.go":       "package main\n",
		"app/nixpacks.toml": "[variables]\nNAME = \"é\"\n[phases.build]\ncmds = [\"é\", \"curl x | sh\"]\n",
		"app/policy/a.cue":  "// No curl.\nphases: [string]: cmds?: [...!~\"curl\" | error(\"no curl\")]\n",
		"org/b.cue":         "start: user: !=\"root\"\nstart: cmd: =~\"^node\"\nvariables: NAME: =~\"^[a-z]\"\n",
	})(t, dir)
	t.Chdir(filepath.Join(dir, "org"))
	var out, words bytes.Buffer
	args := []string{"nixpacks", "vet", "../app", "--policy", "b.cue", "--format", "sarif", "-s", "x"}
	if code := Run(t.Context(), args, Host{Stdout: &out, Stderr: &words}); code != 21 {
		t.Fatalf("exit code %d: %s", code, words.String())
	}
	var log sarifLog
	dec := json.NewDecoder(&out)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&log); err != nil {
		t.Fatal(err)
	}
	if log.Version != "2.1.0" || log.Schema == "" || len(log.Runs) != 1 {
		t.Fatalf("version %q, schema %q, %d runs", log.Version, log.Schema, len(log.Runs))
	}
	run := log.Runs[0]
	if run.Tool.Driver.Name == "" || !slices.Contains([]string{"utf16CodeUnits", "unicodeCodePoints"}, run.ColumnKind) {
		t.Errorf("driver %q, columns %q", run.Tool.Driver.Name, run.ColumnKind)
	}
	got := []string{}
	for _, r := range run.Results {
		checkResult(t, run, r)
		at, _ := json.Marshal([]any{r.RuleID, r.Message.Text, r.Locations[0].PhysicalLocation.ArtifactLocation.URI, r.Locations[0].PhysicalLocation.Region, len(r.RelatedLocations)})
		got = append(got, string(at))
	}
	want := []string{
		`["b","start.user is not set, which means root, but must not be \"root\" (nothing sets start.user) (b.cue:1:14)","nixpacks.toml",{"startLine":1},0]`,
		`["b","start.cmd is \"x\", but must match \"^node\" (start.cmd is set by -s (--start-cmd)) (b.cue:2:13)","nixpacks.toml",{"startLine":1},0]`,
		`["b","variables.NAME must match \"^[a-z]\" (b.cue:3:18)","nixpacks.toml",{"startLine":2,"startColumn":8},0]`,
		`["a","no curl","nixpacks.toml",{"startLine":4,"startColumn":14},1]`,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if d := run.Tool.Driver.Rules[1].ShortDescription; d == nil || d.Text != "No curl." {
		t.Errorf("the rule is described as %v", d)
	}
}

func checkResult(t *testing.T, run sarifRun, r sarifResult) {
	t.Helper()
	if r.Message.Text == "" || r.Level != "error" || len(r.Locations) == 0 {
		t.Errorf("%+v", r)
	}
	if i := r.RuleIndex; i < 0 || i >= len(run.Tool.Driver.Rules) || run.Tool.Driver.Rules[i].ID != r.RuleID {
		t.Errorf("rule %d is not %q", i, r.RuleID)
	}
	for _, l := range append(slices.Clone(r.Locations), r.RelatedLocations...) {
		at := l.PhysicalLocation
		_, err := os.Stat(filepath.Join("../app", at.ArtifactLocation.URI))
		if !filepath.IsLocal(at.ArtifactLocation.URI) || err != nil || at.Region.StartLine < 1 || at.Region.StartColumn < 0 {
			t.Errorf("%+v: %v", at, err)
		}
	}
}
