package solve

import (
	"context"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// meter shows downloads of this program in the same way as BuildKit shows its own, one at a time.
type meter struct {
	progress Progress
	of       string // what the downloads are for

	mu       sync.Mutex
	news     chan *client.SolveStatus // nil if nothing is shown
	done     chan struct{}
	what     string
	began    time.Time
	reported time.Time
	got      int64
	all      int64
}

// tellEvery limits the update rate: a download reports progress thousands of times per second.
const tellEvery = time.Second / 10

// count reports the progress of a download in bytes. all is 0 if the size is unknown.
func (m *meter) count(what string, got, all int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.what != what {
		m.stop()
		m.start(what)
	}
	m.got, m.all = max(m.got, got), all // goroutines may report out of order
	if now := time.Now(); m.news != nil && now.Sub(m.reported) >= tellEvery {
		m.reported = now
		m.news <- m.status(nil)
	}
}

// end ends the shown download, so that something else can be shown.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
}

func (m *meter) start(what string) {
	m.what, m.began, m.reported, m.got, m.all = what, time.Now(), time.Time{}, 0, 0
	show, err := m.progress.open(nil)
	if err != nil {
		return // the build itself will report this error
	}
	m.news, m.done = make(chan *client.SolveStatus), make(chan struct{})
	go func(news chan *client.SolveStatus, done chan<- struct{}) {
		defer close(done)
		show.display.UpdateFrom(context.Background(), news)
		for range news { // drain the channel if the display failed
		}
	}(m.news, m.done)
}

func (m *meter) stop() {
	if m.news == nil {
		return
	}
	now := time.Now()
	m.news <- m.status(&now)
	close(m.news)
	<-m.done
	m.news = nil
}

// status returns the download's progress in BuildKit's format.
func (m *meter) status(ended *time.Time) *client.SolveStatus {
	name := "[base] download the " + m.what + " of " + m.of
	id := digest.FromString(name)
	return &client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: id, Name: name, Started: &m.began, Completed: ended}},
		Statuses: []*client.VertexStatus{{ID: m.what, Vertex: id, Current: m.got, Total: m.all, Started: &m.began, Completed: ended, Timestamp: time.Now()}},
	}
}
