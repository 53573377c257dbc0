package solve

import (
	"archive/tar"
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
)

func TestOutputs(t *testing.T) {
	e := engine(t)
	out := t.TempDir()
	dest := func(name string) string { return filepath.Join(out, name) }
	put(t, dest("files/mine.txt"), "mine")
	var stdout bytes.Buffer
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "cat /app/built", "copy main.txt built"))
	req.Names = []string{"app:1", "registry.example.com/team/app"}
	req.Stdout = &stdout
	req.Outputs = []Output{
		{Type: TypeOCI, Dest: dest("layout") + "/"},
		{Type: TypeOCI, Dest: dest("oci.tar")},
		{Type: TypeDocker, Dest: dest("docker.tar")},
		{Type: TypeLocal, Dest: dest("files")},
		{Type: TypeTar, Dest: "-"},
	}
	r := build(t, e, req)
	for _, o := range r.Outputs {
		if o.Type == TypeOCI || o.Type == TypeDocker {
			checkImage(t, o)
		}
	}
	for name, want := range map[string]string{"mine.txt": "mine", "app/built": "one"} {
		if got, err := os.ReadFile(dest("files/" + name)); string(got) != want || err != nil {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	if files := tarNames(t, &stdout); !slices.Contains(files, "app/built") {
		t.Errorf("the tar on stdout has %v", files)
	}
	if entries, _ := os.ReadDir(out); len(entries) != 4 {
		t.Errorf("the folder of the outputs has %v", entries)
	}
}

// checkImage checks that the image of TestOutputs exists under both of its names, and runs it.
func checkImage(t *testing.T, o Written) {
	t.Helper()
	for _, n := range []string{"docker.io/library/app:1", "registry.example.com/team/app:latest"} {
		img, err := image.Open(o.Dest, image.Select{Name: n})
		if err != nil {
			t.Fatal(err)
		}
		if img.Desc.Digest != o.Digest {
			t.Errorf("%s: has %s, reported %s", o.Dest, img.Desc.Digest, o.Digest)
		}
		img.Close()
	}
	if got := read(t, engine(t), o.Dest); got != "one" {
		t.Errorf("%s: the app says %q", o.Dest, got)
	}
}

func tarNames(t *testing.T, r io.Reader) []string {
	t.Helper()
	var out []string
	tr := tar.NewReader(r)
	for {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return out
		} else if err != nil {
			t.Fatal(err)
		}
		out = append(out, h.Name)
	}
}

// Docker before 23 rejects zstd anywhere in the image.
func TestDockerHasOnlyGzip(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:gzip"), appPlan(t, "cat /app/main.txt", "echo"))
	build(t, e, req) // leaves zstd blobs in the engine
	req.Outputs = []Output{{Type: TypeDocker, Dest: filepath.Join(t.TempDir(), "x.tar")}}
	build(t, e, req)
	img, err := image.Open(req.Outputs[0].Dest, image.Select{})
	if err != nil {
		t.Fatal(err)
	}
	defer img.Close()
	for _, l := range img.Manifest.Layers {
		if l.MediaType != ocispecs.MediaTypeImageLayerGzip && !strings.HasSuffix(l.MediaType, "diff.tar.gzip") {
			t.Errorf("a layer is %s", l.MediaType)
		}
	}
}

func TestOutputsRefused(t *testing.T) {
	e := engine(t)
	folder := appDir(t, "thesis.txt:x")
	for text, outputs := range map[string][]Output{
		"unknown output type \"occi\"\n  did you mean \"oci\"?":        {{Type: "occi", Dest: "x"}},
		"no attribute \"compresion\"\n  did you mean \"compression\"?": {{Type: "oci", Dest: "x", Attrs: map[string]string{"compresion": "gzip"}}},
		"needs a destination\n  write --output type=tar,dest=PATH":     {{Type: "tar"}},
		"only one output can be an OCI layout directory":               {{Type: "oci", Dest: t.TempDir()}, {Type: "oci", Dest: t.TempDir()}},
		"output type image needs a name":                               {{Type: "image"}},
		folder + " is neither empty nor an OCI layout":                 {{Type: "oci", Dest: folder}},
		folder + " is a directory":                                     {{Type: "docker", Dest: folder}},
		folder + "/thesis.txt is not a directory":                      {{Type: "local", Dest: folder + "/thesis.txt"}},
	} {
		req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
		req.Outputs = outputs
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, fault.Usage, text)
	}
	req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
	req.Names = []string{"My App"}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, `"My App" is not an image name`)
	req.Names = []string{"app"}
	req.Outputs = []Output{{Type: TypeImage}}
	_, err = e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "the embedded engine has no image store")
	entries, _ := os.ReadDir(folder)
	if len(entries) != 1 {
		t.Errorf("refused outputs left %v", entries)
	}
}
