package cli

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// TestFrontendAllowed asks a buildkitd that allows one frontend, configured as in docs/frontend.md, for that one and for
// others. Their registry does not exist: a frontend is allowed if buildkitd tries to reach it there.
func TestFrontendAllowed(t *testing.T) {
	text, err := os.ReadFile("../docs/frontend.md")
	must(t, err)
	_, config, _ := strings.Cut(string(text), "# buildkitd.toml\n")
	config, _, _ = strings.Cut(config, "```")
	registry := buildkitdtest.FreeAddr(t)
	daemon := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{Config: strings.ReplaceAll(config, "registry.example.com", registry)})
	app := folder(t, map[string]string{"Dockerfile": "FROM scratch\n", "syntax": "# syntax=" + registry + "/nixpacks:1\n"})
	dockerfile := []string{"--frontend", "dockerfile.v0"}
	for _, c := range []struct {
		name, want string
		args       []string
	}{
		{"the frontend", "failed to resolve source metadata for " + registry + "/nixpacks:1", gatewayOf(registry + "/nixpacks:1")},
		{"another tag of it", "failed to resolve source metadata for " + registry + "/nixpacks:2", gatewayOf(registry + "/nixpacks:2")},
		{"another one", "'" + registry + "/other:1' is not an allowed gateway source", gatewayOf(registry + "/other:1")},
		{"one below it", "'" + registry + "/nixpacks/other:1' is not an allowed gateway source", gatewayOf(registry + "/nixpacks/other:1")},
		{"a Dockerfile", "invalid frontend: dockerfile.v0", dockerfile},
		{"the frontend in the first line of a file", "invalid frontend: dockerfile.v0", append(dockerfile, "--opt", "filename=syntax")},
	} {
		args := append([]string{"--addr", daemon.Unix, "build", "--progress", "plain", "--local", "context=" + app, "--local", "dockerfile=" + app}, c.args...)
		out, err := exec.Command(buildkitdtest.Program(t, buildkitdtest.Now, "buildctl"), args...).CombinedOutput()
		if err == nil || !strings.Contains(string(out), c.want) {
			t.Errorf("%s: %v\n%s\nwant %q", c.name, err, out, c.want)
		}
	}
}

// gatewayOf returns the arguments of buildctl that name a frontend.
func gatewayOf(image string) []string {
	return []string{"--frontend", "gateway.v0", "--opt", "source=" + image}
}
