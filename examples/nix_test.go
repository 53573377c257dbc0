package examples

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

// whatRuns prints what an image has of Nix, and of the phases.
const whatRuns = `greeter
command -v speaker || echo no speaker
for f in /nix/store/*; do case $f in *-greeter | *-greetlib | *-speaker) echo "${f##*-}" ;; *.drv) echo a derivation ;; esac; done | sort -u
[ ! -e /nix/var/nix/db/db.sqlite ] || echo a database
readlink /root/.nix-profile
cat /opt/made 2>/dev/null; [ -e /etc/debian_version ] || echo removed
cat /app/said.txt`

// TestNixRunning builds an image with some of the Nix packages of its phases, of two revisions: on the image that builds, in a run image, and whole.
func TestNixRunning(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	setup := map[string]*plan.Phase{
		"setup": {NixPkgs: []string{"greeter", "speaker"}, NixpkgsArchive: "one"},
		"libs":  {NixLibs: []string{"greetlib"}, NixpkgsArchive: "two"},
		"build": {DependsOn: []string{"setup", "libs"}, Cmds: []string{"speaker > said.txt && echo made > /opt/made && rm /etc/debian_version"}},
	}
	mirrored := mirrorFlags(t, []string{"one", "two"})
	const closure = "good morning\nno speaker\ngreeter\ngreetlib\n/nix/var/nix/profiles/nixpacks\n"
	for _, c := range []struct {
		name  string
		start plan.Start
		want  string
	}{
		{"same base", plan.Start{NixPkgs: []string{"greeter"}}, closure + "made\nremoved\nspoken\n"},
		{"run image", plan.Start{NixPkgs: []string{"greeter"}, RunImage: "debian://trixie"}, closure + "spoken\n"},
		{"whole", plan.Start{}, "good morning\n/root/.nix-profile/bin/speaker\na derivation\ngreeter\ngreetlib\nspeaker\na database\n" +
			"/nix/var/nix/profiles/per-user/root/profile\nmade\nremoved\nspoken\n"},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.start.Cmd = "greeter"
			p := plan.Plan{Providers: []string{}, Phases: setup, Start: &c.start, NixHashes: map[string]string{"one": "", "two": ""}}
			flags := append([]string{"--build-image", "debian://trixie", "--json-plan", oneLine(t, &p)}, mirrored...)
			// A text of its own: on the steps of an earlier run of this test, the first image could be a mixture already.
			one := "one " + rand.Text()
			built := nixImage(t, bin, one, flags)
			wantRuns(t, bin, built, c.want)
			if c.name == "same base" {
				sameLayers(t, built, nixImage(t, bin, "another", append(flags, "--no-cache")))
				// The steps behind the packages are those of the first build, and the packages those of the second one.
				wantRuns(t, bin, nixImage(t, bin, one, flags), c.want)
			}
		})
	}
}

// wantRuns runs whatRuns in an image.
func wantRuns(t *testing.T, bin, image, want string) {
	t.Helper()
	cmd := exec.Command(bin, "run", image, "--", whatRuns)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil || string(out) != want {
		t.Errorf("%v: it prints\n%s\nwant\n%s\n%s", err, out, want, stderr.String())
	}
}

// nixImage builds an app that is a file with a text, and gives the path of its image.
func nixImage(t *testing.T, bin, text string, flags []string) string {
	t.Helper()
	app, to := t.TempDir(), filepath.Join(t.TempDir(), "image")+"/"
	if err := os.WriteFile(filepath.Join(app, "text"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(bin, append([]string{"build", "--progress", "plain", app, "--output", "type=oci,dest=" + to}, flags...)...).CombinedOutput()
	if err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return to
}

// sameLayers wants two images of which only the app is another one to have the same layers of packages: the base, the profile, the store.
func sameLayers(t *testing.T, one, other string) {
	t.Helper()
	var layers [2]string
	for i, at := range []string{one, other} {
		img, err := image.Open(at, image.Select{})
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		for _, l := range img.Manifest.Layers[:3] {
			layers[i] += fmt.Sprintln(l.Digest, l.Size)
		}
	}
	if layers[0] != layers[1] {
		t.Errorf("built anew with another source it has the layers\n%sinstead of\n%s", layers[1], layers[0])
	}
}
