package unify

import (
	"testing"

	"github.com/nixpacks-cue/nixpacks/engine/app"
)

// BenchmarkPlan plans in process as the command does, including opening the app. The goal is 5 ms.
func BenchmarkPlan(b *testing.B) {
	for _, file := range []string{"layers/nothing", "data/toml", "cue/base", "cue/constraints-hold", "cue/values", "cueerror/wrong-type"} {
		b.Run(file, func(b *testing.B) {
			c, cat := readCase(b, "testdata/"+file+".txtar"), testCatalog(b)
			for b.Loop() {
				a, err := app.Open(c.dir)
				if err != nil {
					b.Fatal(err)
				}
				_, _ = Plan(a, cat, c.options)
				a.Close()
			}
		})
	}
}
