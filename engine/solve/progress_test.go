package solve

import (
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

// The display shows how a failed step ended, without repeating its script.
func TestFailedStepIsBrief(t *testing.T) {
	e := engine(t)
	req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "x", "echo begun; exit 7"))
	var log strings.Builder
	req.Progress.Out = &log
	_, err := e.Build(t.Context(), req)
	wantFault(t, err, fault.BuildFailed, "exit status 7")
	if text := log.String(); !strings.Contains(text, " ERROR: exit code: 7\n") || strings.Contains(text, "/bin/bash") {
		t.Errorf("the display says:\n%s", text)
	}
}
