package buildkitdtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// Options configures a buildkitd.
type Options struct {
	TLS    *TLS     // if not nil, it also listens on TCP
	Args   []string // additional command line arguments
	Config string   // content of buildkitd.toml
}

// TLS names the PEM files of a server and of its clients' CA.
type TLS struct {
	CA, Cert, Key string
}

// Daemon is a running buildkitd.
type Daemon struct {
	Unix string // address of the Unix socket
	TCP  string // TCP address with TLS, if configured
	cmd  *exec.Cmd
}

// Kill kills the daemon with SIGKILL.
func (d *Daemon) Kill() { _ = d.cmd.Process.Kill() }

// Buildkitd runs a buildkitd of a module, Now or Older, until the test ends. It runs in its own container, but its steps
// use the host network.
func Buildkitd(t testing.TB, module string, o Options) *Daemon {
	t.Helper()
	NeedRoot(t, "runc")
	dir := t.TempDir()
	config := filepath.Join(dir, "buildkitd.toml")
	if err := os.WriteFile(config, []byte(o.Config), 0o600); err != nil { // do not use the machine's own config
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
