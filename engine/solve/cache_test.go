package solve

import "testing"

// Usage separates the kinds of data that the builder keeps.
func TestUsage(t *testing.T) {
	e := otherEngine(t)
	p := appPlan(t, "x", "fill /app/made 3", "fill /kept/file 3")
	p.Phases["build"].CacheDirectories = []string{"/kept"}
	build(t, e, layoutOf(t, appDir(t, "main.txt:read"), p))
	u, err := e.Usage(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const mb = 1 << 20
	if u.Layers < 2*mb || u.CacheDirectories < 2*mb || u.CacheDirectories > 4*mb || u.Sources == 0 || u.Sources > mb || u.Other != 0 {
		t.Errorf("%+v", u)
	}
	if u.Total() != u.Layers+u.CacheDirectories+u.Sources {
		t.Errorf("%d in all of %+v", u.Total(), u)
	}
}
