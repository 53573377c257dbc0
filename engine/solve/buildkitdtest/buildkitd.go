package buildkitdtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Options are how a buildkitd is started.
type Options struct {
	TLS    *TLS     // it listens on TCP too, if not nil
	Args   []string // of the command line, beside those that every one gets
	Config string   // its buildkitd.toml
}

// TLS is what a server knows itself and its clients by: PEM files.
type TLS struct {
	CA, Cert, Key string
}

// Daemon is a buildkitd that runs.
type Daemon struct {
	Unix string // address of its socket
	TCP  string // address with TLS, where it has one
	cmd  *exec.Cmd
}

// Kill ends it without notice.
func (d *Daemon) Kill() { _ = d.cmd.Process.Kill() }

// Buildkitd runs a buildkitd of a module, Now or Older, until the test ends: in a container of its own, but its steps have
// this machine's network.
func Buildkitd(t testing.TB, module string, o Options) *Daemon {
	t.Helper()
	NeedRoot(t, "runc")
	dir := t.TempDir()
	config := filepath.Join(dir, "buildkitd.toml")
	if err := os.WriteFile(config, []byte(o.Config), 0o600); err != nil { // the machine's own is not ours
		t.Fatal(err)
	}
	d := &Daemon{Unix: "unix://" + filepath.Join(dir, "bk.sock")}
	args := []string{"--config", config, "--root", filepath.Join(dir, "state"), "--addr", d.Unix,
		"--oci-worker-net", "host", "--containerd-worker=false"}
	if o.TLS != nil {
		d.TCP = "tcp://" + FreeAddr(t)
		args = append(args, "--addr", d.TCP, "--tlscacert", o.TLS.CA, "--tlscert", o.TLS.Cert, "--tlskey", o.TLS.Key)
	}
	d.cmd = Contained(Program(t, module, "buildkitd"), append(args, o.Args...)...)
	d.cmd.Env = append(os.Environ(), "TMPDIR="+dir)
	Start(t, d.cmd, "running server on")
	return d
}
