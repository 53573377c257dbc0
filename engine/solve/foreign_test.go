//go:build linux

package solve

import (
	"net"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/image"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
	"github.com/nixpacks-cue/nixpacks/engine/solve/buildkitdtest"
)

// Every BuildKit creates the same image from a plan.
func TestForeignBuildKit(t *testing.T) {
	keys := newPKI(t)
	for _, module := range []string{buildkitdtest.Now, buildkitdtest.Older} {
		t.Run(module, func(t *testing.T) {
			d := buildkitdtest.Buildkitd(t, module, buildkitdtest.Options{TLS: keys.server()})
			req := foreignRequest(t)
			build(t, fresh(t), req)
			want := req.Outputs[0].Dest
			for _, target := range []Target{{Builder: d.Unix}, {Builder: d.TCP, TLS: keys.tls("ca.pem", "client")}} {
				var said string
				target.Say = func(s string) { said = s }
				e := connect(t, target)
				if !strings.HasPrefix(said, "engine: BuildKit v0.") {
					t.Errorf("said %q", said)
				}
				outputs := foreignOutputs(t)
				req.Outputs = outputs[:1]
				build(t, e, req)
				sameImage(t, want, outputs[0].Dest, module != buildkitdtest.Older)
				if got := read(t, engine(t), outputs[0].Dest); got != "made of it" {
					t.Errorf("%s: the app says %q", target.Builder, got)
				}
				req.Outputs = outputs[1:]
				build(t, e, req)
				if got, err := os.ReadFile(filepath.Join(outputs[1].Dest, "app/built")); string(got) != "made of it" {
					t.Errorf("%s: the files have %q, %v", target.Builder, got, err)
				}
				severalOutputs(t, e, req, module != buildkitdtest.Older)
			}
			req.Lower.Plan = appPlan(t, "x", "lines 2; exit 4")
			_, err := connect(t, Target{Builder: d.Unix}).Build(t.Context(), req)
			wantFault(t, err, fault.BuildFailed, `phase "build" failed: lines 2; exit 4: exit status 4`)
		})
	}
}

// fresh returns an embedded engine with an empty cache. The history of all images with a layer depends on how that layer
// first came into the engine.
func fresh(t *testing.T) *Engine {
	return connect(t, Target{Embedded: buildkitd.Options{State: t.TempDir()}})
}

// sameImage compares two layouts: by digest, or by content if the daemon of one does not support rewrite-timestamp.
func sameImage(t *testing.T, want, got string, digests bool) {
	t.Helper()
	var is [2]*image.Image
	for i, path := range []string{want, got} {
		img, err := image.Open(path, image.Select{})
		if err != nil {
			t.Fatal(err)
		}
		defer img.Close()
		is[i] = img
	}
	if digests && is[0].Desc.Digest != is[1].Desc.Digest {
		t.Errorf("the image is %s, the embedded engine's %s", is[1].Desc.Digest, is[0].Desc.Digest)
	}
	if !reflect.DeepEqual(is[0].Config.Config, is[1].Config.Config) || len(is[0].Manifest.Layers) != len(is[1].Manifest.Layers) {
		t.Errorf("the image is %+v, the embedded engine's %+v", is[1].Config, is[0].Config)
	}
}

// severalOutputs writes two outputs at once, which BuildKit supports since 0.13. Older versions must be refused.
func severalOutputs(t *testing.T, e *Engine, req Request, able bool) {
	t.Helper()
	req.Outputs = foreignOutputs(t)
	if able {
		build(t, e, req)
		return
	}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "this BuildKit supports one output per build, but there are 2")
}

func foreignRequest(t *testing.T) Request {
	req := layoutOf(t, appDir(t, "main.txt:made of it"), appPlan(t, "cat /app/built", "copy main.txt built"))
	req.Lower.Caps = plan2llb.Caps{Merge: true, Diff: true}
	req.Lower.CacheKey = "foreign"
	req.Outputs = foreignOutputs(t)[:1]
	return req
}

// foreignOutputs returns a layout, whose digest does not depend on the time of the build, and files.
func foreignOutputs(t *testing.T) []Output {
	return []Output{
		{Type: TypeOCI, Dest: filepath.Join(t.TempDir(), "image"), Attrs: map[string]string{"tar": "false", "rewrite-timestamp": "true"}},
		{Type: TypeLocal, Dest: filepath.Join(t.TempDir(), "files")},
	}
}

// A client that is not accepted by a builder gets the reason and a hint.
func TestForeignTLS(t *testing.T) {
	keys, others := newPKI(t), newPKI(t)
	d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{TLS: keys.server()})
	for text, tls := range map[string]TLS{
		"x509: certificate signed by unknown authority":   others.tls("ca.pem", "client"),
		"x509: cannot validate certificate for 127.0.0.1": {CA: keys.file("ca.pem"), Cert: keys.file("client.pem"), Key: keys.file("client.key")},
		"certificate required":                            {CA: keys.file("ca.pem"), ServerName: "builder.test"},
		"unknown certificate authority":                   {CA: keys.file("ca.pem"), Cert: others.file("client.pem"), Key: others.file("client.key"), ServerName: "builder.test"},
	} {
		_, err := Connect(t.Context(), Target{Builder: d.TCP, TLS: tls})
		wantFault(t, err, fault.Usage, text)
	}
	_, err := Connect(t.Context(), Target{Builder: d.TCP})
	wantFault(t, err, fault.Usage, "it may require TLS")
	_, err = Connect(t.Context(), Target{Builder: "tcp://" + plainListener(t), TLS: keys.tls("ca.pem", "client")})
	wantFault(t, err, fault.Usage, "it does not use TLS")
}

// plainListener starts a server that responds like one without TLS.
func plainListener(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serve(t, l, func(c net.Conn) {
		_, _ = c.Write([]byte("\x00\x00\x00\x04\x00\x00\x00\x00\x00")) // the first frame of HTTP/2
		_ = c.Close()
	})
	return l.Addr().String()
}

// A builder that dies during a build ends the build with an error that names the builder.
func TestForeignDies(t *testing.T) {
	d := buildkitdtest.Buildkitd(t, buildkitdtest.Now, buildkitdtest.Options{})
	e := connect(t, Target{Builder: d.Unix})
	req := foreignRequest(t)
	req.Lower.Plan = appPlan(t, "x", "echo begun; sleep 1000s")
	req.Progress = progress.Options{Mode: "plain", Out: onWord{"begun", d.Kill}}
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.TryAgain, "lost the connection to "+d.Unix)
	if _, err := os.Stat(req.Outputs[0].Dest); err == nil {
		t.Error("an output is there")
	}
}

// onWord calls found when a line of progress ends with the word.
type onWord struct {
	word  string
	found func()
}

func (w onWord) Write(p []byte) (int, error) {
	for l := range strings.Lines(string(p)) {
		if f := strings.Fields(l); len(f) == 3 && f[2] == w.word {
			w.found()
		}
	}
	return len(p), nil
}
