package buildkitd

import (
	"io"
	"strings"
	"sync"
)

// tail forwards its input and keeps the end of it, to explain why a process died.
type tail struct {
	to io.Writer // may be nil

	mu  sync.Mutex
	end []byte
}

const tailSize = 32 << 10

// Write forwards p and never fails.
func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.to != nil {
		_, _ = t.to.Write(p)
	}
	t.end = append(t.end, p...)
	if over := len(t.end) - tailSize; over > 0 {
		t.end = append(t.end[:0], t.end[over:]...)
	}
	return len(p), nil
}

// reason returns the line that says why a Go program died, or the last line if there is none.
func (t *tail) reason() string {
	lines := strings.Split(strings.TrimSpace(t.String()), "\n")
	for _, l := range lines {
		if strings.HasPrefix(l, "panic: ") || strings.HasPrefix(l, "fatal error: ") {
			return l
		}
	}
	return lines[len(lines)-1]
}

// String returns the kept end of the input.
func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.end)
}
