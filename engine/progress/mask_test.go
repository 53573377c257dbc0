package progress

import (
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// However a step's output is split, no secret value is shown, and everything else is.
func TestMasker(t *testing.T) {
	const said = "curl -u me:canary-value x\ncanary-valu\nline canary-of-two\nshort abc ends with canary-va"
	const want = "curl -u me:*** x\ncanary-valu\nline ***\nshort abc ends with canary-va"
	values := [][]byte{[]byte("canary-value\n"), []byte("first\ncanary-of-two\n"), []byte("abc"), []byte("canary")[:0]}
	step, other := digest.FromString("step"), digest.FromString("other")
	for size := 1; size <= len(said); size++ {
		m := newMasker(values...)
		var out strings.Builder
		note := func(s *client.SolveStatus) {
			for _, l := range m.status(s).Logs {
				if l.Vertex == step {
					out.Write(l.Data)
				}
			}
		}
		for from := 0; from < len(said); from += size {
			piece := []byte(said[from:min(from+size, len(said))])
			note(&client.SolveStatus{Logs: []*client.VertexLog{{Vertex: step, Stream: 1, Data: piece}, {Vertex: other, Stream: 1, Data: []byte("canary")}}})
		}
		end := time.Unix(1, 0)
		note(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: step, Completed: &end}}})
		if got := out.String(); got != want {
			t.Fatalf("in pieces of %d: %q", size, got)
		}
	}
}

// In a configuration file, secrets are masked and addresses are not.
func TestMaskedSettings(t *testing.T) {
	m := newMasker([]byte("registry=https://npm.example.com/team/\n//npm.example.com/:_authToken=canary-npm\n"),
		[]byte("machine pypi.example.com\nlogin me\npassword canary-pip\n"), []byte("<url>https://maven.example.com/x</url>\n<password>canary-mvn</password>\n"),
		[]byte("index-url = https://me:canary-url@pypi.example.com/simple\n"),
		[]byte(`{"http-basic": {"php.example.com": {"username": "me", "password": "canary-php"}}}`), []byte(`{'$repos',#{<<"hexpm">> => #{auth_key => <<"canary-hex">>}}}.`+"\n"),
		[]byte(`<add key="Word" value="canary-net" />`+"\n"))
	const said = "GET https://npm.example.com/team/x canary-npm pypi.example.com canary-pip https://maven.example.com/x/y canary-mvn https://me:canary-url@pypi.example.com/simple/z canary-php canary-hex canary-net password http-basic php.example.com"
	const want = "GET https://npm.example.com/team/x *** pypi.example.com *** https://maven.example.com/x/y *** ***/z *** *** *** password http-basic php.example.com"
	if got := string(m.text([]byte(said))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestMaskedErrors(t *testing.T) {
	m := newMasker([]byte("canary"))
	v := &client.Vertex{Error: `invalid proxy address "http://me:canary@x"`}
	if got := m.status(&client.SolveStatus{Vertexes: []*client.Vertex{v}}).Vertexes[0].Error; strings.Contains(got, "canary") || !strings.Contains(v.Error, "canary") {
		t.Errorf("shown is %q", got)
	}
}
