package progress

import (
	"bytes"
	"io"
	"regexp"
	"strings"
	"sync"
	"testing"
)

// TestMeter checks that concurrent downloads are shown one after another as steps with their bytes, and that End waits
// until everything is written.
func TestMeter(t *testing.T) {
	var out bytes.Buffer
	m := NewMeter(Options{Mode: "plain", Out: &out}, "debian://trixie")
	m.End() // nothing was started
	for _, what := range []string{"index", "packages"} {
		var wg sync.WaitGroup
		for i := range 8 {
			wg.Go(func() {
				for n := range 100 {
					m.Count(what, int64(i*100+n)*10_000, 8_000_000)
				}
			})
		}
		wg.Wait()
		m.Count(what, 8_000_000, 8_000_000)
	}
	m.End()
	m.Count("packages", 1, 2) // late
	text := out.String()
	for _, want := range []string{
		`\[base\] download the index of debian://trixie\n`,
		`index 8\.00MB / 8\.00MB( [\d.]+s)? done\n`,
		`\[base\] download the packages of debian://trixie\n`,
		`packages 8\.00MB / 8\.00MB( [\d.]+s)? done\n`,
	} {
		if !regexp.MustCompile(want).MatchString(text) {
			t.Errorf("there is no %s in\n%s", want, text)
		}
	}
	if strings.Index(text, "index of") > strings.Index(text, "packages of") {
		t.Errorf("the order is another:\n%s", text)
	}
	for _, p := range []Options{{Mode: "quiet", Out: &out}, {Mode: "plain"}, {Mode: "no such mode", Out: io.Discard}} {
		before := out.Len()
		m := NewMeter(p, "")
		m.Count("index", 1, 2)
		m.End()
		if out.Len() != before {
			t.Errorf("%v prints", p)
		}
	}
}
