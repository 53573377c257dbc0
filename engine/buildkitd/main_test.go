//go:build linux

package buildkitd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/moby/buildkit/client"
	"github.com/moby/buildkit/client/llb"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd/ocirt"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestMain(m *testing.M) {
	if handled, code := Main(); handled {
		os.Exit(code)
	}
	if state := os.Getenv(processEnv); state != "" {
		os.Exit(processMain(state))
	}
	code := m.Run()
	if path, err := stepFile(); err == nil {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}

// stepEnv passes the compiled step to processes that a test starts, whose users may have no compiler.
const stepEnv = "BUILDKITD_TEST_STEP"

// stepFile is the static program of testdata/step, compiled once for all tests.
var stepFile = sync.OnceValues(func() (string, error) {
	if path := os.Getenv(stepEnv); path != "" {
		return path, nil
	}
	dir, err := os.MkdirTemp("", "step")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		return "", err
	}
	path := filepath.Join(dir, "step")
	cmd := exec.Command("go", "build", "-o", path, "./testdata/step/main.go")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if text, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, text)
	}
	return path, nil
})

func step() ([]byte, error) {
	path, err := stepFile()
	if err != nil {
		return nil, err
	}
	return os.ReadFile(path)
}

// needEngine skips a test on a machine that cannot build, and logs the reason. With NIXPACKS_E2E=require it fails the
// test.
func needEngine(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		return
	}
	var f *fault.Fault
	if errors.As(err, &f) && f.Code == fault.Usage && os.Getenv("NIXPACKS_E2E") != "require" {
		t.Skipf("no engine here: %s (%s)", f.Msg, f.Hint)
	}
	t.Fatal(err)
}

// needLinked skips a test that an external runc cannot pass.
func needLinked(t *testing.T) {
	t.Helper()
	if !ocirt.Linked {
		t.Skip("this test binary was built without cgo, and so without the runtime")
	}
}

// connect returns a client that is closed with the test.
func connect(t *testing.T, o Options) *client.Client {
	t.Helper()
	c, closer, _, err := Connect(t.Context(), o)
	needEngine(t, err)
	t.Cleanup(func() {
		if err := closer(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func options(t *testing.T) Options {
	return Options{State: t.TempDir(), Say: func(s string) { t.Log("say:", s) }, Log: testLog{t}}
}

// testLog forwards BuildKit's log to the test log.
type testLog struct{ t *testing.T }

func (l testLog) Write(p []byte) (int, error) {
	if l.t.Context().Err() == nil { // some BuildKit goroutine always outlives its server
		l.t.Log(strings.TrimSpace(string(p)))
	}
	return len(p), nil
}

// build runs the steps one after the other on an empty file system, and returns their output.
func build(ctx context.Context, c *client.Client, steps ...[]string) (string, error) {
	var out bytes.Buffer
	err := buildTo(ctx, c, &out, steps...)
	return out.String(), err
}

func buildTo(ctx context.Context, c *client.Client, out io.Writer, steps ...[]string) error {
	bin, err := step()
	if err != nil {
		return err
	}
	st := llb.Scratch().File(llb.Mkfile("/step", 0o755, bin)).File(llb.Mkdir("/tmp", 0o777))
	for _, s := range steps {
		st = st.Run(llb.Args(append([]string{"/step"}, s...)), llb.IgnoreCache).Root()
	}
	def, err := st.Marshal(ctx)
	if err != nil {
		return err
	}
	ch := make(chan *client.SolveStatus)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for s := range ch {
			for _, l := range s.Logs {
				_, _ = out.Write(l.Data)
			}
		}
	}()
	_, err = c.Solve(ctx, def, client.SolveOpt{Internal: true}, ch)
	<-done
	return err
}
