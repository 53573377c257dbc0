//go:build linux

package faults

import (
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// TestFaultsBuilderKilled kills the remote BuildKit during a build.
func TestFaultsBuilderKilled(t *testing.T) {
	needBuilds(t)
	below(t)
	r, s, dir := chance(t), newSite(t), t.TempDir()
	told := map[string]int{}
	build := func(d *buildkitdtest.Daemon, o target) *exec.Cmd {
		return s.nixpacks(append(append([]string{"build", "--progress", "plain", "--builder", d.Unix}, o.args(s)...), dir)...)
	}
	for i := range max(1, number(t, "NIXPACKS_FAULTS", 0)/5) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			o := targets[i%len(targets)]
			app(t, dir, heavy(i))
			calm := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{})
			follow(t, build(calm, o))
			was := sum(t, o.path(s))
			app(t, dir, heavy(1000+i))
			course := follow(t, build(buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{}), o)) // with an empty cache
			want := digest(t, o.path(s))
			app(t, dir, heavy(i))
			follow(t, build(calm, o))
			app(t, dir, heavy(1000+i))

			d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{})
			m, before := course.moment(r), below(t)
			got := strike(t, build(d, o), m, func(*exec.Cmd) { d.Kill() })
			t.Logf("in %s after %v of %v: exit %d after %v", m.stage, m.pause.Round(time.Millisecond), course.took.Round(time.Millisecond), got.code, got.after.Round(time.Millisecond))
			if !got.late {
				told[m.stage]++
				wantCode(t, got, []int{75, 0}) // 0: the build had nothing left to do
			}
			if got.code == 75 && !strings.Contains(got.said, d.Unix) {
				t.Errorf("it does not name the builder:\n%s", short(got.said))
			}
			defer func(outer testing.TB) { s.t = outer }(s.t)
			s.t = t
			s.nothingRuns(before)
			if is := sum(t, o.path(s)); is != was && digest(t, o.path(s)) != want {
				t.Error("the last good output is not there any more")
			}
			s.nothingTemporary()
			follow(t, build(calm, o))
			if is := digest(t, o.path(s)); is != want {
				t.Errorf("the next build is %s, undisturbed it is %s", is, want)
			}
		})
	}
	t.Logf("killed: %v", told)
}
