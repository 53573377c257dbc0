package ignore

import (
	"io/fs"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// TestLocation: of a repository, the build context has the files of the workspace's root, the app and what it needs. The
// ignore files of the repository, of the root and of the app apply, wherever the root is.
func TestLocation(t *testing.T) {
	place := plan.Location{Dir: "js/apps/web", Root: "js", With: []string{"libs/ui", "libs"}, Without: []string{"apps/admin", "libs/old", "apps/web/e2e", "group"}, Keep: []string{"m.json"}}
	nested := plan.Location{Dir: "a", Root: ".", With: []string{"group/b"}, Without: []string{"group", "c[1]"}}
	alone := plan.Location{Dir: "js/apps/web", Root: "js/apps/web"}
	files := map[string]string{
		"js/lock": "", "js/tools/x": "", "js/apps/web/main": "", "js/apps/web/e2e/x": "", "js/apps/admin/x": "", "js/apps/admin/m.json": "", "js/apps/admin/deep/m.json": "",
		"js/libs/ui/x": "", "js/libs/old/x": "", "js/libs/ui/a.log": "", "js/apps/web/a.log": "", "js/apps/web/tmp/x": "", "js/libs/ui/tmp/x": "", "js/tmp/x": "", "js/apps/web/key": key, "js/.git/HEAD": "", "py/main": "", "js/apps/web/id_rsa": key,
	}
	for name, c := range map[string]struct {
		at    plan.Location
		more  map[string]string
		out   string
		under string
	}{
		"a workspace below": {at: place, under: "js/", out: ".git/HEAD apps/admin/deep/m.json apps/admin/x apps/web/e2e/x apps/web/id_rsa libs/old/x"},
		"the repository's lines": {at: place, under: "js/", more: map[string]string{".dockerignore": "**/*.log\njs/tools\njs/apps/*/tmp\n/tmp\npy\nlock\n"},
			out: ".git/HEAD apps/admin/deep/m.json apps/admin/x apps/web/a.log apps/web/e2e/x apps/web/id_rsa apps/web/tmp/x libs/old/x libs/ui/a.log tools/x"},
		"the root's and the app's": {at: place, under: "js/", more: map[string]string{"js/.dockerignore": "tmp\n", "js/apps/web/.dockerignore": "*.log\n!id_rsa\n"},
			out: ".git/HEAD apps/admin/deep/m.json apps/admin/x apps/web/a.log apps/web/e2e/x libs/old/x tmp/x"},
		"what takes back a member": {at: place, under: "js/", more: map[string]string{".dockerignore": "!js/libs/old\n"},
			out: ".git/HEAD apps/admin/deep/m.json apps/admin/x apps/web/e2e/x apps/web/id_rsa"},
		"all of it": {at: place, under: "js/", more: map[string]string{".dockerignore": "js\n!js/apps/web\n"},
			out: ".git/HEAD apps/admin/deep/m.json apps/admin/m.json apps/admin/x apps/web/id_rsa libs/old/x libs/ui/a.log libs/ui/tmp/x libs/ui/x lock tmp/x tools/x"},
		"an app alone":                 {at: alone, under: "js/apps/web/", more: map[string]string{".dockerignore": "js/**/tmp\n"}, out: "id_rsa tmp/x"},
		"a member in another's folder": {at: nested, more: map[string]string{"group/b/x": "", "group/x": "", "c[1]/x": "", "c1/x": ""}, out: "c[1]/x group/x js/.git/HEAD js/apps/web/id_rsa"},
	} {
		t.Run(name, func(t *testing.T) {
			repo := tree(files)
			for name, text := range c.more {
				repo[name] = tree(map[string]string{name: text})[name]
			}
			r, err := ReadAt(repo, &c.at, defaults)
			if err == nil {
				r, err = r.For(&plan.Plan{App: &c.at}, outputs)
			}
			root, err1 := fs.Sub(repo, c.at.Root)
			if err == nil {
				err = r.Look(root)
			}
			if err != nil || err1 != nil {
				t.Fatal(err, err1)
			}
			here := map[string]string{}
			for name := range repo {
				if below, ok := strings.CutPrefix(name, c.under); ok {
					here[below] = ""
				}
			}
			if got := r.out(here); got != c.out {
				t.Errorf("out are  %s\nwanted are %s\nrules %q", got, c.out, r.Patterns())
			}
			if walked := sent(t, root, r.Patterns()); walked != in(r, here) {
				t.Errorf("BuildKit takes %s\nsaid to be in %s\nrules %q", walked, in(r, here), r.Patterns())
			}
		})
	}
}

// TestWithin checks the rests of a pattern in a folder. A pattern with many ** has no more rests than others; an
// implementation that tries every way to split the folders between them would take exponential time.
func TestWithin(t *testing.T) {
	split := func(s string) []string { return strings.Split(s, "/") }
	for _, c := range []struct{ pattern, dir, want string }{
		{"js/dist", "js", "dist"}, {"js", "js", "**"}, {"j*", "js/apps", "**"}, {"other/x", "js", ""}, {"**/dist", "js/apps", "**/dist"},
		{"**/js/x", "js", "**/js/x x"}, {"**", "js", "**"},
	} {
		if got := strings.Join(within(split(c.pattern), split(c.dir)), " "); got != c.want {
			t.Errorf("%s in %s: %s, not %s", c.pattern, c.dir, got, c.want)
		}
	}
	if got := within(split(strings.Repeat("**/a/", 40)+"x"), split(strings.Repeat("a/", 40)+"a")); len(got) > 81 {
		t.Errorf("%d patterns are left of one", len(got))
	}
}
