package progress

import (
	"io"
	"strings"
	"testing"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"

	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// A step stays cached when it is reported again, and the events themselves are not changed.
func TestRecordCached(t *testing.T) {
	r, step := newRecord(newMasker()), digest.FromString("step")
	now := time.Now()
	again := &client.Vertex{Digest: step, Started: &now}
	for _, v := range []*client.Vertex{{Digest: step, Cached: true}, again} {
		r.note(&client.SolveStatus{Vertexes: []*client.Vertex{v}})
	}
	if v := r.Vertex(step); !v.Cached || v.Started == nil {
		t.Errorf("recorded is %+v", v)
	}
	if shown := r.brief(&client.SolveStatus{Vertexes: []*client.Vertex{again}}); !shown.Vertexes[0].Cached {
		t.Error("it is not shown as cached")
	}
	if again.Cached {
		t.Error("the event was changed")
	}
	if v := r.Vertex("other"); v != nil || r.Log("other") != "" {
		t.Errorf("something is recorded of another step: %v", v)
	}
	if r = nil; r.Vertex(step) != nil || r.Log(step) != "" || r.Failed(io.EOF) != "" {
		t.Error("no record has something")
	}
}

// A trace has the steps of a build in plain words, with masked secrets, and only what is new of a build that repeats them.
func TestTrace(t *testing.T) {
	at := func(s int64) *time.Time { u := time.Unix(s, 0); return &u }
	export, failed, unstarted := digest.FromString("export"), digest.FromString("failed"), digest.FromString("unstarted")
	news := make(chan *client.SolveStatus, 1)
	news <- &client.SolveStatus{
		Vertexes: []*client.Vertex{
			{Digest: failed, Name: "[build] echo canary", Started: at(2), Completed: at(3), Error: "exit code: 1"},
			{Digest: export, Name: "exporting layers", Started: at(1), Completed: at(2)},
			{Digest: unstarted, Name: "later"},
		},
		Statuses: []*client.VertexStatus{{ID: "sending tarball", Vertex: export, Started: at(1), Completed: at(2), Current: 7}},
		Logs:     []*client.VertexLog{{Vertex: failed, Stream: 1, Data: []byte("said canary\n")}},
	}
	close(news)
	screen, err := Options{}.Open(map[string][]byte{"id": []byte("canary")})
	if err != nil {
		t.Fatal(err)
	}
	r := screen.Watch(t.Context(), news)
	step := plan2llb.Step{Phase: "build", Command: "echo canary"}
	lowered := &plan2llb.Result{Vertices: []plan2llb.Vertex{{Digest: failed}}, Steps: map[digest.Digest]plan2llb.Step{failed: step}}
	var trace Trace
	for range 2 {
		trace.AddBuild(r, lowered)
		r = newRecord(newMasker())
		r.note(&client.SolveStatus{Vertexes: []*client.Vertex{{Digest: export, Cached: true, Started: at(4)}}})
	}
	var names []string
	for _, s := range trace.Spans {
		names = append(names, s.Name)
	}
	if got := strings.Join(names, ", "); got != "pack the layers, [build] echo ***, later" {
		t.Errorf("spans %s", got)
	}
	if p := trace.Spans[0].Parts; len(p) != 1 || p[0].Name != "receive the image" || p[0].Bytes != 7 {
		t.Errorf("parts %v", p)
	}
	if f := trace.Failed(); len(f) != 1 || f[0].Log != "said ***" {
		t.Errorf("failed %v", f)
	}
	if s := trace.Steps; len(s) != 1 || s[0].Step != step || s[0].Span == nil {
		t.Errorf("steps %v", s)
	}
}
