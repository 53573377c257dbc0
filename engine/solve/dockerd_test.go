//go:build linux

package solve

import (
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/docker"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// startDocker runs a docker engine until the test ends, and returns its address.
func startDocker(t testing.TB, more ...string) string {
	t.Helper()
	buildkitdtest.NeedRoot(t, "dockerd", "docker")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	put(t, file("daemon.json"), "{}")
	host := "unix://" + file("docker.sock")
	args := append([]string{"-H", host, "--config-file", file("daemon.json"), "--data-root", file("data"), "--exec-root", file("exec"),
		"--pidfile", file("pid"), "--bridge=none", "--iptables=false", "--ip6tables=false"}, more...)
	cmd := buildkitdtest.Contained("dockerd", args...)
	cmd.Env = append(os.Environ(), "TMPDIR="+dir, "DOCKER_TMPDIR="+file("tmp"))
	buildkitdtest.Start(t, cmd, "API listen on "+file("docker.sock"))
	return host
}

// A docker engine with TLS accepts clients with a certificate of its CA. Others get an error that says what is missing.
func TestDockerTLS(t *testing.T) {
	keys, others := newPKI(t), newPKI(t)
	for _, p := range []*pki{keys, others} {
		p.issue(t, "here", &x509.Certificate{IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		for from, to := range map[string]string{"client.pem": "cert.pem", "client.key": "key.pem"} { // docker's names
			if err := os.Rename(p.file(from), p.file(to)); err != nil {
				t.Fatal(err)
			}
		}
	}
	host := "tcp://" + buildkitdtest.FreeAddr(t)
	startDocker(t, "-H", host, "--tlsverify", "--tlscacert", keys.file("ca.pem"), "--tlscert", keys.file("here.pem"), "--tlskey", keys.file("here.key"))
	connect(t, Target{Builder: "docker", Docker: docker.Engine{Host: host, TLSVerify: true, CertPath: keys.dir}})

	mixed := t.TempDir() // trusts the engine, but is not trusted by it
	for from, to := range map[string]string{keys.file("ca.pem"): "ca.pem", others.file("cert.pem"): "cert.pem", others.file("key.pem"): "key.pem"} {
		raw, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		put(t, filepath.Join(mixed, to), string(raw))
	}
	for hint, d := range map[string]docker.Engine{
		"it requires TLS":                    {Host: host},
		"its certificate must be signed by":  {Host: host, TLSVerify: true, CertPath: others.dir},
		"must accept the client certificate": {Host: host, TLSVerify: true, CertPath: mixed},
		"it does not use TLS":                {Host: "tcp://" + plainListener(t), TLSVerify: true, CertPath: keys.dir},
	} {
		_, err := d.Open(t.Context())
		var f *fault.Fault
		if !errors.As(err, &f) || f.Code != fault.Usage || !strings.Contains(f.Hint, hint) {
			t.Errorf("%s: %v", hint, err)
		}
	}
}

// The docker engine's BuildKit can build, even a version that supports neither OCI layouts nor merging layers. The image
// is then in the engine.
func TestDockerEngine(t *testing.T) {
	host := startDocker(t)
	var said string
	target := Target{Builder: "docker", Docker: docker.Engine{Host: host}, Say: func(s string) { said = s }}
	e := connect(t, target)
	if !strings.HasPrefix(said, "engine: the BuildKit of Docker ") || !strings.HasSuffix(said, host+", from --builder") {
		t.Errorf("said %q", said)
	}
	req := foreignRequest(t)
	req.Lower.Plan = appPlan(t, "serve main.txt", "copy main.txt built")
	req.Lower.Network = plan2llb.NetworkHost
	req.Names = []string{"app:1", "registry.example.com/app"}
	req.Outputs = []Output{{Type: TypeImage}}
	build(t, e, req)
	r := build(t, e, req)
	if r.Cached != r.Steps {
		t.Errorf("the second time, %d of %d steps came from the cache", r.Cached, r.Steps)
	}
	if got := dockerSays(t, host, "image", "inspect", "-f", "{{.Id}}", "registry.example.com/app"); got != r.Outputs[0].Digest.String() {
		t.Errorf("the image is %s, reported %s", got, r.Outputs[0].Digest)
	}
	answers(t, host, "app:1")
	dockerRefuses(t, e, req)
}

// An image of the embedded engine is loaded into a docker engine under its names.
func TestLoad(t *testing.T) {
	host := startDocker(t)
	req := layoutOf(t, appDir(t, "main.txt:loaded"), appPlan(t, "serve main.txt", "echo"))
	req.Names = []string{"loaded:1", "registry.example.com/loaded"}
	req.Outputs = []Output{{Type: TypeDocker}}
	req.Docker = docker.Engine{Host: host}
	r := build(t, engine(t), req)
	for _, name := range req.Names {
		if got := dockerSays(t, host, "image", "inspect", "-f", "{{.Id}}", name); got != r.Metadata["containerimage.config.digest"] {
			t.Errorf("%s is %s, reported %v", name, got, r.Metadata)
		}
	}
	answers(t, host, "loaded:1")

	req.Docker = docker.Engine{Host: "unix://" + filepath.Join(t.TempDir(), "none.sock")}
	req.Lower.Plan = appPlan(t, "x", "lines 2; exit 4")
	_, err := engine(t).Build(t.Context(), req)
	wantFault(t, err, fault.TryAgain, "the docker engine at unix://") // before anything is built
}

// answers runs an image in the host network and sends it an HTTP request.
func answers(t *testing.T, host, name string) {
	t.Helper()
	addr := buildkitdtest.FreeAddr(t)
	_, port, _ := net.SplitHostPort(addr)
	id := dockerSays(t, host, "run", "-d", "--network", "host", "-e", "PORT="+port, name)
	defer dockerSays(t, host, "rm", "-f", id)
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		res, err := http.Get("http://" + addr + "/")
		if err == nil {
			defer res.Body.Close()
			if _, err := io.ReadAll(res.Body); err != nil || res.StatusCode != http.StatusOK {
				t.Errorf("%s: %s, %v", name, res.Status, err)
			}
			return
		}
		if time.Now().After(end) {
			t.Fatalf("no answer: %v: %s", err, dockerSays(t, host, "logs", id))
		}
	}
}

// dockerRefuses requests features that a docker engine's BuildKit does not support.
func dockerRefuses(t *testing.T, e *Engine, req Request) {
	t.Helper()
	req.Outputs = []Output{{Type: TypeImage, Attrs: map[string]string{"push": "true"}}}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "cannot push images")
	req.Outputs = foreignOutputs(t)[:1]
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "does not support output type oci")
	req.Outputs = foreignOutputs(t)[1:]
	build(t, e, req)
	if got, err := os.ReadFile(filepath.Join(req.Outputs[0].Dest, "app/built")); string(got) != "made of it" {
		t.Errorf("the files have %q, %v", got, err)
	}
	req.Lower.Plan = appPlan(t, "x", "lines 2; exit 4")
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.BuildFailed, `phase "build" failed: lines 2; exit 4: exit status 4`)
}

func dockerSays(t testing.TB, host string, args ...string) string {
	t.Helper()
	out, err := exec.Command("docker", append([]string{"-H", host}, args...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("docker %v: %v: %s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}
