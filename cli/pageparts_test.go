package cli

import (
	"slices"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// TestParts checks that only parts of a step that take long enough are listed, with their time.
func TestParts(t *testing.T) {
	at := func(ms int) time.Time { return time.UnixMilli(int64(1000 + ms)) }
	trace := &progress.Trace{Spans: []progress.Span{{
		Name: "write the image", Started: at(0), Completed: at(3000),
		Parts: []progress.Part{
			{Name: "pack the layers", Started: at(0), Completed: at(1500)},
			{Name: "write the manifest sha256:abc", Started: at(1500), Completed: at(1510)},
			{Name: "receive the image: ", Started: at(1510), Completed: at(2510), Bytes: 2500000},
			{Name: "never begun"},
		},
	}}}
	got := spans(trace)
	if len(got) != 1 {
		t.Fatalf("%d spans, want 1", len(got))
	}
	want := []string{"pack the layers: 1.5 s", "receive the image, 2.5MB: 1.0 s"}
	if !slices.Equal(got[0].Parts, want) {
		t.Errorf("parts %q, want %q", got[0].Parts, want)
	}
}
