// Package buildkitdtest runs the servers of others that builds are tested with: a buildkitd of its own, and a registry
// (Debian's docker-registry), both on this machine alone. They end with the test.
package buildkitdtest

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

// Need ends a test on a machine that lacks one of the programs: as skipped, or as failed with NIXPACKS_E2E=require.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lacks(t, p)
		}
	}
}

// NeedRoot is Need for programs that only root can start. They are started only if NIXPACKS_E2E asks for it.
func NeedRoot(t testing.TB, programs ...string) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "" {
		t.Skip("set NIXPACKS_E2E=1 for tests with servers of other programs")
	}
	if os.Getuid() != 0 {
		lacks(t, "the right of root")
	}
	Need(t, programs...)
}

func lacks(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("NIXPACKS_E2E") == "require" {
		t.Fatalf("this test needs %s", what)
	}
	t.Skipf("this test needs %s", what)
}

// FreeAddr is a HOST:PORT of the loopback on which nobody listens.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
