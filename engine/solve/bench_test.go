package solve

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/plan"
	"github.com/nixpacks-cue/nixpacks/engine/progress"
)

// benchApp returns an app whose install step writes 100 MB, and whose build step writes what its source says.
func benchApp(b *testing.B) (*Engine, Request) {
	b.Helper()
	e := engine(b)
	dir := appDir(b, "deps.txt:1", "main.txt:0")
	for i := range 200 {
		put(b, filepath.Join(dir, "src", fmt.Sprint(i, ".txt")), "text")
	}
	p := appPlan(b, "cat /app/built", "fill /app/bundle 2", "copy main.txt built")
	p.Phases["install"] = &plan.Phase{Cmds: []string{"fill /root/deps 100"}, Inputs: []string{"deps.txt"}}
	p.Phases["build"].DependsOn = []string{"install"}
	req := layoutOf(b, dir, p)
	req.Progress = progress.Options{Mode: "quiet"}
	build(b, e, req)
	b.ResetTimer()
	return e, req
}

func BenchmarkNoop(b *testing.B) {
	e, req := benchApp(b)
	for b.Loop() {
		build(b, e, req)
	}
}

func BenchmarkSourceEdit(b *testing.B) {
	e, req := benchApp(b)
	n := 0
	for b.Loop() {
		n++
		put(b, filepath.Join(req.AppDir, "main.txt"), fmt.Sprint(n))
		build(b, e, req)
	}
}
