package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// fill writes an image whose layers are the given texts into a layout directory.
func fill(t *testing.T, dir string, layers ...string) ocispecs.Descriptor {
	t.Helper()
	put := func(mediaType string, raw []byte) ocispecs.Descriptor {
		d := digest.FromBytes(raw)
		path := filepath.Join(dir, blobPath(d))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if _, err := os.Stat(path); err != nil { // an existing file may be a hard link
			if err := os.WriteFile(path, raw, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		return ocispecs.Descriptor{MediaType: mediaType, Digest: d, Size: int64(len(raw))}
	}
	marshal := func(v any) []byte {
		raw, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return raw
	}
	man := ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest}
	man.Config = put(ocispecs.MediaTypeImageConfig, marshal(ocispecs.Image{Author: strings.Join(layers, "+")}))
	for _, l := range layers {
		man.Layers = append(man.Layers, put(ocispecs.MediaTypeImageLayer, []byte(l)))
	}
	return put(man.MediaType, marshal(man))
}

// stage commits an image to dest.
func stage(t *testing.T, dest string, names []string, layers ...string) (digest.Digest, bool) {
	t.Helper()
	s, err := NewStage(dest)
	if err != nil {
		t.Fatal(err)
	}
	desc := fill(t, s.Dir(), layers...)
	changed, err := s.Commit(desc, names)
	if err != nil {
		t.Fatal(err)
	}
	return desc.Digest, changed
}

func open(t *testing.T, path string, sel Select) *Image {
	t.Helper()
	img, err := Open(path, sel)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { img.Close() })
	return img
}

func listing(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return strings.Join(names, " ")
}

func layer(t *testing.T, img *Image, n int) string {
	t.Helper()
	ra, err := img.Store().ReaderAt(t.Context(), img.Manifest.Layers[n])
	if err != nil {
		t.Fatal(err)
	}
	raw, err := io.ReadAll(io.NewSectionReader(ra, 0, ra.Size()))
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func wantFault(t *testing.T, err error, code fault.Code, text string) {
	t.Helper()
	if err == nil || fault.CodeOf(err) != code || !strings.Contains(err.Error(), text) {
		t.Errorf("got code %d: %v; want code %d: … %s …", fault.CodeOf(err), err, code, text)
	}
}

func TestOpenDamaged(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "one", "two")
	img := open(t, dir, Select{})
	for name, c := range map[string]struct {
		blob digest.Digest
		harm func(string) error
		text string
	}{
		"missing layer":      {img.Manifest.Layers[1].Digest, os.Remove, "no such file"},
		"short layer":        {img.Manifest.Layers[0].Digest, func(p string) error { return os.Truncate(p, 1) }, "has 1 bytes, not 3"},
		"changed config":     {img.Manifest.Config.Digest, func(p string) error { return flip(p) }, "is damaged"},
		"blob is a symlink":  {img.Manifest.Layers[0].Digest, func(p string) error { return linkTo(p, "/etc/hostname") }, "path escapes"},
		"blob is no file":    {img.Manifest.Layers[0].Digest, func(p string) error { os.Remove(p); return os.Mkdir(p, 0o755) }, "not a regular file"},
		"manifest is absent": {img.Desc.Digest, os.Remove, "no such file"},
	} {
		bad := filepath.Join(t.TempDir(), "bad")
		if err := os.CopyFS(bad, os.DirFS(dir)); err != nil {
			t.Fatal(err)
		}
		if err := c.harm(filepath.Join(bad, blobPath(c.blob))); err != nil {
			t.Fatal(err)
		}
		_, err := Open(bad, Select{})
		t.Log(name)
		wantFault(t, err, fault.Refused, c.text)
	}
	_, err := Open(filepath.Join(dir, "absent"), Select{})
	wantFault(t, err, fault.Usage, "there is no image at")
	_, err = Open(t.TempDir(), Select{})
	wantFault(t, err, fault.Refused, "is not an OCI layout")
}

func flip(path string) error {
	raw, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, bytes.Replace(raw, []byte("one"), []byte("eno"), 1), 0o644)
}

func linkTo(path, target string) error {
	os.Remove(path)
	return os.Symlink(target, path)
}

// An open image can be read to its end after a newer build has replaced it.
func TestOpenOutlivesReplacement(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	stage(t, dir, nil, "old layer")
	img := open(t, dir, Select{})
	stage(t, dir, nil, "new layer")
	if got := layer(t, img, 0); got != "old layer" {
		t.Errorf("layer is %q", got)
	}
	if got := layer(t, open(t, dir, Select{}), 0); got != "new layer" {
		t.Errorf("layer is %q", got)
	}
}

func TestSelect(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	a, _ := stage(t, dir, []string{"docker.io/library/a:1", "docker.io/library/a:latest"}, "one")
	b, _ := stage(t, dir, []string{"docker.io/library/b:2"}, "two")
	for name, want := range map[string]digest.Digest{"docker.io/library/a:1": a, "1": a, "2": b} {
		if got := open(t, dir, Select{Name: name}).Desc.Digest; got != want {
			t.Errorf("%s: got %s", name, got)
		}
	}
	if got := open(t, dir, Select{Digest: b}).Desc.Digest; got != b {
		t.Errorf("by digest: got %s", got)
	}
	_, err := Open(dir, Select{})
	wantFault(t, err, fault.Usage, "there are several images")
	_, err = Open(dir, Select{Name: "c"})
	wantFault(t, err, fault.Usage, "no image matches c")
	stage(t, dir, []string{"docker.io/library/a:1"}, "three")
	if got := open(t, dir, Select{Name: "latest"}).Desc.Digest; got != a {
		t.Errorf("another name was changed: %s", got)
	}
}

func TestSelectPlatform(t *testing.T) {
	dir := t.TempDir()
	index := ocispecs.Index{MediaType: ocispecs.MediaTypeImageIndex}
	want := map[string]digest.Digest{}
	for _, arch := range []string{"amd64", "arm64"} {
		d := fill(t, dir, arch)
		d.Platform = &ocispecs.Platform{OS: "linux", Architecture: arch}
		want[arch] = d.Digest
		index.Manifests = append(index.Manifests, d)
	}
	raw, _ := json.Marshal(index)
	top := ocispecs.Descriptor{MediaType: index.MediaType, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	os.WriteFile(filepath.Join(dir, blobPath(top.Digest)), raw, 0o644)
	raw, _ = json.Marshal(ocispecs.Index{Manifests: []ocispecs.Descriptor{top}})
	os.WriteFile(filepath.Join(dir, "index.json"), raw, 0o644)
	for arch, d := range want {
		if got := open(t, dir, Select{Platform: ocispecs.Platform{OS: "linux", Architecture: arch}}).Desc.Digest; got != d {
			t.Errorf("%s: got %s", arch, got)
		}
	}
	_, err := Open(dir, Select{Platform: ocispecs.Platform{OS: "linux", Architecture: "s390x"}})
	wantFault(t, err, fault.Usage, "no image matches for linux/s390x")
}

type entry struct{ name, link, text string }

func writeTar(t *testing.T, path string, entries []entry) {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.text)), Typeflag: tar.TypeReg}
		if e.link != "" {
			h.Typeflag, h.Linkname = tar.TypeSymlink, e.link
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		io.WriteString(w, e.text)
	}
	w.Close()
	raw := b.Bytes()
	if strings.HasSuffix(path, ".gz") {
		var z bytes.Buffer
		zw := gzip.NewWriter(&z)
		zw.Write(raw)
		zw.Close()
		raw = z.Bytes()
	}
	if err := os.WriteFile(path, raw, 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestOpenTar(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "img")
	want, _ := stage(t, dir, nil, "one", "two")
	var entries []entry
	filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if !d.IsDir() {
			raw, _ := os.ReadFile(path)
			rel, _ := filepath.Rel(dir, path)
			entries = append(entries, entry{name: "./" + rel, text: string(raw)})
		}
		return err
	})
	for _, name := range []string{"img.tar", "img.tar.gz"} {
		path := filepath.Join(t.TempDir(), name)
		writeTar(t, path, entries)
		img := open(t, path, Select{})
		if img.Desc.Digest != want || layer(t, img, 0) != "one" || layer(t, img, 1) != "two" {
			t.Errorf("%s: %s is not the image that was packed", name, img.Desc.Digest)
		}
	}
}

// docker save before 25 wrote layers as plain tars, and repeated layers as links.
func TestOpenDockerArchive(t *testing.T) {
	path := filepath.Join(t.TempDir(), "img.tar")
	entries := []entry{
		{name: "config.json", text: `{"architecture":"amd64","os":"linux","config":{"Cmd":["x"]}}`},
		{name: "aa/layer.tar", text: "layer one"},
		{name: "bb/layer.tar", link: "../aa/layer.tar"},
		{name: "manifest.json", text: `[{"Config":"config.json","RepoTags":["app:1"],"Layers":["aa/layer.tar","bb/layer.tar"]}]`},
	}
	writeTar(t, path, entries)
	img := open(t, path, Select{Name: "app:1"})
	if img.Config.Config.Cmd[0] != "x" || len(img.Manifest.Layers) != 2 || layer(t, img, 1) != "layer one" {
		t.Errorf("manifest %+v, config %+v", img.Manifest, img.Config)
	}
	writeTar(t, path, entries[:1])
	_, err := Open(path, Select{})
	wantFault(t, err, fault.Refused, "neither an OCI archive nor a docker archive")
}
