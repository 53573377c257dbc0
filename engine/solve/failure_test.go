package solve

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func TestFailingStep(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one")
	req := layoutOf(t, dir, appPlan(t, "cat /app/main.txt", "echo fine"))
	build(t, e, req)

	req.Lower.Plan = appPlan(t, "x", "lines 30; write /x; exit 3")
	_, err := e.Build(t.Context(), req)
	want := "error: phase \"build\" failed: lines 30; write /x; exit 3: exit status 3\n"
	for _, l := range strings.Fields("11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30") {
		want += "  line " + l + "\n"
	}
	var got strings.Builder
	fault.Print(&got, err, false)
	if got.String() != want || fault.CodeOf(err) != fault.BuildFailed {
		t.Errorf("got code %d:\n%s\nwant:\n%s", fault.CodeOf(err), got.String(), want)
	}
	if got := read(t, e, req.Outputs[0].Dest); got != "one" {
		t.Errorf("the last good image says %q", got)
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(req.Outputs[0].Dest), ".*")); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

func TestFailureHints(t *testing.T) {
	e := engine(t)
	for cmd, want := range map[string]struct {
		code fault.Code
		text string
	}{
		"nosuch":   {fault.BuildFailed, "exit status 127\n  shell: nosuch: command not found\n  a program is missing"},
		"exit 137": {fault.BuildFailed, "ran out of memory"},
		"echo curl: (6) Could not resolve host: example.com; exit 6": {fault.TryAgain, "this looks like a network failure"},
		"echo connect ECONNREFUSED 127.0.0.1:5432; exit 1":           {fault.BuildFailed, "ECONNREFUSED"},
		"echo cp: /x: No space left on device; exit 1":               {fault.TryAgain, "the disk that holds " + scratch + "/state is full"},
	} {
		_, err := e.Build(t.Context(), layoutOf(t, appDir(t), appPlan(t, "x", cmd)))
		wantFault(t, err, want.code, want.text)
	}
}

// fakeRegistry starts a server that gives the same response to every request.
func fakeRegistry(t *testing.T, status int, header ...string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(status)
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://")
}

func TestBaseThatCannotBePulled(t *testing.T) {
	e := engine(t)
	for host, want := range map[string]struct {
		code fault.Code
		text string
	}{
		fakeRegistry(t, 404): {fault.Refused, "/none:1: it does not exist\n"},
		fakeRegistry(t, 401, "WWW-Authenticate", `Basic realm="x"`): {fault.Usage, "/none:1: the registry denied access, or it does not exist ("},
		fakeRegistry(t, 403): {fault.Usage, "/none:1: the registry denied access, or it does not exist ("},
		"localhost:1":        {fault.TryAgain, "/none:1: the registry cannot be reached ("},
	} {
		req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
		req.Lower.Plan.BuildImage = host + "/none:1"
		_, err := e.Build(t.Context(), req)
		wantFault(t, err, want.code, "error: cannot pull "+host+want.text)
		wantFault(t, err, want.code, "--packages apt")
		if want.code == fault.Usage {
			wantFault(t, err, want.code, "docker login "+host+"\n")
		}
		req.Lower.Plan = appPlan(t, "x", "echo")
		req.Lower.Plan.Start.RunImage = host + "/none:1"
		_, err = e.Build(t.Context(), req)
		wantFault(t, err, want.code, "start.runImage")
	}
	req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
	req.Lower.Plan.BuildImage = "No Such/Image"
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.Refused, `"No Such/Image" is not an image reference`)
}

// A registry may have an image whose layers it cannot deliver.
func TestBaseWithoutLayers(t *testing.T) {
	config, _ := json.Marshal(ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: runtime.GOARCH},
		RootFS: ocispecs.RootFS{Type: "layers", DiffIDs: []digest.Digest{digest.FromString("layer")}}})
	desc := func(media string, raw []byte) ocispecs.Descriptor {
		return ocispecs.Descriptor{MediaType: media, Digest: digest.FromBytes(raw), Size: int64(len(raw))}
	}
	manifest, _ := json.Marshal(ocispecs.Manifest{MediaType: ocispecs.MediaTypeImageManifest, Config: desc(ocispecs.MediaTypeImageConfig, config),
		Layers: []ocispecs.Descriptor{desc(ocispecs.MediaTypeImageLayer, []byte("layer"))}})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.Contains(r.URL.Path, "/manifests/"):
			w.Header().Set("Content-Type", ocispecs.MediaTypeImageManifest)
			w.Write(manifest)
		case strings.HasSuffix(r.URL.Path, digest.FromBytes(config).String()):
			w.Write(config)
		case strings.Contains(r.URL.Path, "/blobs/"):
			w.WriteHeader(http.StatusForbidden)
		}
	}))
	t.Cleanup(s.Close)
	ref := strings.TrimPrefix(s.URL, "http://") + "/none"
	req := layoutOf(t, appDir(t), appPlan(t, "x", "echo"))
	req.Lower.Plan.BuildImage = ref + ":1"
	_, err := engine(t).Build(t.Context(), req)
	wantFault(t, err, fault.Usage, "error: cannot pull "+ref+"@sha256:")
	wantFault(t, err, fault.Usage, "the registry denied access")
}
