// Package buildkitdtest runs external servers for tests of builds: a buildkitd and a registry (Debian's docker-registry).
// They listen only on this machine, and end with the test.
package buildkitdtest

import (
	"net"
	"os"
	"os/exec"
	"testing"
)

// Need skips a test on a machine that lacks one of the programs. With NIXPACKS_E2E=require, it fails the test.
func Need(t testing.TB, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			lacks(t, p)
		}
	}
}

// NeedRoot is like Need, for programs that only root can start. It also skips the test unless NIXPACKS_E2E is set.
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

// FreeAddr returns an unused HOST:PORT on loopback.
func FreeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}
