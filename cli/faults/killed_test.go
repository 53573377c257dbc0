//go:build linux

package faults

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// project is an app with work in each stage of a build. Its result depends only on the number. The salt makes every step
// from the source on run again.
func project(number, salt int) map[string]string {
	return map[string]string{
		"nixpacks.toml": "buildImage = \"debian://trixie\"\npackages = \"apt\"\nproviders = []\n" +
			"[phases.setup]\naptPkgs = [\"hello\"]\n" +
			"[phases.install]\ndependsOn = [\"setup\"]\ncmds = [\"seq 1 300000 > installed && echo installed\", \"cat number.txt >> installed\"]\n" +
			"[phases.build]\ndependsOn = [\"install\"]\ncmds = [\"sha256sum installed > built && echo built\"]\n" +
			"[start]\ncmd = \"cat built\"\nrunImage = \"debian://trixie\"\nonlyIncludeFiles = [\"built\", \"installed\"]\n",
		"number.txt": strconv.Itoa(number) + "\n",
		"salt.txt":   strconv.Itoa(salt) + "\n",
	}
}

// kind is how much of a build exists before it starts.
type kind struct {
	name string
	args []string
	bare bool // the base must be made
}

var (
	warm = kind{name: "warm"}
	anew = kind{name: "every step anew", args: []string{"--no-cache"}}
	bare = kind{name: "with its base", args: []string{"--no-cache"}, bare: true}
)

// kindOf returns the kind of build i. Few builds make a base, because that takes long.
func kindOf(i int) kind {
	switch {
	case i%25 == 4:
		return bare
	case i%5 == 1:
		return anew
	}
	return warm
}

// target is an output of the builds that are disturbed.
type target struct {
	name string
	args func(s *site) []string
	path func(s *site) string
}

var targets = []target{
	{"a layout", func(s *site) []string { return []string{"--output", "type=oci,dest=" + s.at("out/layout") + "/"} },
		func(s *site) string { return s.at("out/layout") }},
	{"a tar", func(s *site) []string { return []string{"--output", "type=oci,dest=" + s.at("out/app.tar")} },
		func(s *site) string { return s.at("out/app.tar") }},
	{"a name", func(s *site) []string { return []string{"-n", "app"} }, func(s *site) string {
		found, _ := filepath.Glob(s.at("state/nixpacks/images/names/[^.]*app*")) // a name that begins with a dot is not complete
		return strings.Join(found, " ")
	}},
}

// trial is where builds are disturbed: a site for them, and another with the same app where builds run undisturbed.
type trial struct {
	t           *testing.T
	r           *rand.Rand
	calm, prone *site
	app         string
	salt        int
	courses     map[string]course    // by kind and target
	right       map[string][2]string // the digests of an output, by target and app number
	told        map[string]int       // strikes by what they are and the stage that they hit
}

func newTrial(t *testing.T) *trial {
	needBuilds(t)
	below(t) // from here on, this process adopts orphans
	x := &trial{t: t, r: chance(t), calm: newSite(t), prone: newSite(t), app: t.TempDir(),
		courses: map[string]course{}, right: map[string][2]string{}, told: map[string]int{}}
	for _, o := range targets {
		var right [2]string
		for number := range right {
			x.write(number)
			x.calm.good(x.args(o, x.calm, warm)...)
			right[number] = digest(t, o.path(x.calm))
		}
		x.right[o.name] = right
		x.prone.good(x.args(o, x.prone, warm)...)
	}
	return x
}

// write changes the app.
func (x *trial) write(number int) {
	x.salt++
	app(x.t, x.app, project(number, x.salt))
}

// course returns the course of an undisturbed build of this kind.
func (x *trial) course(k kind, o target) course {
	name := k.name + " " + o.name
	if _, ok := x.courses[name]; !ok {
		if k.bare {
			x.calm.forget()
		}
		x.courses[name] = follow(x.t, x.calm.nixpacks(x.args(o, x.calm, k)...))
	}
	return x.courses[name]
}

func (x *trial) args(o target, s *site, k kind) []string {
	args := append([]string{"build", "--progress", "plain"}, k.args...)
	return append(append(args, o.args(s)...), x.app)
}

// forget gives the site its own cache without the base. Downloads stay.
func (s *site) forget() {
	s.t.Helper()
	shared, err := os.UserCacheDir()
	if err != nil {
		s.t.Fatal(err)
	}
	s.env = append(s.env, "XDG_CACHE_HOME="+s.at("cache"))
	for _, d := range []string{"bases", "names"} {
		if err := os.RemoveAll(s.at("cache/nixpacks", d)); err != nil {
			s.t.Fatal(err)
		}
	}
	own := s.at("cache/nixpacks/downloads")
	if err := os.MkdirAll(own, 0o755); err != nil {
		s.t.Fatal(err)
	}
	files, _ := filepath.Glob(filepath.Join(shared, "nixpacks/downloads/*"))
	for _, f := range files {
		_ = os.Link(f, filepath.Join(own, filepath.Base(f))) // on another disk it is downloaded again
	}
}

// blow is what happens to a build, and the exit codes that the build may then have.
type blow struct {
	hit   func(*exec.Cmd)
	codes []int
	tidy  []string // patterns of what it has time to remove
}

// once disturbs one build, and checks what it leaves behind, at once and after the next build.
func (x *trial) once(what string, i int, b blow) {
	k := kindOf(i)
	o := targets[i%len(targets)]
	number := i / len(targets) % 2
	x.write(number)
	course, want := x.course(k, o), x.right[o.name][number]
	if k.bare {
		x.prone.forget()
	}
	m := course.moment(x.r)
	before, was := below(x.t), sum(x.t, o.path(x.prone))
	s := strike(x.t, x.prone.nixpacks(x.args(o, x.prone, k)...), m, b.hit)
	x.t.Run(fmt.Sprintf("%s %d %s %s in %s", what, i, k.name, o.name, m.stage), func(t *testing.T) {
		x.prone.t = t
		defer func() { x.prone.t = x.t }()
		t.Logf("%d lines and %v of %v: exit %d after %v", m.lines, m.pause.Round(time.Millisecond), course.took.Round(time.Millisecond), s.code, s.after.Round(time.Millisecond))
		x.prone.nothingRuns(before)
		x.prone.nothingMounted()
		if !s.late {
			x.told[what+" in "+m.stage]++
			wantCode(t, s, b.codes)
		}
		if is := sum(t, o.path(x.prone)); is != was && digest(t, o.path(x.prone)) != want {
			t.Errorf("the last good output is not there any more:\n%s", short(s.said))
		}
		if s.code != -1 {
			x.prone.nothingAt(b.tidy)
		}
		x.prone.good(x.args(o, x.prone, warm)...)
		if got := digest(t, o.path(x.prone)); got != want {
			t.Errorf("the next build is %s, undisturbed it is %s", got, want)
		}
		x.prone.nothingTemporary()
		x.prone.nothingMounted()
	})
}

func wantCode(t *testing.T, s struck, codes []int) {
	t.Helper()
	if !slices.Contains(codes, s.code) {
		t.Errorf("exit code %d, not one of %v:\n%s", s.code, codes, short(s.said))
	}
}

// TestKilledAtAnyMoment kills builds, and every third time only the engine of a build. It also interrupts builds: all
// processes of the job, as Ctrl-C does, or only the program.
func TestKilledAtAnyMoment(t *testing.T) {
	x := newTrial(t)
	n := number(t, "NIXPACKS_FAULTS", 3)
	for i := range n {
		b := blow{hit: func(c *exec.Cmd) { c.Process.Kill() }, codes: []int{-1, 0}} // 0: it had just finished
		if i%3 == 2 {
			b = blow{hit: func(c *exec.Cmd) { killEngine(c.Process.Pid) }, codes: []int{75, 0}, tidy: besideOutputs}
		}
		x.once("killed", i, b)
	}
	for i := range n {
		hit := func(c *exec.Cmd) { c.Process.Signal(os.Interrupt) }
		if i%2 == 0 {
			hit = func(c *exec.Cmd) { syscall.Kill(-c.Process.Pid, syscall.SIGINT) }
		}
		x.once("interrupted", i, blow{hit, []int{130, 0, -1}, slices.Concat(besideOutputs, elsewhere)}) // -1: not listening yet
	}
	t.Logf("%v", x.told)
}

// killEngine kills the engine of a build. It does nothing if there is none.
func killEngine(pid int) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, f := range files {
		raw, _ := os.ReadFile(f)
		for _, word := range strings.Fields(string(raw)) {
			if child, err := strconv.Atoi(word); err == nil {
				syscall.Kill(child, syscall.SIGKILL)
			}
		}
	}
}
