package solve

import (
	"errors"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// An app that cannot be started has one error: that of releasing its container repeats it.
func TestRunErrorOnce(t *testing.T) {
	e := engine(t)
	_, err := e.Run(t.Context(), RunRequest{Path: ready(t, e, "pwd"), User: "0:99999999999999", Stdout: testLog{t}, Stderr: testLog{t}})
	var f *fault.Fault
	if !errors.As(err, &f) || strings.Count(f.Msg+f.Detail, "must be in range") != 1 {
		t.Errorf("got %v, want one error about the user", err)
	}
}
