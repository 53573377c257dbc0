package lock

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
)

func installing() *plan.Plan {
	return &plan.Plan{
		BuildImage: "debian://trixie", Packages: "apt", Start: &plan.Start{RunImage: "debian:13@" + digest, AptPkgs: []string{"libpq5"}},
		Phases: map[string]*plan.Phase{"setup": {AptPkgs: []string{"git curl", "git"}}, "more": {AptPkgs: []string{"make"}}},
	}
}

// Apply pins what apt installs for the plan's own packages on its own images, and nothing else.
func TestApplyApt(t *testing.T) {
	const build, run = "debian://trixie amd64 curl git make", "debian:13 amd64 libpq5"
	l := &Lock{Bases: map[string]Base{"debian://trixie": {Packages: map[string]string{"amd64": "1"}}}}
	for _, key := range []string{build, run, "debian://trixie arm64 curl git make", "debian://trixie amd64+nix curl git make",
		"debian://trixie amd64 curl git", "debian://bookworm amd64 curl git make", "debian:13 amd64 libpq5 make"} {
		l.PinApt(key, []byte(key+" 1 2 3\n"), "")
	}
	p := installing()
	if got := (&Lock{}).Drift(p); !slices.Equal(got, []string{"the image debian://trixie is not pinned",
		"the Debian packages curl git make on debian://trixie are not pinned", "the Debian packages libpq5 on debian:13 are not pinned"}) {
		t.Errorf("%q", got)
	}
	l.Apply(p)
	if got := l.Drift(p); got != nil {
		t.Errorf("%q", got)
	}
	if len(p.AptHashes) != 3 || p.AptHashes[build] != l.Apt[build].Hash || p.AptHashes[run] != l.Apt[run].Hash || p.AptHashes["debian://trixie arm64 curl git make"] == "" {
		t.Errorf("%v", p.AptHashes)
	}
	p = installing()
	p.Packages = "" // a base with Nix in it is a different one
	if l.Apply(p); len(p.AptHashes) != 2 || p.AptHashes["debian://trixie amd64+nix curl git make"] == "" {
		t.Errorf("%v", p.AptHashes)
	}
	p = installing()
	p.AptHashes = map[string]string{run: "of the plan"}
	if l.Apply(p); p.AptHashes[run] != "of the plan" || p.AptHashes[build] == "" {
		t.Errorf("%v", p.AptHashes)
	}
	p.BuildImage, p.Start.RunImage = "oci-layout:///x", "oci-layout:///y" // nobody else has them
	if got := (&Lock{}).Drift(p); got != nil {
		t.Errorf("%q", got)
	}
}

// A lock says which packages changed; a set that did not change keeps its date.
func TestAptMoves(t *testing.T) {
	const key = "debian:13 amd64 curl"
	taken := "curl 8.14-1 amd64 SHA256:0a\nlibc6 2.41-12 amd64 SHA256:0b\nlibc6 2.41-12 i386 SHA256:0c\nlibold 1 all SHA256:0d\n"
	l := &Lock{}
	l.PinApt(key, []byte(taken), "20260301T120000Z")
	of := func(text string) *Lock {
		found := &Lock{}
		found.PinApt(key, []byte(text), "20260401T120000Z")
		return found
	}
	next := l.Clone()
	if next.Add(of(taken), true); !bytes.Equal(next.JSON(), l.JSON()) || l.Changes(next) != nil {
		t.Errorf("%s", next.JSON())
	}
	for text, want := range map[string][]string{
		"curl 8.14-2 amd64 SHA256:0a\nlibc6 2.41-12 amd64 SHA256:0b\nlibnew 1:3 amd64 SHA256:0c\n": {
			"  changed  curl 8.14-2, which was 8.14-1", "  added    libc6 2.41-12", "  removed  libc6:amd64 2.41-12", "  removed  libc6:i386 2.41-12", "  added    libnew 1:3", "  removed  libold 1"},
		strings.Replace(taken, "0a", "1a", 1): {"  same package versions, but different files"},
	} {
		next := l.Clone()
		if next.Add(of(text), false); l.Changes(next) != nil {
			t.Errorf("what is pinned moved: %q", l.Changes(next))
		}
		next.Add(of(text), true)
		got := l.Changes(next)
		if len(got) == 0 || !strings.HasPrefix(got[0], "changed  the Debian packages curl on debian:13 for amd64: sha256:") || !slices.Equal(got[1:], want) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
		if got := l.AptMoves(next); got[0] != "the Debian packages curl on debian:13 for amd64, pinned as of 20260301T120000Z:" || !slices.Equal(got[1:], want) {
			t.Errorf("%s", strings.Join(got, "\n"))
		}
		if next.Apt[key].Date != "20260401T120000Z" {
			t.Errorf("%s", next.JSON())
		}
	}
	if got := (&Lock{}).AptMoves(l); got != nil {
		t.Errorf("%q", got)
	}
	if got := l.Beyond(&Lock{}); !slices.Equal(got, []string{"kept     the Debian packages curl on debian:13 for amd64, which this plan does not use"}) {
		t.Errorf("%q", got)
	}
}
