package catalog

import (
	"testing"
	"testing/fstest"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// counted counts how often each file is read.
type counted struct {
	fstest.MapFS
	reads map[string]int
}

func (c counted) ReadFile(name string) ([]byte, error) {
	c.reads[name]++
	return c.MapFS.ReadFile(name)
}

// TestRequestOnce checks that a provider is evaluated once if the user and two other providers ask for it, and also if it
// refuses the app. Each evaluation reads its file, so the reads are counted.
func TestRequestOnce(t *testing.T) {
	for what, shared := range map[string]string{"plans": "plan: {}\n", "refuses": "refuse: [{text: \"no\"}]\nplan: {}\n"} {
		t.Run(what, func(t *testing.T) {
			asks := "facts: s: {provider: \"shared\"}\n"
			dir := counted{folders(map[string]string{
				"a/a.cue": provider("a") + asks, "b/b.cue": provider("b") + asks,
				"shared/s.cue": "package s\nname: \"shared\"\ndetect: any: [{file: \"x\"}]\n" + shared,
			}), map[string]int{}}
			c, err := Load(dir, "x")
			if err != nil {
				t.Fatal(err)
			}
			a, err := app.Open(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer a.Close()
			before := dir.reads["shared/s.cue"]
			r := c.Request(a, Env{})
			for _, name := range []string{"a", "shared", "b", "shared"} {
				if _, err := r.Evaluate(name); (err != nil) != (what == "refuses") {
					t.Errorf("%s: %v", name, err)
				}
			}
			if n := dir.reads["shared/s.cue"] - before; n != 1 {
				t.Errorf("it was evaluated %d times", n)
			}
		})
	}
}
