package cli

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// keeper is an app whose install checks its secrets without printing them.
const keeper = `
buildImage = "debian://trixie"
packages = "apt"
providers = []
[phases.setup]
aptPkgs = ["openssh-client"]
[phases.install]
inputs = []
secrets = ["API_TOKEN", "netrc", "ABSENT?"]
ssh = "default"
cmds = [
  "test ${#API_TOKEN} = 24 -a \"$API_TOKEN\" = \"$(cat /run/secrets/API_TOKEN)\" -a ! -e /run/secrets/ABSENT",
  "printf %s \"$API_TOKEN\" | rev > reversed && stat -c %a /run/secrets/netrc && grep -c canary /run/secrets/netrc",
  "ssh-add -l > keys",
]
[phases.build]
cmds = ["test -z \"$API_TOKEN\" && ! ls /run/secrets/API_TOKEN /run/secrets/netrc && ! ssh-add -l"]
[start]
cmd = "cat keys"
`

// TestSecretsStaySecret builds with secrets, and searches for their values in everything that remains: the plan, the graph,
// the output, the image, and every file in the state directory. Two builds with different secrets run the install twice,
// and nothing before it.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel() // mostly waits
	host := realHost(t)
	state := strings.TrimPrefix(host[0], "XDG_STATE_HOME=")
	app, keys := t.TempDir(), t.TempDir()
	put := func(path, text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put(filepath.Join(app, "nixpacks.toml"), keeper)
	host = append(host, "SSH_AUTH_SOCK="+sshAgent(t, keys))
	var said bytes.Buffer
	run := func(token string, args ...string) string {
		t.Helper()
		put(filepath.Join(keys, "netrc"), "machine canary password netrc-"+token+"\n")
		cmd := program(append(host, "TOKEN="+token), args...)
		var out, errs bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &errs
		if err := cmd.Run(); err != nil {
			t.Fatalf("%q: %v\n%s", args, err, errs.String())
		}
		said.Write(out.Bytes())
		said.Write(errs.Bytes())
		return out.String() + errs.String()
	}
	given := []string{"--secret", "id=API_TOKEN,env=TOKEN", "--secret", "id=netrc,src=" + filepath.Join(keys, "netrc"), "--ssh", "default", "--secrets-hash", "auto"}
	build := func(token, progress string) string {
		return run(token, append([]string{"build", app, "--verbose", "--progress", progress}, given...)...)
	}
	one, two, three := "canary-0123456789-abcdef", "canary-fedcba-9876543210", "canary-abcdef-0123456789"
	run(one, "plan", app)
	run(one, "llb", app)
	build(one, "plain")
	if text := build(one, "plain"); ran(text) != 0 {
		t.Errorf("the same secrets run %d steps again:\n%s", ran(text), text)
	}
	if text := build(two, "plain"); ran(text) <= 0 || !regexp.MustCompile(`(?m)\[apt\] openssh-client\n#\d+ CACHED$`).MatchString(text) {
		t.Errorf("other secrets run %d steps, or packages are installed again:\n%s", ran(text), text)
	}
	build(three, "rawjson")
	start := append([]string{"run", app, "--progress", "quiet"}, given...)
	if text := run(two, start...); !strings.Contains(text, "(ED25519)") {
		t.Errorf("the step has no SSH agent: %s", text)
	}
	run(two, append(start, "--", "test ${#API_TOKEN} = 24")...)
	nowhere(t, said.Bytes(), []string{one, two, three}, []string{backwards(one), backwards(two), backwards(three)}, state)
}

// ran returns how many steps a build ran, from the end of its output.
func ran(text string) int {
	m := regexp.MustCompile(`\((\d+) of (\d+) steps from the cache\)`).FindStringSubmatch(text)
	if m == nil {
		return -1
	}
	cached, _ := strconv.Atoi(m[1])
	all, _ := strconv.Atoi(m[2])
	return all - cached
}

// sshAgent starts an agent with its own key, and returns its socket.
func sshAgent(t *testing.T, dir string) string {
	t.Helper()
	sock, key := filepath.Join(dir, "agent"), filepath.Join(dir, "key")
	agent := exec.Command("ssh-agent", "-D", "-a", sock)
	out, err := agent.StdoutPipe()
	if err == nil {
		err = agent.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { agent.Process.Kill(); agent.Wait() })
	out.Read(make([]byte, 1)) // it prints its address once it listens
	add := exec.Command("ssh-add", key)
	add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+sock)
	for _, cmd := range []*exec.Cmd{exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key), add} {
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%q: %v\n%s", cmd.Args, err, out)
		}
	}
	return sock
}
