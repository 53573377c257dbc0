package solve

import (
	"testing"
)

func TestBuild(t *testing.T) {
	e := engine(t)
	dir := appDir(t, "main.txt:one", "lib/a.txt:lib")
	req := layoutOf(t, dir, appPlan(t, "cat /app/built", "copy main.txt built", "echo done"))
	r := build(t, e, req)
	t.Logf("%+v", r)
	if got := read(t, e, r.Outputs[0].Dest); got != "one" {
		t.Errorf("the app says %q", got)
	}
}
