// Package examples builds every example with the real program, runs the image and asks what its
// expect.json says it answers, or looks at what it prints; ask_test.go has the form of that file. It needs the package
// registries and Debian's archive, so it runs where NIXPACKS_E2E is set: to "1" to run what this machine can run, to "require" to fail where it cannot.
package examples

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/testdata/mirror"
)

func TestExamples(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	files, err := filepath.Glob("*/expect.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	for _, f := range files {
		name := filepath.Dir(f)
		t.Run(name, func(t *testing.T) {
			t.Parallel() // a build waits for the registries and for steps that use one processor
			buildAndAsk(t, bin, name)
		})
	}
}

// TestNixExamples builds two examples with the Nix packages that are the default, from a mirror of nixpkgs. Of its
// archives no hash is known, unlike those of the real one.
func TestNixExamples(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	for name, laid := range map[string]plan.Plan{
		"go-http":      {Start: &plan.Start{RunImage: "debian://trixie"}}, // its run image is one of a registry
		"node-express": {},
	} {
		t.Run(name, func(t *testing.T) {
			args := []string{"--packages", "nix", "--build-image", "debian://trixie"}
			from := revisions(t, bin, name, args)
			laid.NixHashes = map[string]string{}
			for _, r := range from {
				laid.NixHashes[r] = ""
			}
			args = append(args, mirrorFlags(t, from)...)
			buildAndAsk(t, bin, name, append(args, "--json-plan", oneLine(t, &laid))...)
		})
	}
}

// oneLine is a plan as it fits into a command line.
func oneLine(t *testing.T, p *plan.Plan) string {
	t.Helper()
	var b bytes.Buffer
	if err := json.Compact(&b, p.JSON()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// TestNixHash holds an archive of nixpkgs to its hash: another content under the same address fails the build, and
// the right hash, which the message names, lets it pass.
func TestNixHash(t *testing.T) {
	needReal(t)
	bin := program(t)
	args := []string{"build", "--progress", "plain", "go-http", "--packages", "nix", "--build-image", "debian://trixie", "--output", "type=tar,dest=" + os.DevNull}
	from := revisions(t, bin, "go-http", args[4:8])
	args = append(args, mirrorFlags(t, from)...)
	build := func(hash string) (string, error) {
		p := plan.Plan{NixHashes: map[string]string{from[0]: hash}, Start: &plan.Start{RunImage: "debian://trixie"}}
		out, err := exec.Command(bin, append(args, "--json-plan", oneLine(t, &p))...).CombinedOutput()
		return string(out), err
	}
	out, err := build("1111111111111111111111111111111111111111111111111111")
	got := regexp.MustCompile(`got:\s+(sha256[-:]\S+)`).FindStringSubmatch(out)
	if err == nil || got == nil {
		t.Fatalf("a wrong hash: %v\n%s", err, out)
	}
	if out, err := build(got[1]); err != nil {
		t.Errorf("the right hash %s: %v\n%s", got[1], err, out)
	}
}

// needReal skips where real builds were not asked for.
func needReal(t *testing.T) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 to build and run the examples: minutes, and network")
	}
}

// buildAndAsk builds an example, runs it, asks what its expect.json says, and ends it.
func buildAndAsk(t *testing.T, bin, name string, flags ...string) {
	t.Helper()
	want := answers(t, filepath.Join(name, "expect.json"))
	build(t, bin, name, flags)
	runAndAsk(t, bin, name, flags, want)
}

// runAndAsk runs an app, or an image of one, and looks at what it answers or prints.
func runAndAsk(t *testing.T, bin, app string, flags []string, want []answer) {
	t.Helper()
	if want[0].Get == "" {
		checkOutput(t, bin, app, flags, want)
		return
	}
	url, stop := start(t, bin, app, flags)
	for _, w := range want {
		ask(t, url, w)
	}
	stop()
	if _, err := http.Get(url); err == nil {
		t.Errorf("%s still answers after the program ended", url)
	}
}

// revisions of nixpkgs that the plan of an example names.
func revisions(t *testing.T, bin, name string, flags []string) []string {
	t.Helper()
	out, err := exec.Command(bin, append([]string{"plan", name}, flags...)...).Output()
	if err != nil {
		t.Fatalf("plan: %v", err)
	}
	p, err := plan.Decode(out, "plan.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, ph := range p.Phases {
		if ph.NixpkgsArchive != "" {
			all = append(all, ph.NixpkgsArchive)
		}
	}
	return all
}

// mirrorFlags writes the mirror and gives the flags that make a build use it.
func mirrorFlags(t *testing.T, revisions []string) []string {
	t.Helper()
	npm, goProxy, err := mirror.Registries()
	if err != nil {
		t.Fatal(err)
	}
	to, err := mirror.Write(t.TempDir(), npm, goProxy, revisions...)
	if err != nil {
		t.Fatal(err)
	}
	var flags []string
	for from, to := range to {
		flags = append(flags, "--mirror", from+"="+to)
	}
	return flags
}

// program builds the binary that is under test.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "nixpacks")
	out, err := exec.Command("go", "build", "-o", bin, "../cli/nixpacks").CombinedOutput()
	if err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	return bin
}

// build builds an app and gives what is said meanwhile.
func build(t *testing.T, bin, app string, flags []string) string {
	t.Helper()
	out, err := exec.Command(bin, append([]string{"build", "--progress", "plain", app}, flags...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	if !regexp.MustCompile(`(?m)^built .* sha256:[0-9a-f]+, [0-9.]+[kMG]B, in `).Match(out) {
		t.Errorf("the build does not say how large the image is:\n%s", out)
	}
	if last := lastLine(out); !strings.Contains(last, "nixpacks run") {
		t.Errorf("the last line of the build does not say how to run what was built: %q", last)
	}
	return string(out)
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// start runs the app's image, waits for the line with its URL, and gives a function that ends it as Ctrl-C does.
func start(t *testing.T, bin, app string, flags []string) (url string, stop func()) {
	t.Helper()
	cmd := exec.Command(bin, append([]string{"run", app}, flags...)...)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	lines := bufio.NewScanner(io.TeeReader(stderr, &said))
	for lines.Scan() {
		if _, at, ok := strings.Cut(lines.Text(), "the app answers at "); ok {
			url = strings.TrimSpace(at)
			break
		}
	}
	if url == "" {
		cmd.Wait()
		t.Fatalf("nixpacks run printed no URL:\n%s", said.String())
	}
	rest := make(chan struct{})
	go func() { io.Copy(&said, stderr); close(rest) }()
	return url, func() {
		cmd.Process.Signal(syscall.SIGINT)
		<-rest
		if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 130 {
			t.Errorf("Ctrl-C: %v\n%s", err, said.String())
		}
	}
}

// checkOutput runs an app that prints and ends, and looks at what it wrote to stdout and at its exit code.
func checkOutput(t *testing.T, bin, app string, flags []string, want []answer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, bin, append([]string{"run", app}, flags...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) } // so that the engine clears up
	if err := cmd.Run(); cmd.ProcessState == nil || ctx.Err() != nil {
		t.Fatalf("nixpacks run: %v (%v)\n%s", err, ctx.Err(), stderr.String())
	}
	for _, w := range want {
		if w.Output == "" && w.Contains == "" {
			t.Errorf("what is expected of %s says neither output nor contains", app)
		}
		if w.Output != "" && stdout.String() != w.Output || !strings.Contains(stdout.String(), w.Contains) {
			t.Errorf("it printed %q, want %q%s\n%s", stdout.String(), w.Output, w.Contains, stderr.String())
		}
		if code := cmd.ProcessState.ExitCode(); code != w.Exit {
			t.Errorf("it ended with %d, want %d\n%s", code, w.Exit, stderr.String())
		}
		if said := fmt.Sprintf("the app exited with code %d ", w.Exit); !strings.Contains(stderr.String(), said) {
			t.Errorf("it does not say %q:\n%s", said, stderr.String())
		}
	}
}
