package solve

import (
	"context"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func TestBuild(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one", "lib/a.txt:lib", ".git/config:secret", "sub/.git:secret", ".nixpacks/plan.json:own",
		"logs/x.log:noise", "logs/keep.log:kept", "README.md:long")
	p := appPlan(t, "cat /app/built", "copy main.txt built", "list /app")
	p.Variables = map[string]string{"GREETING": "hi"}
	req := layoutOf(t, dir, p)
	req.Lower.Ignore = []string{"*.md", "logs/*", "!logs/keep.log", "**/.git", ".nixpacks"}
	req.Names = []string{"my-app"}
	r := build(t, e, req)
	out := r.Outputs[0].Dest
	if got := read(t, e, out); got != "one" {
		t.Errorf("the app says %q", got)
	}
	if got, want := read(t, e, out, "env GREETING; env FROM_BASE; pwd"), "hi\nyes\n/app 0\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	want := "/app/built\n/app/lib/a.txt\n/app/logs/keep.log\n/app/main.txt\n"
	if got := read(t, e, out, "list /app"); got != want {
		t.Errorf("the app's files are %s, want %s", got, want)
	}
	if r.Cached != 0 || r.Steps != 4 || len(r.Phases) != 1 || r.Phases[0].Phase != "build" || r.Phases[0].Cached || r.Phases[0].Duration == 0 {
		t.Errorf("report %+v", r)
	}
	img, err := image.Open(out, image.Select{Name: "docker.io/library/my-app:latest"})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if img.Desc.Digest != r.Outputs[0].Digest || img.Config.Created.Unix() != 0 {
		t.Errorf("digest %s, created %s, report %+v", img.Desc.Digest, img.Config.Created, r.Outputs)
	}
	for _, h := range img.Config.History {
		if h.Created != nil && h.Created.Unix() != 0 {
			t.Errorf("history has the time of the build: %+v", h)
		}
	}
}

func TestBuildAgain(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one", "deps.txt:deps")
	p := appPlan(t, "cat /app/built", "copy main.txt built")
	p.Phases["install"] = &plan.Phase{Cmds: []string{"copy deps.txt /root/deps"}, Inputs: []string{"deps.txt"}}
	p.Phases["build"].DependsOn = []string{"install"}
	req := layoutOf(t, dir, p)
	first := build(t, e, req)

	same := build(t, e, req)
	if same.Cached != same.Steps || same.Outputs[0].Changed || same.Outputs[0].Digest != first.Outputs[0].Digest {
		t.Errorf("nothing changed, but: %+v", same)
	}
	put(t, filepath.Join(dir, "main.txt"), "two")
	edited := build(t, e, req)
	if !edited.Outputs[0].Changed || len(edited.Phases) != 2 || !edited.Phases[0].Cached || edited.Phases[1].Cached {
		t.Errorf("after an edit: %+v", edited)
	}
	if got := read(t, e, req.Outputs[0].Dest); got != "two" {
		t.Errorf("the app says %q", got)
	}
	put(t, filepath.Join(dir, "main.txt"), "one")
	back := build(t, e, req)
	if back.Cached != back.Steps || back.Outputs[0].Digest != first.Outputs[0].Digest || !back.Outputs[0].Changed {
		t.Errorf("back again: %+v", back)
	}
	req.Lower.NoCache = true
	if again := build(t, e, req); again.Cached == again.Steps {
		t.Errorf("without cache: %+v", again)
	}
}

// Two engines that share nothing produce the same image.
func TestReproducible(t *testing.T) {
	dir := appDir(t, "main.txt:one")
	p := appPlan(t, "cat /app/built", "copy main.txt built", "write /app/new x")
	req := layoutOf(t, dir, p)
	first := build(t, engine(t), req)
	os.Chtimes(filepath.Join(dir, "main.txt"), scratchTime, scratchTime)
	second := build(t, otherEngine(t), req)
	if a, b := first.Outputs[0].Digest, second.Outputs[0].Digest; a != b {
		t.Errorf("%s is not %s", a, b)
	}
}

// otherEngine returns a separate engine for the test.
func otherEngine(t *testing.T) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), Target{Embedded: buildkitd.Options{State: t.TempDir()}})
	needEngine(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return e
}

// The daemon merges equal steps of two builds. The builds of two apps with the same plan differ only in their files.
func TestTwoAtOnce(t *testing.T) {
	e := engine(t)
	p := appPlan(t, "cat /app/built", "sleep 300ms", "copy main.txt built")
	outs := make([]string, 4)
	var all sync.WaitGroup
	for i := range outs {
		req := layoutOf(t, appDir(t, "main.txt:"+strings.Repeat("x", i+1)), p)
		outs[i] = req.Outputs[0].Dest
		all.Go(func() {
			if _, err := e.Build(t.Context(), req); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for i, out := range outs {
		if got, want := read(t, e, out), strings.Repeat("x", i+1); got != want {
			t.Errorf("app %d has %q, want %q", i, got, want)
		}
	}
}

func TestCacheDirectories(t *testing.T) {
	e := engine(t)
	p := appPlan(t, "list /app", "list /cache", "copy main.txt /cache/kept")
	p.Phases["build"].CacheDirectories = []string{"/cache"}
	one, two := appDir(t, "main.txt:one"), appDir(t, "main.txt:two")
	var log strings.Builder
	run := func(dir string) string {
		log.Reset()
		req := layoutOf(t, dir, p)
		req.Progress.Out = &log
		put(t, filepath.Join(dir, "main.txt"), t.TempDir()) // so that the steps run
		build(t, e, req)
		return log.String()
	}
	kept := regexp.MustCompile(`(?m)^#\d+ [0-9.]+ /cache/kept$`)
	if run(one); !kept.MatchString(run(one)) {
		t.Errorf("the cache directory is not kept between builds:\n%s", log.String())
	}
	if kept.MatchString(run(two)) {
		t.Errorf("an app sees the cache of another:\n%s", log.String())
	}
}

func TestInterrupted(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "x", "echo sleeping", "sleep 1000s"))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req.Progress.Out = writerFunc(func(p []byte) (int, error) {
		if strings.Contains(string(p), " sleeping") {
			cancel()
		}
		return len(p), nil
	})
	_, err := e.Build(ctx, req)
	wantFault(t, err, fault.Interrupted, "interrupted")
	nothingIn(t, filepath.Dir(req.Outputs[0].Dest))
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

func nothingIn(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}

func wantFault(t *testing.T, err error, code fault.Code, text string) {
	t.Helper()
	var b strings.Builder
	fault.Print(&b, err, false)
	if err == nil || fault.CodeOf(err) != code || !strings.Contains(b.String(), text) {
		t.Errorf("got code %d: %s\nwant code %d: %s", fault.CodeOf(err), b.String(), code, text)
	}
	for _, noise := range []string{"rpc error", "goroutine", "failed to solve", "desc ="} {
		if strings.Contains(b.String(), noise) {
			t.Errorf("%q in: %s", noise, b.String())
		}
	}
}

// An image must not depend on which of two equal bases BuildKit saw first, since that is random.
func TestBaseHistory(t *testing.T) {
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "cat /app/main.txt", "echo"))
	build(t, engine(t), req)
	img, err := image.Open(req.Outputs[0].Dest, image.Select{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	if got := img.Config.History[0].CreatedBy; got != "base image" {
		t.Errorf("the base's layer was made by %q", got)
	}
	if h := img.Config.History; len(h) != len(img.Manifest.Layers) || h[0].Created == nil || h[0].Created.Unix() != 0 {
		t.Errorf("history %+v of %d layers", h, len(img.Manifest.Layers))
	}
}
