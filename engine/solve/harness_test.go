package solve

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// scratch is the directory shared by the tests of this package: the base image and the engine's state.
var scratch string

// scratchTime differs from all other timestamps.
var scratchTime = time.Unix(1e9, 0)

func TestMain(m *testing.M) {
	if handled, code := buildkitd.Main(); handled {
		os.Exit(code)
	}
	os.Exit(testMain(m))
}

func testMain(m *testing.M) int {
	retryDelays = []time.Duration{10 * time.Millisecond, 10 * time.Millisecond}
	var err error
	if scratch, err = os.MkdirTemp("", "nixpacks-solve"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(scratch)
	defer func() {
		if e, err := sharedEngine(); shared && err == nil {
			e.Close()
		}
	}()
	return m.Run()
}

var shared bool

// sharedEngine is started by the first test that needs it.
var sharedEngine = sync.OnceValues(func() (*Engine, error) {
	shared = true
	return Connect(context.Background(), Target{Embedded: buildkitd.Options{State: filepath.Join(scratch, "state")}})
})

// engine returns the shared engine. It skips the test on a machine that cannot build; with NIXPACKS_E2E=require it fails
// the test.
func engine(t testing.TB) *Engine {
	t.Helper()
	e, err := sharedEngine()
	needEngine(t, err)
	return e
}

func needEngine(t testing.TB, err error) {
	t.Helper()
	var f *fault.Fault
	if errors.As(err, &f) && f.Code == fault.Usage && os.Getenv("NIXPACKS_E2E") != "require" {
		t.Skipf("no engine here: %s (%s)", f.Msg, f.Hint)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// baseRef is a base image that contains only testdata/shell as /bin/bash.
var baseRef = sync.OnceValues(func() (string, error) {
	bin := filepath.Join(scratch, "shell")
	cmd := exec.Command("go", "build", "-o", bin, "./testdata/shell")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	raw, err := os.ReadFile(bin)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(scratch, "base")
	return "oci-layout://" + dir, writeImage(dir, map[string]string{
		"bin/bash": string(raw), "etc/passwd": "root:x:0:0::/root:/bin/bash\nnobody:x:99:99::/:/bin/bash\n",
		"etc/group": "root:x:0:\n", // BuildKit 0.12 runs no step without it
	}, ocispecs.ImageConfig{
		Env: []string{"PATH=/bin", "FROM_BASE=yes"},
	})
})

// writeImage creates a layout with one layer.
func writeImage(dir string, files map[string]string, config ocispecs.ImageConfig) error {
	return writeImageOf(runtime.GOARCH, dir, files, config)
}

func writeImageOf(arch, dir string, files map[string]string, config ocispecs.ImageConfig) error {
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	for _, d := range []string{"bin/", "etc/", "root/", "tmp/"} {
		tw.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: d, Mode: 0o755})
	}
	for name, text := range files {
		tw.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: 0o755, Size: int64(len(text))})
		tw.Write([]byte(text))
	}
	tw.Close()
	s, err := image.NewStage(dir)
	if err != nil {
		return err
	}
	put := func(mediaType string, v any) ocispecs.Descriptor {
		raw, ok := v.([]byte)
		if !ok {
			raw, _ = json.Marshal(v)
		}
		d := digest.FromBytes(raw)
		err = errors.Join(err, os.WriteFile(filepath.Join(s.Dir(), "blobs/sha256", d.Encoded()), raw, 0o644))
		return ocispecs.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
	}
	l := put(ocispecs.MediaTypeImageLayer, layer.Bytes())
	c := put(ocispecs.MediaTypeImageConfig, ocispecs.Image{
		Platform: ocispecs.Platform{OS: "linux", Architecture: arch},
		Config:   config,
		RootFS:   ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{l.Digest}},
	})
	m := put(ocispecs.MediaTypeImageManifest, ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest, Config: c, Layers: []ocispecs.Descriptor{l}})
	if err != nil {
		return err
	}
	_, err = s.Commit(m, nil)
	return err
}

// appPlan returns a plan with the given commands in the build phase, and with the start command start.
func appPlan(t testing.TB, start string, cmds ...string) *plan.Plan {
	t.Helper()
	ref, err := baseRef()
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Plan{
		Providers: []string{}, BuildImage: ref, Packages: "apt",
		Phases: map[string]*plan.Phase{"build": {Cmds: cmds}},
		Start:  &plan.Start{Cmd: start},
	}
}

// appDir creates an app directory from "NAME:TEXT" words.
func appDir(t testing.TB, files ...string) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range files {
		name, text, _ := strings.Cut(f, ":")
		put(t, filepath.Join(dir, name), text)
	}
	return dir
}

func put(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// layoutOf returns a request for a layout directory of the app.
func layoutOf(t testing.TB, dir string, p *plan.Plan) Request {
	return Request{Lower: plan2llb.Input{Plan: p, Caps: plan2llb.Caps{Merge: true, Diff: true}}, AppDir: dir, Progress: progress.Options{Mode: "plain", Out: testLog{t}},
		Outputs: []Output{{Type: TypeOCI, Dest: filepath.Join(t.TempDir(), "image"), Attrs: map[string]string{"tar": "false"}}}}
}

func build(t testing.TB, e *Engine, req Request) *Report {
	t.Helper()
	r, err := e.Build(t.Context(), req)
	if err != nil {
		var text strings.Builder
		fault.Print(&text, err, true)
		t.Fatal(text.String())
	}
	return r
}

type testLog struct{ t testing.TB }

func (l testLog) Write(p []byte) (int, error) {
	l.t.Log(strings.TrimRight(string(p), "\n"))
	return len(p), nil
}

// read runs a command in a built image and returns its output.
func read(t testing.TB, e *Engine, path string, cmd ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	code, err := e.Run(t.Context(), RunRequest{Path: path, Cmd: cmd, Stdout: &out, Stderr: &errs})
	if err != nil || code != 0 {
		t.Fatalf("%v: exit %d, %v: %s", cmd, code, err, errs.String())
	}
	return out.String()
}
