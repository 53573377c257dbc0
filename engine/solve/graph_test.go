package solve

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// bothGraphs runs a test on a daemon with merge and diff support, and on the same daemon as if it had none.
func bothGraphs(t *testing.T, test func(t *testing.T, build func(p *plan.Plan, files ...string) string)) {
	for name, caps := range map[string]plan2llb.Caps{"merge": {Merge: true, Diff: true}, "copy": {}} {
		t.Run(name, func(t *testing.T) {
			e := engine(t)
			test(t, func(p *plan.Plan, files ...string) string {
				req := layoutOf(t, appDir(t, files...), p)
				req.Lower.Caps = caps
				return build(t, e, req).Outputs[0].Dest
			})
		})
	}
}

// Independent phases run in parallel: each of these ends only when the other one has started.
func TestBranchesRunAtOnce(t *testing.T) {
	bothGraphs(t, func(t *testing.T, build func(*plan.Plan, ...string) string) {
		p := appPlan(t, "list /app", "list /app/one", "copy main.txt built")
		for _, names := range [][2]string{{"one", "two"}, {"two", "one"}} {
			p.Phases[names[0]] = &plan.Phase{
				Cmds:             []string{"meet /meeting " + names[0] + " " + names[1], "mkdir /app/" + names[0] + "; copy " + names[0] + ".txt " + names[0] + "/made"},
				CacheDirectories: []string{"/meeting"},
				Inputs:           []string{names[0] + ".txt"},
				Outputs:          []string{names[0]},
			}
		}
		p.Phases["build"].DependsOn = []string{"one"}
		out := build(p, "main.txt:main", "one.txt:1", "two.txt:2", "two/stale:x")
		want := "/app/built\n/app/main.txt\n/app/one/made\n/app/one.txt\n/app/two/made\n/app/two.txt\n"
		if got := read(t, engine(t), out); got != want {
			t.Errorf("the image has %s, want %s", got, want)
		}
	})
}

// Only the outputs of a branch are kept. When whole branches were merged into the chain, lines in profiles, users and
// deletions of the chain were lost, and files replaced directories.
func TestBranchGivesItsOutputsAlone(t *testing.T) {
	bothGraphs(t, func(t *testing.T, build func(*plan.Plan, ...string) string) {
		p := appPlan(t, "x", "echo")
		p.Phases["setup"] = &plan.Phase{Cmds: []string{"write /etc/old x; mkdir /app/folder; write /app/folder/left x; write /app/file left"}, Inputs: []string{}}
		p.Phases["install"] = &plan.Phase{DependsOn: []string{"setup"}, Inputs: []string{}, Cmds: []string{
			"remove /etc/old; append /etc/passwd web:x:1000:1000::/:/bin/bash; append /etc/profile.d/nixpacks.sh export MORE=1"}}
		p.Phases["beside"] = &plan.Phase{DependsOn: []string{"setup"}, Inputs: []string{}, Outputs: []string{"folder", "file"}, Cmds: []string{
			"append /etc/old y; append /etc/passwd other:x:1001:1001::/:/bin/bash; remove /etc/profile.d; write /root/more x",
			"remove /app/folder; write /app/folder made; remove /app/file; mkdir /app/file; write /app/file/in made; write /app/undeclared x"}}
		p.Phases["build"].DependsOn = []string{"install"}
		out := build(p, "main.txt:main")
		e := engine(t)
		if got, want := read(t, e, out, "list /app"), "/app/file/in\n/app/folder\n/app/main.txt\n"; got != want {
			t.Errorf("the app has %s, want %s", got, want)
		}
		if got := read(t, e, out, "list /etc; list /root"); strings.Contains(got, "/etc/old") || strings.Contains(got, "/root/more") {
			t.Errorf("a deletion is undone, or what the branch left elsewhere is there: %s", got)
		}
		text := read(t, e, out, "cat /etc/passwd /etc/profile.d/nixpacks.sh")
		for line, want := range map[string]bool{"web:": true, "nobody:": true, "other:": false, "export MORE=1": true} {
			if strings.Contains(text, line) != want {
				t.Errorf("%q is there: %t\n%s", line, !want, text)
			}
		}
	})
}

// An edit reruns a branch only if the branch reads the edited file, and the result contains the outputs of the last run.
func TestBranchAgain(t *testing.T) {
	e := engine(t)
	p := appPlan(t, "cat /app/made/x /app/built", "copy main.txt built")
	p.Phases["beside"] = &plan.Phase{Inputs: []string{"in.txt"}, Outputs: []string{"made"}, Cmds: []string{"mkdir /app/made; copy in.txt made/x"}}
	dir := appDir(t, "main.txt:main", "in.txt:in")
	req := layoutOf(t, dir, p)
	build(t, e, req)
	if same := build(t, e, req); same.Cached != same.Steps {
		t.Errorf("nothing changed, but: %+v", same)
	}
	put(t, filepath.Join(dir, "main.txt"), "edited")
	r := build(t, e, req)
	for _, ph := range r.Phases {
		if ph.Cached != (ph.Phase == "beside") {
			t.Errorf("after an edit of another file: %+v", r.Phases)
		}
	}
	put(t, filepath.Join(dir, "in.txt"), "new")
	build(t, e, req)
	if got := read(t, e, req.Outputs[0].Dest); got != "newedited" {
		t.Errorf("the image says %q", got)
	}
}
