package solve

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// room is enough for the base, but not for a compressed file of 20 MB.
const room = 6_000_000

// tooLarge runs a build that is refused because of its size, and checks the message.
func tooLarge(t *testing.T, e *Engine, req Request) {
	t.Helper()
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Refused, "the image is too large: ")
	var text strings.Builder
	fault.Print(&text, err, false)
	for _, want := range []string{"MB, the maximum is 6MB\n", "MB  [build] fill /app/big 20\n", "or raise the limit: --max-size "} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("it does not say %q:\n%s", want, text.String())
		}
	}
}

// An image that is too large is not written, and the previous image stays.
func TestMaxSize(t *testing.T) {
	e := engine(t)
	good := layoutOf(t, appDir(t, "main.txt:good"), appPlan(t, "cat /app/main.txt", "echo"))
	place := good.Outputs[0].Dest
	good.MaxSize = room
	was := build(t, e, good).Outputs[0].Digest

	req := layoutOf(t, appDir(t, "main.txt:large"), appPlan(t, "cat /app/main.txt", "fill /app/big 20"))
	req.MaxSize, req.Outputs = good.MaxSize, good.Outputs
	tooLarge(t, e, req)
	img, err := image.Open(place, image.Select{})
	if err != nil || img.Desc.Digest != was {
		t.Errorf("the image that was there is %v, %v, want %s", img, err, was)
	}
	img.Close()

	var stdout bytes.Buffer
	out := t.TempDir()
	req.Stdout = &stdout
	req.Outputs = []Output{{Type: TypeOCI, Dest: filepath.Join(out, "layout") + "/"}, {Type: TypeDocker, Dest: filepath.Join(out, "app.tar")},
		{Type: TypeOCI, Dest: "-"}, {Type: TypeLocal, Dest: filepath.Join(out, "files")}}
	tooLarge(t, e, req)
	if entries, _ := os.ReadDir(out); len(entries) > 0 || stdout.Len() > 0 {
		t.Errorf("a refused image left %v, and %d bytes on stdout", entries, stdout.Len())
	}
	req.MaxSize = 10 * room
	build(t, e, req)
	if entries, _ := os.ReadDir(out); len(entries) != 3 || stdout.Len() < room {
		t.Errorf("an image with room left %v, and %d bytes on stdout", entries, stdout.Len())
	}
	req.Outputs = []Output{{Type: TypeLocal, Dest: filepath.Join(out, "files")}, {Type: TypeTar, Dest: "-"}}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "--max-size limits the size of an image, but the outputs are only files")
}

// Neither an image that is too large nor its cache is pushed. Otherwise the steps run once, and that image is pushed.
func TestMaxSizeOfPushed(t *testing.T) {
	addr := buildkitdtest.Registry(t, "")
	e := engine(t)
	req := pushOf(t, appDir(t, "main.txt:pushed"), appPlan(t, "cat /app/main.txt", "fill /app/big 20", "echo ran"), addr+"/large:1")
	var log strings.Builder
	req.Progress.Out = &log
	req.MaxSize, req.Lower.NoCache = room, true
	req.CacheTo = []Cache{{Type: CacheRegistry, Attrs: map[string]string{"ref": addr + "/large:cache"}}}
	tooLarge(t, e, req)
	for _, tag := range []string{"1", "cache"} {
		if got := digestAt(t, addr, "large", tag, ""); got != "" {
			t.Errorf("the registry has %s: %s", tag, got)
		}
	}
	log.Reset()
	req.MaxSize = 10 * room
	r := build(t, e, req)
	i := slices.IndexFunc(r.Outputs, func(o Written) bool { return o.Type == TypeImage })
	if got := digestAt(t, addr, "large", "1", ""); got == "" || got != r.Outputs[i].Digest.String() {
		t.Errorf("the registry has %q, the report says %s", got, r.Outputs[i].Digest)
	}
	if digestAt(t, addr, "large", "cache", "") == "" {
		t.Error("the registry has no cache")
	}
	if n := len(regexp.MustCompile(`(?m)^#\d+ [\d.]+ ran$`).FindAllString(log.String(), -1)); n != 1 || r.Cached != 0 {
		t.Errorf("the step ran %d times, and %d steps are said to be of the cache:\n%s", n, r.Cached, log.String())
	}
}

// If two phases have the same command, the same one is always named.
func TestMadeBy(t *testing.T) {
	var lowered plan2llb.Result
	lowered.Steps = map[digest.Digest]plan2llb.Step{}
	for _, phase := range []string{"one", "two", "three", "four"} {
		d := digest.FromString(phase)
		lowered.Vertices = append(lowered.Vertices, plan2llb.Vertex{Digest: d})
		lowered.Steps[d] = plan2llb.Step{Phase: phase, Command: "npm ci"}
	}
	j := &job{lowered: &lowered}
	for range 100 {
		if by := j.madeBy(image.Layer{By: "mount / from exec /bin/bash -l -o pipefail -c npm ci"}); by != "[one] npm ci" {
			t.Fatalf("it is %q", by)
		}
	}
}
