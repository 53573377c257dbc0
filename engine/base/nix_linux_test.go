package base

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/testdata/mirror"
)

const revision = "5148520bfab61f99fd25fb9ff7bfbb50dad3c9db"

// enter makes the devices and processes of this machine visible in the directory $1 and runs the remaining arguments there.
const enter = `root=$1; shift
mount -t proc proc "$root/proc"; mount --rbind /dev "$root/dev"
exec chroot "$root" "$@"`

// TestRealNix installs in a base with Nix what plans for Node and Go request of nixpkgs. The nixpkgs is a miniature.
func TestRealNix(t *testing.T) {
	needReal(t)
	dir := t.TempDir()
	root := filepath.Join(dir, "root")
	l, err := Resolve(t.Context(), Request{Ref: "debian://trixie", Arch: runtime.GOARCH, Nix: true, CacheDir: filepath.Join(dir, "cache")},
		chrootRunner(filepath.Join(dir, "bootstrap")))
	if err != nil {
		t.Fatal(err)
	}
	if err := unpackLayer(l, root); err != nil {
		t.Fatal(err)
	}
	expression(t, root, &plan.Phase{
		NixPkgs:        []string{"nodejs_18", "npm-9_x", "go"},
		NixLibs:        []string{"nodejs_18"},
		NixOverlays:    []string{"https://github.com/railwayapp/nix-npm-overlay/archive/main.tar.gz"},
		NixpkgsArchive: revision,
	})
	out, said := inside(t, l, root,
		`nix-env -if /mirror/nixpkgs.nix >&2; node --version; npm --version; go version; cat ~/.nix-profile/etc/profile.d/*.sh`)
	got := strings.Split(strings.TrimSpace(out), "\n")
	if len(got) != 4 || !strings.HasPrefix(got[0], "v18.") || !strings.HasPrefix(got[1], "9.") || !strings.HasPrefix(got[2], "go version go1.") ||
		!strings.Contains(got[3], "-nodejs-18.20.8/lib") {
		t.Errorf("got %q\n%s", got, said)
	}
}

// inside runs a script in the base unpacked at root, with this machine's network.
func inside(t *testing.T, l *Layout, root, script string) (stdout, stderr string) {
	t.Helper()
	for _, f := range []string{"/etc/resolv.conf", "/etc/hosts"} { // as in a build step
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, f), text)
	}
	cmd := exec.Command("unshare", "--mount", "--pid", "--fork", "sh", "-euc", enter, "sh", root, "/bin/bash", "-euc", script)
	cmd.Env = append(l.Config.Env, "HOME=/root", "NIX_CONFIG=substituters =")
	if bundle := os.Getenv("SSL_CERT_FILE"); bundle != "" { // a network with its own certificate authority
		text, err := os.ReadFile(bundle)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(root, "mirror/ca.pem"), text)
		cmd.Env = append(cmd.Env, "NIX_SSL_CERT_FILE=/mirror/ca.pem")
	}
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	return string(out), said.String()
}

// expression writes the miniature nixpkgs to root/mirror, with a Nix file of a phase that uses it.
func expression(t *testing.T, root string, ph *plan.Phase) {
	t.Helper()
	npm, goProxy, err := mirror.Registries()
	if err != nil {
		t.Fatal(err)
	}
	to, err := mirror.Write(filepath.Join(root, "mirror"), npm, goProxy, revision)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range plan2llb.NixExpressions(&plan.Plan{Phases: map[string]*plan.Phase{"setup": ph}}) {
		for from, to := range to {
			e = strings.ReplaceAll(e, from, strings.Replace(to, root, "", 1))
		}
		write(t, filepath.Join(root, "mirror/nixpkgs.nix"), []byte(e))
	}
}

func write(t *testing.T, file string, text []byte) {
	t.Helper()
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
}

// needReal skips tests that need the Debian archive, the registries and root.
func needReal(t *testing.T) {
	t.Helper()
	switch os.Getenv("NIXPACKS_E2E") {
	case "":
		t.Skip("set NIXPACKS_E2E=1 to make bases from the Debian archive: minutes, root and the network")
	case "require":
		return
	}
	if os.Getuid() != 0 {
		t.Skip("only root can change into another root directory")
	}
}
