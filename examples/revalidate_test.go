package examples

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRevalidate builds sites twice, with a page of the same size, as an app is deployed again. A browser that has the
// first page and asks whether it is still the one must get the second: all files of both images have the same date.
func TestRevalidate(t *testing.T) {
	t.Parallel() // it waits more than it computes
	needReal(t)
	bin := program(t)
	for _, c := range []struct{ app, file, from, to, page string }{
		{"static-site", "index.html", "Hello", "Howdy", "/"},
		{"php-plain", "style.css", "sans-serif", "sans_serif", "/style.css"},
		{"node-vite-spa", "index.html", "Vite SPA", "SPA Vite", "/some/client/route"},
	} {
		t.Run(c.app+"/"+c.file, func(t *testing.T) {
			app := filepath.Join(t.TempDir(), c.app)
			if err := os.CopyFS(app, os.DirFS(c.app)); err != nil {
				t.Fatal(err)
			}
			os.Remove(filepath.Join(app, "nginx.template.conf")) // an app's own says what it likes
			first := deploy(t, bin, app, c.page, nil)
			edit(t, filepath.Join(app, c.file), c.from, c.to)
			second := deploy(t, bin, app, c.page, first.header)
			if want := strings.Replace(first.text, c.from, c.to, 1); want == first.text || second.status != first.status || second.text != want {
				t.Errorf("with %v: %d %q, want %q", first.header, second.status, second.text, want)
			}
		})
	}
}

// TestRevalidateDated does so where the files have a date of their own: a page that is the same need not be sent again.
func TestRevalidateDated(t *testing.T) {
	needReal(t)
	t.Setenv("SOURCE_DATE_EPOCH", "1000000000")
	bin := program(t)
	first := deploy(t, bin, "static-site", "/", nil)
	if second := deploy(t, bin, "static-site", "/", first.header); second.status != http.StatusNotModified {
		t.Errorf("with %v: %d %q", first.header, second.status, second.text)
	}
}

// page is an answer.
type page struct {
	status int
	header http.Header
	text   string
}

// deploy builds and runs an app and asks for a page, as a browser does that has had the answer had before.
func deploy(t *testing.T, bin, app, path string, had http.Header) page {
	t.Helper()
	build(t, bin, app, nil)
	url, stop := start(t, bin, app, nil)
	defer stop()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(url, "/")+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for ask, with := range map[string]string{"If-None-Match": "Etag", "If-Modified-Since": "Last-Modified"} {
		if v := had.Get(with); v != "" {
			req.Header.Set(ask, v)
		}
	}
	r, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	b, err := body(r)
	if err != nil {
		t.Fatal(err)
	}
	return page{r.StatusCode, r.Header, string(b)}
}

func edit(t *testing.T, file, from, to string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, bytes.Replace(text, []byte(from), []byte(to), 1), 0o644); err != nil {
		t.Fatal(err)
	}
}
