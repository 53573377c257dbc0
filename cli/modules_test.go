package cli

import (
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cuelabs.dev/go/oci/ociregistry/ocimem"
	"cuelabs.dev/go/oci/ociregistry/ociserver"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// memoryRegistry starts a registry in this process, and returns its HOST:PORT on loopback.
func memoryRegistry(t testing.TB) string {
	t.Helper()
	s := httptest.NewServer(ociserver.New(ocimem.New(), nil))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

// TestModules runs testdata/modules/*.txtar: modules in a registry, from publishing to use. Each script has its own
// registry, in memory and, if it is installed, Debian's.
func TestModules(t *testing.T) {
	t.Parallel() // mostly waits
	t.Run("memory", func(t *testing.T) { moduleScripts(t, memoryRegistry) })
	t.Run("docker-registry", func(t *testing.T) {
		buildkitdtest.Need(t, "docker-registry")
		moduleScripts(t, func(t testing.TB) string { return buildkitdtest.Registry(t, "") })
	})
}

// TestModulesReal runs testdata/modules/real/*.txtar: the same with real builds.
func TestModulesReal(t *testing.T) {
	host := realHost(t)
	buildkitdtest.Need(t, "docker-registry")
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/modules/real",
		RequireExplicitExec: true,
		Cmds:                scriptCommands,
		Setup: func(env *testscript.Env) error {
			for _, kv := range append(host, "SSL_CERT_FILE="+os.Getenv("SSL_CERT_FILE"), "HOME="+filepath.Join(env.WorkDir, "home"), "CUE_CACHE_DIR="+filepath.Join(env.WorkDir, "cue")) {
				k, v, _ := strings.Cut(kv, "=")
				env.Setenv(k, v)
			}
			env.Setenv("CUE_REGISTRY", buildkitdtest.Registry(t, ""))
			return nil
		},
	})
}

func moduleScripts(t *testing.T, registry func(testing.TB) string) {
	root, err := filepath.Abs("..")
	must(t, err)
	testscript.Run(t, testscript.Params{
		Dir:                 "../testdata/modules",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds:                scriptCommands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("ROOT", root)
			env.Setenv("HOME", filepath.Join(env.WorkDir, "home"))
			env.Setenv("XDG_CACHE_HOME", filepath.Join(env.WorkDir, "cache"))
			env.Setenv("CUE_CACHE_DIR", filepath.Join(env.WorkDir, "cue"))
			env.Setenv("CUE_REGISTRY", registry(t))
			return nil
		},
	})
}
