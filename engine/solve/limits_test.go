package solve

import (
	"os"
	"strings"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/buildkitd"
	"github.com/nixpacks-cue/nixpacks/engine/fault"
	"github.com/nixpacks-cue/nixpacks/engine/plan2llb"
)

// Limits are enforced where this machine can set them. Otherwise they are refused before anything runs.
func TestLimits(t *testing.T) {
	e := engine(t)
	limits := plan2llb.Limits{CPUQuota: 30000, Memory: 64 << 20}
	quota, memory, want := "/sys/fs/cgroup/cpu.max", "/sys/fs/cgroup/memory.max", "30000 100000"
	if _, err := os.Stat("/sys/fs/cgroup/memory"); err == nil { // version 1
		quota, memory, want = "/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "/sys/fs/cgroup/memory/memory.limit_in_bytes", "30000"
	}
	run := func(cmds ...string) (string, error) {
		req := layoutOf(t, appDir(t, "main.txt:one"), appPlan(t, "x", cmds...))
		var log strings.Builder
		req.Progress.Out, req.Lower.Limits = &log, limits
		_, err := e.Build(t.Context(), req)
		return log.String(), err
	}
	text, err := run("cat " + quota + " " + memory)
	if why := buildkitd.CheckLimits(true, true); why != nil {
		wantFault(t, err, fault.Usage, "build steps cannot be limited here")
		return
	}
	for _, line := range []string{want, "67108864"} {
		if err != nil || !strings.Contains(text, " "+line+"\n") {
			t.Errorf("no limit of %s, %v:\n%s", line, err, text)
		}
	}
	if _, err := run("fill /tmp/small 8"); err != nil {
		t.Errorf("what fits is killed: %v", err)
	}
	_, err = run("fill /tmp/large 200")
	wantFault(t, err, fault.BuildFailed, "the command was killed, probably because it ran out of memory")
}
