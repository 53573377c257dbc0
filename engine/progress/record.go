package progress

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// Record is what Screen.Watch keeps of a build for its report and its error messages. Nil is the record of a build that
// reported nothing.
type Record struct {
	vertices map[digest.Digest]*client.Vertex
	logs     map[digest.Digest]*tail
	parts    map[digest.Digest][]Part
	masker   *masker
}

func newRecord(m *masker) *Record {
	return &Record{map[digest.Digest]*client.Vertex{}, map[digest.Digest]*tail{}, map[digest.Digest][]Part{}, m}
}

// Vertex returns the last state of a vertex, with masked secrets in its error but not in its name. It is nil if BuildKit
// did not report the vertex. A vertex that was cached once stays so.
func (r *Record) Vertex(d digest.Digest) *client.Vertex {
	if r == nil {
		return nil
	}
	return r.vertices[d]
}

// Log returns the last lines of a vertex's output, with masked secrets and without escape sequences.
func (r *Record) Log(d digest.Digest) string {
	if r == nil {
		return ""
	}
	return r.logs[d].String()
}

func (r *Record) note(s *client.SolveStatus) {
	for _, v := range s.Vertexes {
		kept := *v // the display reads v
		if old := r.vertices[v.Digest]; old != nil && old.Cached {
			kept.Cached = true // a step is reported again when its layers are fetched from a remote cache
		}
		r.vertices[v.Digest] = &kept
	}
	for _, p := range s.Statuses {
		r.part(p)
	}
	for _, l := range s.Logs {
		if r.logs[l.Vertex] == nil {
			r.logs[l.Vertex] = &tail{}
		}
		r.logs[l.Vertex].Write(l.Data)
	}
}

// part records the progress of a part of a vertex.
func (r *Record) part(s *client.VertexStatus) {
	p := Part{s.ID, timeOf(s.Started), timeOf(s.Completed), cmp.Or(s.Total, s.Current)}
	i := slices.IndexFunc(r.parts[s.Vertex], func(o Part) bool { return o.Name == p.Name })
	if i < 0 {
		r.parts[s.Vertex] = append(r.parts[s.Vertex], p)
		return
	}
	r.parts[s.Vertex][i] = p
}

// Failed returns the vertex whose error is part of err, or "". It is for BuildKit before 0.9, whose errors do not name the
// vertex.
func (r *Record) Failed(err error) digest.Digest {
	if r == nil {
		return ""
	}
	text := err.Error()
	for _, d := range slices.Sorted(maps.Keys(r.vertices)) {
		if v := r.vertices[d]; v.Error != "" && strings.Contains(text, v.Error) {
			return d
		}
	}
	return ""
}
