package buildkitdtest

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/gofrs/flock"
)

// Now and Older are the BuildKits to test with: modules in testdata/buildkitd, whose go.mod has the version.
const (
	Now   = "now"
	Older = "older"
)

// Program compiles buildkitd or buildctl of a module, Now or Older. The user's cache keeps it, by what it is made of.
func Program(t testing.TB, module, name string) string {
	t.Helper()
	path, err := program(module, name)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

func program(module, name string) (string, error) {
	gomod, err := goIn(".", "env", "GOMOD")
	if err != nil {
		return "", err
	}
	dir := filepath.Join(filepath.Dir(gomod), "testdata/buildkitd", module)
	key, err := keyOf(dir)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	cache = filepath.Join(cache, "nixpacks-tests")
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Tests of several packages may come at once; the second waits rather than compiles the same.
	lock := flock.New(filepath.Join(cache, "lock"))
	if err := lock.Lock(); err != nil {
		return "", err
	}
	defer lock.Close()
	path := filepath.Join(cache, name+"-"+key)
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := compile(dir, name, path+".new"); err != nil {
		return "", err
	}
	return path, os.Rename(path+".new", path)
}

// keyOf tells apart what the programs of a module are made of.
func keyOf(dir string) (string, error) {
	sum := sha256.New()
	for _, f := range []string{"go.mod", "go.sum"} {
		text, err := os.ReadFile(filepath.Join(dir, f))
		if err != nil {
			return "", err
		}
		sum.Write(text)
	}
	fmt.Fprint(sum, runtime.Version())
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}

func compile(dir, name, path string) error {
	const pkg = "github.com/moby/buildkit"
	version, err := goIn(dir, "list", "-m", "-f", "{{.Version}}", pkg)
	if err != nil {
		return err
	}
	flags := "-s -w -X " + pkg + "/version.Version=" + version
	if name == "buildctl" { // it runs in a container without libraries; compiled without cgo it would share nothing with other builds
		flags += " -linkmode external -extldflags -static"
	}
	_, err = goIn(dir, "build", "-ldflags", flags, "-o", path, pkg+"/cmd/"+name)
	return err
}

// goIn gives what a go command says; what it says beside that, as of a download, goes into the error only.
func goIn(dir string, args ...string) (string, error) {
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	var beside strings.Builder
	cmd.Stderr = &beside
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("go %v: %w: %s", args, err, beside.String())
	}
	return strings.TrimSpace(string(out)), nil
}
