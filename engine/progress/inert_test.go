package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
)

// Terminal input, and what is left of it.
var obeyed = map[string]string{
	"plain text, äöü 漢字\ttab\r\n":          "plain text, äöü 漢字\ttab\r\n",
	"\x1b[1;32mgreen\x1b[0m \x1b[38:5:1mx": "\x1b[1;32mgreen\x1b[0m \x1b[38:5:1mx",
	"a\x1b]0;title\x07b":                   "ab",
	"a\x1b]52;c;cGF5bG9hZA==\x1b\\b":       "ab",
	"a\x1bPdevice\x1b\\b":                  "ab",
	"a\x1b[2J\x1b[1;1H\x1b[6nb":            "ab",
	"a\x1b[?25lb\x1b[>4;2mc":               "abc",
	"a\u009b2Jb\u009d0;title\x07c":         "abc",
	"a\x1bcb\x1b(0c\x1b7d":                 "abcd",
	"a\x00\x08\x0e\x7fb":                   "ab",
	"a\x1b]never ends\nb":                  "a\nb",
	"a\x1b[31\nmb":                         "a\nmb",
	"\u00a0é\u00bf":                        "\u00a0é\u00bf",
	"a\x1b[" + strings.Repeat("1", 80):     "a" + strings.Repeat("1", 15),
}

// Steps print their output in pieces.
func TestColours(t *testing.T) {
	for said, want := range obeyed {
		for at := range len(said) + 1 {
			c := &colours{}
			if got := string(c.filter([]byte(said[:at]))) + string(c.filter([]byte(said[at:]))); got != want {
				t.Errorf("%q, in two at %d: %q, want %q", said, at, got, want)
			}
		}
	}
}

// Step names and statuses contain text of the app. No display prints them unescaped.
func TestInert(t *testing.T) {
	for _, mode := range []string{"plain", "auto"} {
		var out strings.Builder
		s, err := Options{Mode: mode, Out: &out}.Open(nil)
		if err != nil {
			t.Fatal(err)
		}
		now := time.Now()
		const bad = "\x1b]0;title\x07\u009b2J\u202e"
		news := make(chan *client.SolveStatus, 1)
		news <- &client.SolveStatus{
			Vertexes: []*client.Vertex{{Digest: "sha256:1", Name: "[build] echo " + bad, Started: &now, Completed: &now, Error: "no" + bad}},
			Statuses: []*client.VertexStatus{{ID: "part" + bad, Vertex: "sha256:1", Started: &now, Completed: &now, Timestamp: now}},
			Logs:     []*client.VertexLog{{Vertex: "sha256:1", Stream: 1, Data: []byte("said " + bad + "\x1b[1mbold\n"), Timestamp: now}},
			Warnings: []*client.VertexWarning{{Vertex: "sha256:1", Short: []byte("careful" + bad)}},
		}
		close(news)
		s.Watch(t.Context(), news)
		text := out.String()
		for _, want := range []string{`echo \u001b]0;title`, "part\\u001b", "\x1b[1mbold\n", "careful\\u001b", `no\u001b`} {
			if !strings.Contains(text, want) {
				t.Errorf("%s: there is no %q in\n%q", mode, want, text)
			}
		}
		if text = strings.ReplaceAll(text, "\x1b[1m", ""); strings.ContainsAny(text, "\x1b\a\u009b") || strings.Contains(text, "[build] echo \u202e") {
			t.Errorf("%s: it prints\n%q", mode, text)
		}
	}
}
