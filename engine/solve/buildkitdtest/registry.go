package buildkitdtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// RegistryUser is whom a registry with a password lets in.
const RegistryUser = "me"

// Registry runs a registry until the test ends, and gives its HOST:PORT on loopback, which BuildKit and Docker talk to
// without TLS. With a password it is for RegistryUser only.
func Registry(t testing.TB, password string) string {
	t.Helper()
	return RegistryIn(t, t.TempDir(), password)
}

// RegistryIn is Registry with a directory for its files; what is pushed lies in data there.
func RegistryIn(t testing.TB, dir, password string) string {
	t.Helper()
	Need(t, "docker-registry")
	addr := FreeAddr(t)
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	config := fmt.Sprintf("version: 0.1\nlog: {level: info, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %q}}\nhttp: {addr: %q}\n",
		filepath.Join(dir, "data"), addr)
	if password != "" {
		sum, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
		if err != nil {
			t.Fatal(err)
		}
		config += fmt.Sprintf("auth: {htpasswd: {realm: here, path: %q}}\n", file("htpasswd", RegistryUser+":"+string(sum)+"\n"))
	}
	Start(t, exec.Command("docker-registry", "serve", file("config.yml", config)), "listening on "+addr)
	return addr
}
