//go:build linux

package buildkitd

import "testing"

// BenchmarkReady is the time from Connect to an answer, and back to nothing, on a state that exists.
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

// BenchmarkStep is what a step costs that does nothing.
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
