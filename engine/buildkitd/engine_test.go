//go:build linux

package buildkitd

import (
	"net"
	"os"
	"strings"
	"testing"
)

func TestBuild(t *testing.T) {
	c := connect(t, options(t))
	out, err := build(t.Context(), c, []string{"write", "/tmp/x", "kept\n"}, []string{"cat", "/tmp/x"}, []string{"id"})
	if err != nil {
		t.Fatal(err, out)
	}
	if want := "kept\n0 0 1\n"; out != want {
		t.Errorf("got %q, want %q", out, want)
	}
	if _, err := build(t.Context(), c, []string{"exit", "3"}); err == nil || !strings.Contains(err.Error(), "exit code: 3") {
		t.Errorf("a step that fails gives %v", err)
	}
}

func TestNetwork(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	for network, reached := range map[string]bool{NetworkHost: true, NetworkNone: false} {
		t.Run(network, func(t *testing.T) {
			o := options(t)
			o.Network = network
			_, err := build(t.Context(), connect(t, o), []string{"dial", l.Addr().String()})
			if (err == nil) != reached {
				t.Errorf("dialling the host's loopback: %v", err)
			}
		})
	}
}

// Steps must see a resolver on the host's loopback, which they can reach over the host network. BuildKit would replace it
// with a public one.
func TestNameservers(t *testing.T) {
	o := options(t)
	out, err := build(t.Context(), connect(t, o), []string{"cat", "/etc/resolv.conf"})
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.ReadFile("/etc/resolv.conf")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(host)) {
		if strings.HasPrefix(line, "nameserver") && !strings.Contains(out, strings.TrimSpace(line)) {
			t.Errorf("%q is missing in:\n%s", line, out)
		}
	}
	o = options(t)
	o.DNS = []string{"127.0.0.9"}
	if out, err = build(t.Context(), connect(t, o), []string{"cat", "/etc/resolv.conf"}); err != nil || !strings.Contains(out, "nameserver 127.0.0.9\n") {
		t.Errorf("%v, resolv.conf:\n%s", err, out)
	}
}
