package base

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestLayoutRef(t *testing.T) {
	a := newArchive(t)
	l, _, err := a.request(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, ref := range []string{l.Dir, l.Dir + "@" + l.Digest.String()} {
		got, err := Resolve(t.Context(), Request{Ref: "oci-layout://" + ref, Arch: "amd64"}, nil)
		if err != nil || got.Digest != l.Digest || got.Dir != l.Dir || !slices.Equal(got.Config.Env, bare.env) || got.Platform.Architecture != "amd64" {
			t.Errorf("%s: %+v, %v", ref, got, err)
		}
	}
	odd := filepath.Join(t.TempDir(), "my@home")
	if err := os.CopyFS(odd, os.DirFS(l.Dir)); err != nil {
		t.Fatal(err)
	}
	if _, err := Resolve(t.Context(), Request{Ref: "oci-layout://" + odd, Arch: "amd64"}, nil); err != nil {
		t.Error(err)
	}
	layers, err := filepath.Glob(filepath.Join(odd, "blobs/sha256/*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range layers {
		if info, err := os.Stat(f); err != nil || info.Size() < 1<<10 {
			continue
		}
		if err := os.Truncate(f, 100); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Resolve(t.Context(), Request{Ref: "oci-layout://" + odd, Arch: "amd64"}, nil); fault.CodeOf(err) != fault.Refused {
		t.Errorf("a layer was cut short: %v", err)
	}
}

func TestIsRef(t *testing.T) {
	for ref, want := range map[string]bool{"debian://trixie": true, "oci-layout:///x": true, "debian:trixie": false, "": false, "debian": false} {
		if IsRef(ref) != want {
			t.Errorf("%q: %v", ref, !want)
		}
	}
}

func TestLayoutFaults(t *testing.T) {
	l, _, err := newArchive(t).request(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		ref, arch string
		code      fault.Code
		msg       string
	}{
		{"oci-layout://", "amd64", fault.Usage, "oci-layout:// does not name a directory"},
		{"oci-layout:///nowhere", "amd64", fault.Usage, "there is no image at /nowhere"},
		{"oci-layout://" + l.Dir + "@sha256:12", "amd64", fault.Usage, `"sha256:12" in `},
		{"oci-layout://" + l.Dir + "@sha256:" + strings.Repeat("0", 64), "amd64", fault.Usage, "no image matches sha256:000"},
		{"oci-layout://" + l.Dir, "arm64", fault.Refused, "the image " + l.Digest.String() + " in " + l.Dir + " is for amd64, not for arm64"},
		{"ubuntu:noble", "amd64", fault.Usage, `"ubuntu:noble" is not a local base`},
	} {
		_, err := Resolve(t.Context(), Request{Ref: c.ref, Arch: c.arch}, nil)
		if err == nil || fault.CodeOf(err) != c.code || !strings.HasPrefix(err.Error(), c.msg) {
			t.Errorf("%s: code %d, %v", c.ref, fault.CodeOf(err), err)
		}
	}
}

// The keys that sign Debian 13 must be present: those of its archive, security archive and releases.
func TestEmbeddedKeys(t *testing.T) {
	k, err := readKeyring("")
	if err != nil {
		t.Fatal(err)
	}
	keys, err := k.keys()
	if err != nil {
		t.Fatal(err)
	}
	var have []string
	for _, e := range keys {
		have = append(have, strings.ToUpper(e.PrimaryKey.KeyIdString()))
	}
	for _, want := range []string{"225629DF75B188BD", "9904613D4CCE68C6", "762F67A0B2C39DE4", "B7C5D7D6350947F8", "254CF3B5AEC0A8F0", "F8D2585B8783D481"} {
		if !slices.Contains(have, want) {
			t.Errorf("the key %s is missing; there are %v", want, have)
		}
	}
}
