//go:build linux

package solve

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// A builder can be reached through another program, ssh or docker exec, which runs buildctl at the other end.
func TestHelpers(t *testing.T) {
	buildkitdtest.NeedRoot(t, "sshd", "ssh", "ssh-keygen", "dockerd", "docker")
	d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{})
	socket := strings.TrimPrefix(d.Unix, "unix://")
	for name, target := range map[string]Target{
		"ssh":              {Builder: "ssh://builder" + socket},
		"docker-container": {Builder: "docker-container://builder"},
	} {
		t.Run(name, func(t *testing.T) {
			if name == "ssh" {
				startSSH(t)
			} else {
				startContainer(t, socket)
			}
			e := connect(t, target)
			req := foreignRequest(t)
			build(t, e, req)
			if got := read(t, engine(t), req.Outputs[0].Dest); got != "made of it" {
				t.Errorf("the app says %q", got)
			}
		})
	}
}

// startSSH runs an SSH server on loopback until the test ends, and configures ssh to reach it as builder.
func startSSH(t *testing.T) {
	t.Helper()
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, key := range []string{"host", "client"} {
		if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file(key)).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	if err := os.Symlink(buildkitdtest.Program(t, buildkitdtest.Now, "buildctl"), file("buildctl")); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil { // Debian's sshd uses it for privilege separation
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(buildkitdtest.FreeAddr(t))
	put(t, file("sshd.conf"), fmt.Sprintf("ListenAddress 127.0.0.1:%s\nHostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\n"+
		"PidFile none\nPermitRootLogin prohibit-password\nSetEnv PATH=%s:/usr/bin:/bin\n", port, file("host"), file("client.pub"), dir))
	put(t, file("ssh.conf"), fmt.Sprintf("Host builder\n HostName 127.0.0.1\n Port %s\n User root\n IdentityFile %s\n"+
		" StrictHostKeyChecking no\n UserKnownHostsFile %s\n LogLevel ERROR\n", port, file("client"), file("known")))
	ssh, sshd := onPath(t, "ssh"), onPath(t, "sshd")
	put(t, file("bin/ssh"), "#!/bin/sh\nexec "+ssh+" -F "+file("ssh.conf")+` "$@"`+"\n") // ssh ignores HOME
	if err := os.Chmod(file("bin/ssh"), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", file("bin")+":"+os.Getenv("PATH"))
	buildkitdtest.Start(t, buildkitdtest.Contained(sshd, "-D", "-e", "-f", file("sshd.conf")), "Server listening on")
}

func onPath(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// startContainer runs a container called builder, in which buildctl finds the daemon at its default address.
func startContainer(t *testing.T, socket string) {
	t.Helper()
	if _, err := baseRef(); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	put(t, filepath.Join(root, "etc/passwd"), "root:x:0:0::/:/bin/bash\n")
	for name, from := range map[string]string{"buildctl": buildkitdtest.Program(t, buildkitdtest.Now, "buildctl"), "bash": filepath.Join(scratch, "shell")} {
		to := filepath.Join(root, "bin", name)
		put(t, to, fileText(t, from))
		if err := os.Chmod(to, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tar := filepath.Join(t.TempDir(), "root.tar")
	if out, err := exec.Command("tar", "-cf", tar, "-C", root, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	host := startDocker(t)
	t.Setenv("DOCKER_HOST", host)
	dockerSays(t, host, "import", tar, "builder")
	dockerSays(t, host, "run", "-d", "--name", "builder", "--network", "none", "-e", "PATH=/bin",
		"-v", socket+":/run/buildkit/buildkitd.sock", "builder", "/bin/bash", "sleep 1000s")
}

func fileText(t testing.TB, path string) string {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}
