package plan2llb

import (
	"slices"
	"testing"
)

// An edit of a source file must rerun only the copy of the source and what follows it.
func TestSourceEdit(t *testing.T) {
	res := lowerPlan(t, nodePlan())
	source := find(t, res, "[app] read the source")
	if above(res, find(t, res, "[install] npm ci"))[source] {
		t.Error("the install step needs the whole source")
	}
	if again, want := behindSource(t, res), []string{sourceCopy, "[build] npm run build"}; !slices.Equal(again, want) {
		t.Errorf("a source edit runs %q, want %q", again, want)
	}
}

// If no command needs the whole source, it is copied once, into the run image, if that gives the same files.
func TestSourceEditOfRunImage(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Input)
		late   bool
	}{
		"nothing else":         {func(*Input) {}, true},
		"a file elsewhere":     {func(in *Input) { in.Plan.Start.OnlyIncludeFiles = []string{".", "/usr/local/bin"} }, true},
		"a file of the app":    {func(in *Input) { in.Plan.Start.OnlyIncludeFiles = []string{"server.js"} }, false},
		"its absolute path":    {func(in *Input) { in.Plan.Start.OnlyIncludeFiles = []string{"/app/server.js"} }, false},
		"outputs taken back":   {func(in *Input) { in.Ignore = []string{"!node_modules"} }, false},
		"a user of the base":   {func(in *Input) { in.Base.Config.User = "app" }, false},
		"a user by its number": {func(in *Input) { in.Base.Config.User = "1000" }, true},
		"a command behind it":  {func(in *Input) { in.Plan.Phases["build"].Cmds = []string{"npm run build"} }, false},
	} {
		p := nodePlan()
		p.Phases["build"].Cmds, p.Start.RunImage = nil, "registry.example/run"
		in := defaults(Input{Plan: p})
		c.change(&in)
		if again := behindSource(t, lower(t, in)); slices.Equal(again, []string{sourceCopy}) != c.late {
			t.Errorf("%s: a source edit runs %q", name, again)
		}
	}
}

// behindSource names the vertices that an edit of the source reruns, except the source itself.
func behindSource(t *testing.T, res *Result) []string {
	t.Helper()
	source := find(t, res, "[app] read the source")
	var again []string
	for _, v := range res.Vertices {
		if v.Digest != source && above(res, v.Digest)[source] {
			again = append(again, v.Name)
		}
	}
	return again
}

// BuildKit drops vertices that nothing needs: the image must depend on every command, even if it takes nothing from
// /app.
func TestEveryPhaseRuns(t *testing.T) {
	p := nodePlan()
	p.Start.RunImage, p.Start.OnlyIncludeFiles = "registry.example/run", []string{}
	res := lowerPlan(t, p)
	needed := above(res, res.Vertices[len(res.Vertices)-1].Digest)
	for _, name := range []string{"install", "build"} {
		if !needed[find(t, res, "["+name+"] npm")] {
			t.Errorf("phase %s does not lead to the image", name)
		}
	}
	want := []Step{{"install", "npm ci"}, {"build", "npm run build"}}
	if len(res.Steps) != 2 {
		t.Errorf("%d steps", len(res.Steps))
	}
	for d, s := range res.Steps {
		if !slices.Contains(want, s) || find(t, res, "["+s.Phase+"] "+s.Command) != d {
			t.Errorf("step %v is at %s", s, d)
		}
	}
}
