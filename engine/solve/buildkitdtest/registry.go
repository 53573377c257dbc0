package buildkitdtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/crypto/bcrypt"
)

// RegistryUser is the user name for a registry with a password.
const RegistryUser = "me"

// Registry runs a registry until the test ends, and returns its HOST:PORT on loopback, which BuildKit and Docker access
// without TLS. With a password, only RegistryUser has access.
func Registry(t testing.TB, password string) string {
	t.Helper()
	return RegistryIn(t, t.TempDir(), password)
}

// RegistryIn is Registry with a directory for its files. Pushed content is in its subdirectory data.
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
