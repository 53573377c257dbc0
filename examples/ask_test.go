package examples

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
)

// answer is one line of expect.json: what the running image says to GET; or, of a program that prints and ends, what it
// prints and how it ends. A file has lines of one kind.
type answer struct {
	Get     string            `json:"get"`
	Send    map[string]string `json:"send"` // headers of the request
	Status  int               `json:"status"`
	Headers map[string]string `json:"headers"` // of the answer; "" for one that is not to be there
	Body    string            `json:"body"`    // the whole body, where given; it is unpacked where it came packed

	Output string `json:"output"` // all that it writes to stdout, where given
	Exit   int    `json:"exit"`   // its exit code

	Contains string `json:"contains"` // a part of the body, or of stdout
}

func answers(t *testing.T, file string) []answer {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseAnswers(t, file, b)
}

func parseAnswers(t *testing.T, file string, b []byte) []answer {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	var out []answer
	if err := d.Decode(&out); err != nil || len(out) == 0 {
		t.Fatalf("%s: %v, %d answers", file, err, len(out))
	}
	for _, a := range out {
		if (a.Get == "") != (out[0].Get == "") {
			t.Fatalf("%s: a program either answers or prints", file)
		}
	}
	return out
}

// client gives answers as they are: no redirect is followed, and nothing is asked for packed unless a line says so.
var client = http.Client{
	Transport:     &http.Transport{DisableCompression: true},
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

func ask(t *testing.T, url string, want answer) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, strings.TrimSuffix(url, "/")+want.Get, nil)
	if err != nil {
		t.Fatal(err)
	}
	for k, v := range want.Send {
		req.Header.Set(k, v)
	}
	r, err := client.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	defer r.Body.Close()
	b, err := body(r)
	got := fmt.Sprintf("GET %s %v: %d %v %q (%v)", want.Get, want.Send, r.StatusCode, r.Header, b, err)
	for k, v := range want.Headers {
		if r.Header.Get(k) != v {
			t.Errorf("%s, want %s: %q", got, k, v)
		}
	}
	switch {
	case r.StatusCode != want.Status:
		t.Errorf("%s, want status %d", got, want.Status)
	case want.Body != "" && string(b) != want.Body:
		t.Errorf("%s, want %q", got, want.Body)
	case !strings.Contains(string(b), want.Contains):
		t.Errorf("%s, want %q in it", got, want.Contains)
	}
}

// body is what the answer holds, unpacked.
func body(r *http.Response) ([]byte, error) {
	from := io.Reader(r.Body)
	if r.Header.Get("Content-Encoding") == "gzip" {
		unpacked, err := gzip.NewReader(from)
		if err != nil {
			return nil, err
		}
		from = unpacked
	}
	return io.ReadAll(from)
}
