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

// Now and Older are the BuildKit versions to test with: modules in testdata/buildkitd, whose go.mod selects the version.
const (
	Now   = "now"
	Older = "older"
)

// Program compiles buildkitd or buildctl of a module, Now or Older. The binary is cached in the user's cache directory,
// with a key of its inputs.
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
	// Tests of several packages may run at once. The second one waits instead of compiling the same program.
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

// keyOf returns a hash of the inputs of a module's programs.
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
	// buildctl runs in a container without libraries. Built without cgo, it would share no compiled packages with other builds.
	if name == "buildctl" {
		flags += " -linkmode external -extldflags -static"
	}
	_, err = goIn(dir, "build", "-ldflags", flags, "-o", path, pkg+"/cmd/"+name)
	return err
}

// goIn returns the output of a go command. Its other messages, for example about downloads, appear only in the error.
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
