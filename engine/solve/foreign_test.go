//go:build linux

package solve

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// daemons are the BuildKit daemons that the tests run beside the embedded one: modules of their own, whose go.mod has
// the version.
var daemons = []string{"now", "older"}

// needOther ends a test on a machine without what a foreign server needs; with NIXPACKS_E2E=require that is a failure.
func needOther(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for tests with servers of other programs")
	}
	lacks := ""
	if os.Getuid() != 0 {
		lacks = "the right of root"
	}
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lacks = p
		}
	}
	if lacks == "" {
		return
	}
	if os.Getenv("NIXPACKS_E2E") == "require" {
		t.Fatalf("this test needs %s", lacks)
	}
	t.Skipf("this test needs %s", lacks)
}

// buildkitProgram compiles buildkitd or buildctl, which is kept from one run to the next, by what it is made of.
func buildkitProgram(t testing.TB, module, name string) string {
	t.Helper()
	dir := filepath.Join("../../testdata/buildkitd", module)
	sum := sha256.New()
	for _, f := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			t.Fatal(err)
		}
		sum.Write(text)
	}
	fmt.Fprint(sum, runtime.Version())
	cache, err := os.UserCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(cache, "nixpacks-tests", name+"-"+hex.EncodeToString(sum.Sum(nil))[:16])
	if _, err := os.Stat(path); err == nil {
		return path
	}
	const pkg = "github.com/moby/buildkit"
	version, err := goIn(dir, "list", "-m", "-f", "{{.Version}}", pkg)
	if err == nil {
		flags := "-s -w -X " + pkg + "/version.Version=" + strings.TrimSpace(version)
		if name == "buildctl" { // it runs in a container without libraries; compiled without cgo it would share nothing with other builds
			flags += " -linkmode external -extldflags -static"
		}
		_, err = goIn(dir, "build", "-ldflags", flags, "-o", path+".new", pkg+"/cmd/"+name)
	}
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func goIn(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("go %v: %w: %s", args, err, out)
	}
	return string(out), nil
}

// foreign is a buildkitd that runs.
type foreign struct {
	unix string // address of its socket
	tcp  string // address with TLS, where it has one
	cmd  *exec.Cmd
}

// startForeign runs a buildkitd until the test ends, with TLS where pki is not nil.
func startForeign(t testing.TB, module string, pki *pki) *foreign {
	t.Helper()
	needOther(t, "runc")
	dir := t.TempDir()
	d := &foreign{unix: "unix://" + filepath.Join(dir, "bk.sock")}
	args := []string{"--root", filepath.Join(dir, "state"), "--addr", d.unix, "--oci-worker-net", "host", "--containerd-worker=false"}
	if pki != nil {
		d.tcp = "tcp://" + freeAddr(t)
		args = append(args, "--addr", d.tcp, "--tlscacert", pki.file("ca.pem"), "--tlscert", pki.file("server.pem"), "--tlskey", pki.file("server.key"))
	}
	d.cmd = contained(buildkitProgram(t, module, "buildkitd"), args...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	start(t, d.cmd, "running server on")
	return d
}

// contained is a command in namespaces of its own: its mounts and all its processes go when it is killed.
func contained(program string, args ...string) *exec.Cmd {
	const script = `mount --make-rprivate / && mount -t proc proc /proc && exec "$@"`
	cmd := exec.Command("sh", append([]string{"-c", script, "sh", program}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	return cmd
}

// start runs a server until the test ends, and waits for the line of its log that says that it is ready.
func start(t testing.TB, cmd *exec.Cmd, ready string) {
	t.Helper()
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	said, up := make(chan string), make(chan bool)
	go func() {
		defer close(said)
		var all strings.Builder
		for lines := bufio.NewScanner(log); lines.Scan(); {
			all.WriteString(lines.Text() + "\n")
			if ready != "" && strings.Contains(lines.Text(), ready) {
				close(up)
				ready = ""
			}
		}
		said <- all.String()
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		force := time.AfterFunc(20*time.Second, func() { _ = cmd.Process.Kill() })
		defer force.Stop()
		if text := <-said; t.Failed() {
			t.Logf("%s:\n%s", filepath.Base(cmd.Path), text)
		}
		_ = cmd.Wait()
	})
	select {
	case <-up:
	case text := <-said:
		t.Fatalf("%s ended: %s", cmd.Path, text)
	}
}

// freeAddr is an address of the loopback on which nobody listens.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// Every BuildKit makes the same image of a plan.
func TestForeignBuildKit(t *testing.T) {
	keys := newPKI(t)
	for _, module := range daemons {
		t.Run(module, func(t *testing.T) {
			d := startForeign(t, module, keys)
			req := foreignRequest(t)
			build(t, fresh(t), req)
			want := req.Outputs[0].Dest
			for _, target := range []Target{{Builder: d.unix}, {Builder: d.tcp, TLS: keys.tls("ca.pem", "client")}} {
				var said string
				target.Say = func(s string) { said = s }
				e := connect(t, target)
				if !strings.HasPrefix(said, "engine: BuildKit v0.") {
					t.Errorf("said %q", said)
				}
				outputs := foreignOutputs(t)
				req.Outputs = outputs[:1]
				build(t, e, req)
				sameImage(t, want, outputs[0].Dest, module != "older")
				if got := read(t, engine(t), outputs[0].Dest); got != "made of it" {
					t.Errorf("%s: the app says %q", target.Builder, got)
				}
				req.Outputs = outputs[1:]
				build(t, e, req)
				if got, err := os.ReadFile(filepath.Join(outputs[1].Dest, "app/built")); string(got) != "made of it" {
					t.Errorf("%s: the files have %q, %v", target.Builder, got, err)
				}
				severalOutputs(t, e, req, module != "older")
			}
			req.Lower.Plan = appPlan(t, "x", "lines 2; exit 4")
			_, err := connect(t, Target{Builder: d.unix}).Build(t.Context(), req)
			wantFault(t, err, fault.BuildFailed, `phase "build" failed: lines 2; exit 4: exit status 4`)
		})
	}
}

// fresh is an embedded engine that has built nothing yet: how a layer came into an engine first is written into the history
// of all images that have it.
func fresh(t *testing.T) *Engine {
	return connect(t, Target{Embedded: buildkitd.Options{State: t.TempDir()}})
}

// sameImage compares two layouts: their digests, or what their images are made of where the daemon that made one
// knows no rewrite-timestamp.
func sameImage(t *testing.T, want, got string, digests bool) {
	t.Helper()
	var is [2]*image.Image
	for i, path := range []string{want, got} {
		img, err := image.Open(path, image.Select{})
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		is[i] = img
	}
	if digests && is[0].Desc.Digest != is[1].Desc.Digest {
		t.Errorf("the image is %s, the embedded engine's %s", is[1].Desc.Digest, is[0].Desc.Digest)
	}
	if !reflect.DeepEqual(is[0].Config.Config, is[1].Config.Config) || len(is[0].Manifest.Layers) != len(is[1].Manifest.Layers) {
		t.Errorf("the image is %+v, the embedded engine's %+v", is[1].Config, is[0].Config)
	}
}

// severalOutputs are what BuildKit 0.13 and later writes at once; the others are not asked to.
func severalOutputs(t *testing.T, e *Engine, req Request, able bool) {
	t.Helper()
	req.Outputs = foreignOutputs(t)
	if able {
		build(t, e, req)
		return
	}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "this BuildKit writes one output a build, and 2 are wanted")
}

func foreignRequest(t *testing.T) Request {
	req := layoutOf(t, appDir(t, "main.txt:made of it"), appPlan(t, "cat /app/built", "copy main.txt built"))
	req.Lower.Caps = plan2llb.Caps{Merge: true, Diff: true}
	req.Lower.CacheKey = "foreign"
	req.Outputs = foreignOutputs(t)[:1]
	return req
}

// foreignOutputs are a layout, whose digest does not depend on when it was made, and files.
func foreignOutputs(t *testing.T) []Output {
	return []Output{
		{Type: TypeOCI, Dest: filepath.Join(t.TempDir(), "image"), Attrs: map[string]string{"tar": "false", "rewrite-timestamp": "true"}},
		{Type: TypeLocal, Dest: filepath.Join(t.TempDir(), "files")},
	}
}

// Who may not talk to a builder is told why, and what would help.
func TestForeignTLS(t *testing.T) {
	keys, others := newPKI(t), newPKI(t)
	d := startForeign(t, daemons[0], keys)
	for text, tls := range map[string]TLS{
		"x509: certificate signed by unknown authority":   others.tls("ca.pem", "client"),
		"x509: cannot validate certificate for 127.0.0.1": {CA: keys.file("ca.pem"), Cert: keys.file("client.pem"), Key: keys.file("client.key")},
		"certificate required":                            {CA: keys.file("ca.pem"), ServerName: "builder.test"},
		"unknown certificate authority":                   {CA: keys.file("ca.pem"), Cert: others.file("client.pem"), Key: others.file("client.key"), ServerName: "builder.test"},
	} {
		_, err := Connect(t.Context(), Target{Builder: d.tcp, TLS: tls})
		wantFault(t, err, fault.Usage, text)
	}
	_, err := Connect(t.Context(), Target{Builder: d.tcp})
	wantFault(t, err, fault.Usage, "it may want TLS")
	_, err = Connect(t.Context(), Target{Builder: "tcp://" + plainListener(t), TLS: keys.tls("ca.pem", "client")})
	wantFault(t, err, fault.Usage, "it speaks no TLS")
}

// plainListener answers as a server without TLS does.
func plainListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00")) // HTTP/2's first frame
			_ = c.Close()
		}
	}()
	return l.Addr().String()
}

// A builder that dies in the middle of a build ends it, with its name.
func TestForeignDies(t *testing.T) {
	d := startForeign(t, daemons[0], nil)
	e := connect(t, Target{Builder: d.unix})
	req := foreignRequest(t)
	req.Lower.Plan = appPlan(t, "x", "echo begun; sleep 1000s")
	req.Progress = Progress{Mode: "plain", Out: onWord{"begun", func() { _ = d.cmd.Process.Kill() }}}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.TryAgain, "the connection to "+d.unix+" broke")
	if _, err := os.Stat(req.Outputs[0].Dest); err == nil {
		t.Error("an output is there")
	}
}

// onWord calls found when a line of progress ends with the word.
type onWord struct {
	word  string
	found func()
}

func (w onWord) Write(p []byte) (int, error) {
	for l := range strings.Lines(string(p)) {
		if f := strings.Fields(l); len(f) == 3 && f[2] == w.word {
			w.found()
		}
	}
	return len(p), nil
}
