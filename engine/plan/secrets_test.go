package plan

import (
	"reflect"
	"testing"
)

func TestAsked(t *testing.T) {
	p := &Plan{Phases: map[string]*Phase{
		"build":   {Secrets: []string{"B?", "A?"}, SSH: "default?"},
		"install": {Secrets: []string{"A", "A"}, SSH: "deploy", Credentials: map[string]string{"npmrc": "~/.npmrc", "none": "", "token": "$TOKEN", "B": "/b"}},
		"setup":   {},
	}}
	want := []Ask{
		{"A", false, []string{"build", "install"}, true}, {"B", true, []string{"build", "install"}, true},
		{"npmrc", true, []string{"install"}, false}, {"token", true, []string{"install"}, true},
	}
	if got := p.AskedSecrets(); !reflect.DeepEqual(got, want) {
		t.Errorf("secrets: %v, want %v", got, want)
	}
	if got, want := p.AskedSSH(), []Ask{{"default", true, []string{"build"}, false}, {"deploy", false, []string{"install"}, false}}; !reflect.DeepEqual(got, want) {
		t.Errorf("agents: %v, want %v", got, want)
	}
}

// A finished plan names the variables themselves, so that it does not depend on a later list. An explicit empty list is
// kept.
func TestPinDeployVariables(t *testing.T) {
	vars := map[string]string{"GIT_SHA": "1", "GIT_BRANCH": "main", "MINE": "2"}
	for _, c := range []struct{ said, want []string }{
		{nil, nil},
		{[]string{}, []string{}},
		{[]string{"GIT_*", "...", "GIT_SHA"}, []string{"GIT_BRANCH", "GIT_SHA"}},
		{[]string{"SOURCE_COMMIT"}, nil},
	} {
		p := &Plan{Variables: vars, DeployVariables: c.said}
		p.Pin(Defaults{}, false)
		if !reflect.DeepEqual(p.DeployVariables, c.want) {
			t.Errorf("%q became %q, want %q", c.said, p.DeployVariables, c.want)
		}
	}
}

func TestSuspect(t *testing.T) {
	s := SecretNames{Names: []string{"*TOKEN", "*_KEY"}, Except: []string{"PUBLIC_*"}}
	for name, want := range map[string]bool{"NPM_TOKEN": true, "npm_token": true, "API_KEY": true, "KEY": false, "PUBLIC_API_KEY": false, "PORT": false} {
		if s.Suspect(name) != want {
			t.Errorf("%s: %t", name, !want)
		}
	}
}
