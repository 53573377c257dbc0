package modules

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"testing"

	ocispec "github.com/opencontainers/image-spec/specs-go/v1"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/lock"
)

// Malicious modules that were pushed and pinned in an app.
func TestHostileModules(t *testing.T) {
	deps := moduleText + "deps: \"example.com/other@v0\": v: \"v0.1.0\"\n"
	many := []string{moduleFile, moduleText}
	for i := range maxFiles {
		many = append(many, fmt.Sprintf("f%d", i), "")
	}
	for _, h := range []struct {
		name    string
		archive []byte
		change  func(*ocispec.Manifest)
		want    string
	}{
		{"no archive", []byte("no zip"), nil, "is not a CUE module: zip: not a valid zip file"},
		{"empty archive", archive(t), nil, "is not a CUE module"},
		{"no module.cue", archive(t, "lua.cue", "package lua"), nil, "is not a CUE module"},
		{"out of it", archive(t, moduleFile, moduleText, "../../etc/passwd", "x"), nil, "is not a CUE module"},
		{"absolute", archive(t, moduleFile, moduleText, "/etc/passwd", "x"), nil, "is not a CUE module"},
		{"twice", archive(t, moduleFile, moduleText, "a.cue", "x", "a.cue", "y"), nil, "is not a CUE module"},
		{"two cases", archive(t, moduleFile, moduleText, "a.cue", "x", "A.cue", "y"), nil, "is not a CUE module"},
		{"a link", linked(t), nil, "lua.cue in example.com/lua@v0.1.0 is not a regular file"},
		{"a bomb", archive(t, moduleFile, moduleText, "zeros", strings.Repeat("\x00", maxUnpacked)), nil, "is too large for a provider module"},
		{"many files", archive(t, many...), nil, "is too large for a provider module"},
		{"a bomb in module.cue", archive(t, moduleFile, moduleText+"//"+strings.Repeat("x", maxManifest)), nil, "it has more than 64 KB"},
		{"another module", archive(t, moduleFile, strings.Replace(moduleText, "lua", "other", 1)), nil, "declares the path example.com/other@v0"},
		{"needs others", archive(t, moduleFile, deps), nil, "depends on other modules, such as example.com/other@v0"},
		{"module.cue that evaluates", archive(t, moduleFile, moduleText+"x: [for i in [1,2,3] {i}]\n"), nil, "cannot be read"},
		{"module.cue that is deep", archive(t, moduleFile, "module: "+strings.Repeat("[", 30_000)), nil, "cannot be read"},
		{"module.cue that is deep and whole", archive(t, moduleFile, "module: "+strings.Repeat("[", 30_000)+strings.Repeat("]", 30_000)), nil, ""},
		{"an image", archive(t, moduleFile, moduleText), func(m *ocispec.Manifest) { m.Config.MediaType = ocispec.MediaTypeImageConfig }, "is not a CUE module"},
		{"a layer", archive(t, moduleFile, moduleText), func(m *ocispec.Manifest) { m.Layers = m.Layers[:1] }, "is not a CUE module"},
		{"a large manifest", archive(t, moduleFile, moduleText), func(m *ocispec.Manifest) {
			m.Annotations = map[string]string{"x": strings.Repeat("x", maxManifest)}
		}, "it has more than 64 KB"},
	} {
		t.Run(h.name, func(t *testing.T) {
			r := newRegistry(t)
			pin := r.put(t, h.archive, h.change)
			m, err := r.client(t).Get(t.Context(), pin)
			if m != nil {
				t.Fatalf("it is used: %v", m.Files)
			}
			wants(t, err, fault.Refused, h.want)
		})
	}
}

// Registries that send without end where no manifest or blob is asked for.
func TestHostileRegistries(t *testing.T) {
	forever := func(w http.ResponseWriter, begin string) {
		for _, err := io.WriteString(w, begin); err == nil; _, err = io.WriteString(w, strings.Repeat("x", 1<<16)) {
		}
	}
	bearer := func(w http.ResponseWriter, req *http.Request) {
		w.Header().Set("WWW-Authenticate", `Bearer realm="http://`+req.Host+`/token",service="x"`)
		w.WriteHeader(http.StatusUnauthorized)
	}
	for _, h := range []struct {
		name  string
		code  fault.Code
		serve func(w http.ResponseWriter, req *http.Request)
	}{
		{"a token", fault.TryAgain, func(w http.ResponseWriter, req *http.Request) {
			if req.URL.Path != "/token" {
				bearer(w, req)
				return
			}
			forever(w, `{"token":"`)
		}},
		{"a tag", fault.Refused, func(w http.ResponseWriter, _ *http.Request) { forever(w, `{"name":"x","tags":["`) }},
		{"pages of tags", fault.Refused, func(w http.ResponseWriter, req *http.Request) {
			w.Header().Set("Link", "<"+req.URL.Path+`?last=v0.1.0>; rel="next"`)
			_, _ = io.WriteString(w, `{"name":"x","tags":["v0.1.0"`+strings.Repeat(`,"v0.1.0"`, 999)+`]}`) // a full page
		}},
		{"an error", fault.Refused, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusBadRequest)
			forever(w, `{"errors":[{"code":"`)
		}},
	} {
		t.Run(h.name, func(t *testing.T) {
			r := newRegistry(t)
			r.wrap = func(w http.ResponseWriter, req *http.Request, _ http.Handler) { h.serve(w, req) }
			_, err := r.client(t).Find(t.Context(), "example.com/lua@latest")
			wants(t, err, h.code, r.host)
		})
	}
}

// linked is an archive of a module with a symlink.
func linked(t *testing.T) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for name, mode := range map[string]fs.FileMode{moduleFile: 0o644, "lua.cue": fs.ModeSymlink | 0o777} {
		h := &zip.FileHeader{Name: name}
		h.SetMode(mode)
		w, err := z.CreateHeader(h)
		if err != nil {
			t.Fatal(err)
		}
		text := "/etc/passwd"
		if name == moduleFile {
			text = moduleText
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A manifest may only name digests, which cannot be paths out of the cache.
func TestHostileManifests(t *testing.T) {
	hex := strings.Repeat("0a", 32)
	for d, ok := range map[string]bool{
		"sha256:" + hex: true, "sha256:../../../../etc/passwd": false, "sha512:" + hex + hex: false, "sha256:" + strings.ToUpper(hex): false, "": false, hex: false, "sha256:" + hex + "\n": false,
	} {
		raw, err := json.Marshal(map[string]any{
			"config": map[string]any{"mediaType": "application/vnd.cue.module.v1+json"},
			"layers": []any{map[string]any{"mediaType": "application/zip", "digest": d}, map[string]any{}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := archiveOf(raw, lock.Pin{}); (err == nil) != ok {
			t.Errorf("%q: %v", d, err)
		}
	}
}
