package solve

import (
	"context"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// meter shows downloads that this program does itself as BuildKit shows its own. One is shown at a time.
type meter struct {
	progress Progress
	of       string // what they are for

	mu    sync.Mutex
	news  chan *client.SolveStatus // nil where nothing is shown
	done  chan struct{}
	what  string
	began time.Time
	told  time.Time
	got   int64
	all   int64
}

// tellEvery is how often news is shown: a download brings some thousands of times in a second.
const tellEvery = time.Second / 10

// count is news of a download: got of all bytes, which are 0 where that is not known.
func (m *meter) count(what string, got, all int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.what != what {
		m.stop()
		m.start(what)
	}
	m.got, m.all = max(m.got, got), all // goroutines may come in another order than they counted
	if now := time.Now(); m.news != nil && now.Sub(m.told) >= tellEvery {
		m.told = now
		m.news <- m.status(nil)
	}
}

// end ends what is shown, so that something else can be.
func (m *meter) end() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
}

func (m *meter) start(what string) {
	m.what, m.began, m.told, m.got, m.all = what, time.Now(), time.Time{}, 0, 0
	show, err := m.progress.open(nil)
	if err != nil {
		return // the build itself will say so
	}
	m.news, m.done = make(chan *client.SolveStatus), make(chan struct{})
	go func(news chan *client.SolveStatus, done chan<- struct{}) {
		defer close(done)
		show.display.UpdateFrom(context.Background(), news)
		for range news { // where the display broke
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

// status is the download as BuildKit would tell of it.
func (m *meter) status(ended *time.Time) *client.SolveStatus {
	name := "[base] download the " + m.what + " of " + m.of
	id := digest.FromString(name)
	return &client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: id, Name: name, Started: &m.began, Completed: ended}},
		Statuses: []*client.VertexStatus{{ID: m.what, Vertex: id, Current: m.got, Total: m.all, Started: &m.began, Completed: ended, Timestamp: time.Now()}},
	}
}
