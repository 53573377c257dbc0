package cli

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// traces holds builds with every kind of secret.
type traces struct {
	t        *testing.T
	host     []string
	dir      string // of everything that builds leave behind, except the state
	state    string
	registry string
	said     bytes.Buffer
}

// The secrets of TestSecretsLeaveNoTrace. A password may contain characters that an address must escape.
const (
	envCanary      = "canary-env-01+23/45~67=89"
	npmCanary      = "canary-npm-98+76/54~32=10"
	registryCanary = "canary-registry-a+b/c~d=e"
	wrongCanary    = "canary-wrong-e+d/c~b=a"
	proxyCanary    = "canary-proxy-f+g/h~i=j"
	brokenCanary   = "canary-broken-%zz"
)

// anyFailure stands for any exit status except success.
const anyFailure = -1

// TestSecretsLeaveNoTrace builds an app with secrets, on a base, with a push and caches in a registry that requires a
// password, and with every kind of attestation. Builds succeed and fail. The test then searches for the secrets in
// everything that builds print and leave behind.
func TestSecretsLeaveNoTrace(t *testing.T) {
	t.Parallel() // mostly waits
	host := realHost(t)
	x := &traces{t: t, host: host, dir: t.TempDir(), state: strings.TrimPrefix(host[0], "XDG_STATE_HOME=")}
	x.registry = buildkitdtest.RegistryIn(t, x.make("registry"), registryCanary)
	x.host = append(x.host, x.login("docker", registryCanary), "TOKEN="+envCanary, "NO_PROXY=127.0.0.1", "no_proxy=127.0.0.1")
	x.bases()
	app, secrets := x.app()
	x.succeed(app, secrets)
	x.fail(app, secrets)
	x.refused()
	nowhere(t, x.said.Bytes(), []string{envCanary, npmCanary, registryCanary, wrongCanary, proxyCanary, brokenCanary},
		[]string{backwards(envCanary)}, x.state, x.dir)
}

// make makes a new directory among those that are searched.
func (x *traces) make(name string) string {
	dir := filepath.Join(x.dir, name)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		x.t.Fatal(err)
	}
	return dir
}

func (x *traces) write(path, text string) string {
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		x.t.Fatal(err)
	}
	return path
}

// login writes a Docker configuration with a password for the registry, outside of the searched directories.
func (x *traces) login(name, password string) string {
	dir := x.t.TempDir()
	auth := base64.StdEncoding.EncodeToString([]byte(buildkitdtest.RegistryUser + ":" + password))
	x.write(filepath.Join(dir, "config.json"), fmt.Sprintf(`{"auths": {%q: {"auth": %q}}}`, x.registry, auth))
	return "DOCKER_CONFIG=" + dir
}

// run runs nixpacks and keeps its output. code is the expected exit status, or anyFailure.
func (x *traces) run(code int, env []string, args ...string) string {
	x.t.Helper()
	cmd := program(append(x.host[:len(x.host):len(x.host)], env...), args...)
	out, _ := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code && (code != anyFailure || got == 0) {
		x.t.Fatalf("%q: exit %d, want %d\n%s", args, got, code, out)
	}
	x.said.Write(out)
	return string(out)
}

// bases pushes a base, and an image that generates SBOMs.
func (x *traces) bases() {
	for name, start := range map[string]string{"base": "true", "scanner": `echo '{"_type": "https://in-toto.io/Statement/v0.1", "predicateType": "https://spdx.dev/Document", "predicate": {"name": "mine"}}' > /run/out/sbom.spdx.json`} {
		app := x.make("app-" + name)
		x.write(filepath.Join(app, "nixpacks.json"), fmt.Sprintf(`{"packages": "apt", "providers": [], "start": {"cmd": %q}}`, start))
		x.run(0, nil, "build", app, "--push", "-t", x.registry+"/"+name, "--progress", "plain")
	}
}

// app makes an app whose install gets secrets and prints them. (TestNetworks has package managers that use theirs.)
func (x *traces) app() (dir string, secrets []string) {
	dir = x.make("app")
	x.write(filepath.Join(dir, "nixpacks.toml"), `
packages = "apt"
providers = []
[phases.install]
inputs = []
secrets = ["API_TOKEN", "npm"]
cacheDirectories = ["/root/.npm"]
cmds = [
  'printf %s "$API_TOKEN" | rev > reversed && mkdir -p /root/.npm && ls /run/secrets > /root/.npm/log',
  'set -x; test -n "$API_TOKEN"; cat /run/secrets/npm; sed s/.*=// /run/secrets/npm; for i in 1 2; do printf %s "$API_TOKEN"; done',
]
[phases.build]
cmds = ["test ! -e fail"]
[start]
cmd = "cat reversed"
`)
	file := x.write(filepath.Join(x.t.TempDir(), "npmrc"), "//registry.example.com/:_authToken="+npmCanary+"\n")
	return dir, []string{"--secret", "id=API_TOKEN,env=TOKEN", "--secret", "id=npm,src=" + file, "--secrets-hash", "auto"}
}

// succeed writes every kind of output.
func (x *traces) succeed(app string, secrets []string) {
	ref := x.registry + "/app"
	all := append([]string{"build", app, "--build-image", x.registry + "/base", "--verbose"}, secrets...)
	text := x.run(0, nil, append(all, "--push", "-t", ref, "--output", "type=oci,dest="+filepath.Join(x.dir, "image.tar"), "--output", "type=local,dest="+filepath.Join(x.dir, "files"),
		"--cache-to", "type=registry,ref="+ref+":cache,mode=max", "--cache-to", "type=local,mode=max,dest="+filepath.Join(x.dir, "cache"),
		"--provenance", "mode=max", "--sbom", "generator="+x.registry+"/scanner", "--metadata-file", filepath.Join(x.dir, "metadata.json"), "--progress", "plain")...)
	if strings.Count(text, "***") < 4 {
		x.t.Errorf("the values that a command prints are not masked:\n%s", text)
	}
	x.run(0, nil, append(all, "--no-cache", "--progress", "rawjson")...)
	x.run(0, nil, "plan", app, "--build-image", x.registry+"/base")
	x.run(0, nil, "llb", app, "--build-image", x.registry+"/base")
	x.run(0, nil, append([]string{"build", app, "--build-image", x.registry + "/base", "--out", x.make("out")}, secrets[:4]...)...)
	x.run(0, nil, "build", app, "--build-image", x.registry+"/base", "--cache-from", ref+":cache", "--secret", secrets[1], "--secret", secrets[3], "--progress", "plain")
}

// fail runs steps that have secrets, print them, and fail.
func (x *traces) fail(app string, secrets []string) {
	x.write(filepath.Join(app, "fail"), "x")
	x.run(1, nil, append([]string{"build", app, "--build-image", x.registry + "/base", "--verbose", "--progress", "plain"}, secrets...)...)
	if err := os.Remove(filepath.Join(app, "fail")); err != nil {
		x.t.Fatal(err)
	}
	loud := x.make("loud")
	x.write(filepath.Join(loud, "nixpacks.toml"), `
packages = "apt"
providers = []
[phases.build]
secrets = ["API_TOKEN"]
cmds = ['set -x; curl() { echo "curl: (22) $*" >&2; return 22; }; curl -H "Authorization: Bearer $API_TOKEN" https://example.com']
[start]
cmd = "true"
`)
	for _, more := range [][]string{{"--progress", "plain"}, {"--verbose", "--progress", "quiet"}, {"--json-errors", "--progress", "quiet"}} {
		text := x.run(1, nil, append([]string{"build", loud, "--build-image", x.registry + "/base", "--secret", "id=API_TOKEN,env=TOKEN"}, more...)...)
		if !strings.Contains(text, "Authorization: Bearer ***") {
			x.t.Errorf("the step's last words are not there, masked:\n%s", text)
		}
	}
}

// refused makes the registry and the proxies reject their passwords.
func (x *traces) refused() {
	app := x.make("small")
	x.write(filepath.Join(app, "nixpacks.json"), `{"packages": "apt", "providers": [], "phases": {"build": {"cmds": ["true"], "secrets": ["API_TOKEN"]}}, "start": {"cmd": "true"}}`)
	wrong := []string{x.login("wrong", wrongCanary)}
	on := []string{"build", app, "--verbose", "--progress", "plain", "--secret", "id=API_TOKEN,env=TOKEN"}
	x.run(anyFailure, wrong, append(on, "--build-image", x.registry+"/base")...)
	x.run(anyFailure, wrong, append(on, "--build-image", "debian://trixie", "--push", "-t", x.registry+"/app")...)
	x.run(anyFailure, wrong, append(on, "--build-image", "debian://trixie", "--cache-to", "type=registry,ref="+x.registry+"/cache")...)

	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer proxy.Close()
	at := strings.TrimPrefix(proxy.URL, "http://")
	for _, address := range []string{
		"http://" + url.UserPassword("me", proxyCanary).String() + "@" + at,
		"http://me:" + brokenCanary + "@" + at,
	} {
		env := []string{"http_proxy=" + address, "https_proxy=" + address, "HTTP_PROXY=" + address, "HTTPS_PROXY=" + address}
		x.run(0, env, "plan", app)
		for _, more := range [][]string{{"--progress", "plain"}, {"--progress", "rawjson"}, {"--json-errors"}} {
			x.run(anyFailure, env, append(append(on, "--build-image", "registry.invalid/base"), more...)...)
		}
		x.run(anyFailure, env, append(on, "--build-image", "debian://trixie", "--pull", "--debian-mirror", "http://mirror.invalid/debian")...)
	}
}
