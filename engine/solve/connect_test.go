package solve

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// builder starts a BuildKit and returns the address of its socket.
func builder(t *testing.T) string {
	t.Helper()
	state := t.TempDir()
	e, err := Connect(t.Context(), Target{Embedded: buildkitd.Options{State: state}})
	needEngine(t, err)
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	sockets, err := filepath.Glob(filepath.Join(state, "*", "bk.sock"))
	if err != nil || len(sockets) != 1 {
		t.Fatalf("sockets %v, %v", sockets, err)
	}
	return sockets[0]
}

func connect(t *testing.T, target Target) *Engine {
	t.Helper()
	e, err := Connect(t.Context(), target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

func TestRemoteBuilder(t *testing.T) {
	socket := builder(t)
	for name, target := range map[string]Target{
		"unix": {Builder: "unix://" + socket, From: "BUILDKIT_HOST"},
		"tls":  tlsTarget(t, socket),
	} {
		var said string
		target.Say = func(s string) { said = s }
		e := connect(t, target)
		if !strings.HasPrefix(said, "engine: BuildKit ") || !strings.Contains(said, target.Builder+", from "+target.from()) {
			t.Errorf("%s: said %q", name, said)
		}
		req := layoutOf(t, appDir(t, "main.txt:"+name), appPlan(t, "cat /app/built", "copy main.txt built"))
		r := build(t, e, req)
		if got := read(t, engine(t), r.Outputs[0].Dest); got != name {
			t.Errorf("the app says %q", got)
		}
		req.Lower.Plan = appPlan(t, "x", "exit 4")
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, fault.BuildFailed, `phase "build" failed: exit 4: exit status 4`)
	}
}

// tlsTarget puts a TLS server with its own certificate in front of the socket.
func tlsTarget(t *testing.T, socket string) Target {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "builder"}, IsCA: true, BasicConstraintsValid: true,
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"builder.test"}, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca := filepath.Join(t.TempDir(), "ca.pem")
	put(t, ca, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{NextProtos: []string{"h2"},
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}})
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(c net.Conn) { join(c, socket) })
	return Target{Builder: "tcp://" + l.Addr().String(), TLS: TLS{CA: ca, ServerName: "builder.test"}}
}

// serve handles each connection of a listener, and closes the listener when the test ends.
func serve(t *testing.T, l net.Listener, answer func(net.Conn)) {
	t.Helper()
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go answer(c)
		}
	}()
}

func join(c net.Conn, socket string) {
	defer c.Close()
	up, err := net.Dial("unix", socket)
	if err != nil {
		return
	}
	defer up.Close()
	go io.Copy(up, c)
	io.Copy(c, up)
}

func TestConnectRefused(t *testing.T) {
	absent := "unix://" + filepath.Join(t.TempDir(), "absent.sock")
	for text, c := range map[string]struct {
		target Target
		code   fault.Code
	}{
		`BUILDKIT_HOST: "podman" is not a BuildKit address`:                        {Target{Builder: "podman", From: "BUILDKIT_HOST"}, fault.Usage},
		"an address begins with unix://, tcp://, docker://, docker-container://, ": {Target{Builder: "http://x"}, fault.Usage},
		"TLS files apply to tcp:// builders, not to " + absent:                     {Target{Builder: absent, TLS: TLS{CA: "x"}}, fault.Usage},
		"TLS file cannot be read: open /absent.pem":                                {Target{Builder: "tcp://x", TLS: TLS{CA: "/absent.pem"}}, fault.Usage},
		"the BuildKit at " + absent + " does not answer":                           {Target{Builder: absent}, fault.TryAgain},
	} {
		_, err := Connect(t.Context(), c.target)
		wantFault(t, err, c.code, text)
	}
}

func TestProgress(t *testing.T) {
	e := engine(t)
	for mode, want := range map[string]string{
		"":        "[build] lines 3",
		"plain":   "ERROR",
		"rawjson": `"name":"[build] lines 3`,
		"quiet":   "",
	} {
		var out bytes.Buffer
		req := layoutOf(t, appDir(t), appPlan(t, "x", "lines 3; env "+"MODE"+mode+"; exit 1"))
		req.Progress = progress.Options{Mode: mode, Out: &out}
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, fault.BuildFailed, "line 3")
		if got := out.String(); !strings.Contains(got, want) || want == "" && got != "" {
			t.Errorf("%q shows %s", mode, got)
		}
		if strings.Contains(out.String(), "------") {
			t.Errorf("%q shows the failed step twice:\n%s", mode, out.String())
		}
	}
	req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
	req.Progress = progress.Options{Mode: "fancy"}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, `unknown progress mode "fancy"`)
	req.Progress = progress.Options{Mode: "tty", Out: io.Discard}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "--progress tty needs a terminal")
}

// The error message of a helper program is reported, and the hint does not mention TLS.
func TestCarried(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "podman"), []byte("#!/bin/sh\necho \"Error: no container called $3\" >&2\nexit 125\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH"))
	_, err := Connect(t.Context(), Target{Builder: "podman-container://gone", From: "--builder"})
	wantFault(t, err, fault.Usage, "podman says: Error: no container called gone")
	var f *fault.Fault
	if !errors.As(err, &f) || !strings.Contains(f.Hint, "buildctl is installed") {
		t.Errorf("the hint is %q", f.Hint)
	}
}
