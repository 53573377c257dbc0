//go:build linux

package buildkitd

import "testing"

// BenchmarkReady measures Connect until the first answer, and closing, on an existing state.
func BenchmarkReady(b *testing.B) {
	o := Options{State: b.TempDir()}
	for b.Loop() {
		c, closer, _, err := Connect(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := c.Info(b.Context()); err != nil {
			b.Fatal(err)
		}
		if err := closer(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStep measures a step that does nothing.
func BenchmarkStep(b *testing.B) {
	c, closer, _, err := Connect(b.Context(), Options{State: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer closer()
	for b.Loop() {
		if _, err := build(b.Context(), c, []string{"echo"}); err != nil {
			b.Fatal(err)
		}
	}
}
