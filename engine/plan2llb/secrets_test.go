package plan2llb

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// fresh names the vertices of b that a does not have.
func fresh(a, b *Result) (names []string) {
	for _, v := range b.Vertices {
		if !slices.ContainsFunc(a.Vertices, func(o Vertex) bool { return o.Digest == v.Digest }) {
			names = append(names, v.Name)
		}
	}
	return names
}

func wantFresh(t *testing.T, what string, a, b *Result, want ...string) {
	t.Helper()
	if got := fresh(a, b); !slices.Equal(got, want) {
		t.Errorf("%s runs %q, want %q", what, got, want)
	}
}

// A changed secret reruns the phases that use it and what builds on them, and nothing else. The graph does not contain
// the text in SecretHashes, so it may be derived from the secret without care.
func TestSecretHashes(t *testing.T) {
	at := func(hashes map[string]string) *Result {
		p := nodePlan()
		p.Phases["install"].Secrets = []string{"NPM_TOKEN"}
		p.Phases["build"].Secrets = []string{"SENTRY?", "NPM_TOKEN"}
		return lower(t, defaults(Input{Plan: p, SecretHashes: hashes}))
	}
	install, build := "[install] npm ci", "[build] npm run build"
	one := at(map[string]string{"NPM_TOKEN": "canary-1", "SENTRY": "canary-2"})
	wantFresh(t, "another npm token", one, at(map[string]string{"NPM_TOKEN": "canary-3", "SENTRY": "canary-2"}), install, sourceCopy, build)
	wantFresh(t, "another token of Sentry", one, at(map[string]string{"NPM_TOKEN": "canary-1", "SENTRY": "canary-3"}), build)
	wantFresh(t, "a secret that nobody asks for", one, at(map[string]string{"NPM_TOKEN": "canary-1", "SENTRY": "canary-2", "OTHER": "x"}))
	wantFresh(t, "the same secrets", one, at(map[string]string{"SENTRY": "canary-2", "NPM_TOKEN": "canary-1"}))
	for _, dt := range one.Def.Def {
		if bytes.Contains(dt, []byte("canary")) {
			t.Errorf("the graph holds what tells of the secrets: %q", dt)
		}
	}
	if strings.Contains(imageJSON(t, one), hashKey) {
		t.Error("the image tells of the secrets")
	}
}

// A secret replaces a variable of its name in the phases that use it, and nowhere else. A missing secret leaves the
// variable. If no phase has such a variable, a missing secret does not change the graph.
func TestSecretOverVariable(t *testing.T) {
	at := func(asked string, missing ...string) *Result {
		p := nodePlan()
		p.Phases["install"].Secrets = []string{asked}
		return lower(t, defaults(Input{Plan: p, Missing: missing}))
	}
	for _, c := range []struct {
		asked    string
		missing  []string
		variable bool
	}{{"A", nil, false}, {"A?", nil, false}, {"A?", []string{"A"}, true}, {"A", []string{"A"}, false}} {
		res := at(c.asked, c.missing...)
		ops := decode(t, res.Def)
		install := ops[find(t, res, "[install] npm ci")].GetExec()
		if got := slices.Contains(install.Meta.Env, "A=1"); got != c.variable || got == (len(install.Secretenv) > 0) {
			t.Errorf("%s, missing %v: install has the variable: %t, and as secrets %v", c.asked, c.missing, got, install.Secretenv)
		}
		if !slices.Contains(ops[find(t, res, "[build] npm")].GetExec().Meta.Env, "A=1") {
			t.Errorf("%s: build lacks the variable", c.asked)
		}
	}
	wantFresh(t, "a missing secret without a variable", at("ELSE?"), at("ELSE?", "ELSE"))
}

// Secret files are readable by the user who runs the commands, and by nobody else if that is root.
func TestSecretModes(t *testing.T) {
	for user, want := range map[string][2]uint32{"": {0o400, 0o600}, "node": {0o444, 0o666}} {
		in := defaults(Input{Plan: &plan.Plan{BuildImage: "registry.example/base", Phases: map[string]*plan.Phase{
			"a": {Cmds: []string{"true"}, Secrets: []string{"s"}, SSH: "default"}}}})
		in.Base.Config.User = user
		res := lower(t, in)
		var got [2]uint32
		for _, m := range decode(t, res.Def)[find(t, res, "[a] true")].GetExec().Mounts {
			if m.SecretOpt != nil {
				got[0] = m.SecretOpt.Mode
			}
			if m.SSHOpt != nil {
				got[1] = m.SSHOpt.Mode
			}
		}
		if got != want {
			t.Errorf("as %q: modes %o, want %o", user, got, want)
		}
	}
}

// Variables that change with every deploy do not rerun an install phase that declares its inputs. All other phases and
// the image see them, and so does a phase that sets them itself.
func TestDeployVariables(t *testing.T) {
	at := func(commit string, edit func(p *plan.Plan)) *Result {
		p := nodePlan()
		p.Variables["SOURCE_COMMIT"], p.DeployVariables = commit, []string{"SOURCE_*"}
		edit(p)
		return lowerPlan(t, p)
	}
	none := func(*plan.Plan) {}
	install, build := "[install] npm ci", "[build] npm run build"
	wantFresh(t, "another commit", at("1", none), at("2", none), build)
	if !strings.Contains(imageJSON(t, at("1", none)), "SOURCE_COMMIT=1") {
		t.Error("the image lacks the variable")
	}
	whole := func(p *plan.Plan) { p.Phases["install"].Inputs = []string{"package.json", "."} }
	wantFresh(t, "another commit, and an install that sees the app,", at("1", whole), at("2", whole), install, build)
	unsaid := func(p *plan.Plan) { p.DeployVariables = []string{} }
	wantFresh(t, "another variable", at("1", unsaid), at("2", unsaid), install, sourceCopy, build)
	scoped := func(p *plan.Plan) {
		p.Phases["install"].Variables = map[string]string{"SOURCE_COMMIT": p.Variables["SOURCE_COMMIT"]}
	}
	wantFresh(t, "another commit that install asks for", at("1", scoped), at("2", scoped), install, sourceCopy, build)
}
