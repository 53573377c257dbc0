package progress

import (
	"context"
	"sync"
	"time"

	"github.com/moby/buildkit/client"
	"github.com/opencontainers/go-digest"
)

// Meter shows downloads of this program in the same way as BuildKit shows its own, one at a time. Several goroutines may
// use it.
type Meter struct {
	options Options
	of      string // what the downloads are for

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

// NewMeter returns a meter of downloads for something, such as a base image. It shows nothing before the first Count.
func NewMeter(o Options, of string) *Meter { return &Meter{options: o, of: of} }

// Count reports the progress of a download in bytes. all is 0 if the size is unknown. A download with another name than the
// last one ends that one.
func (m *Meter) Count(what string, got, all int64) {
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

// End ends the shown download, so that something else can be shown. It returns when everything is written.
func (m *Meter) End() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.stop()
}

func (m *Meter) start(what string) {
	m.what, m.began, m.reported, m.got, m.all = what, time.Now(), time.Time{}, 0, 0
	show, err := m.options.Open(nil)
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

func (m *Meter) stop() {
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
func (m *Meter) status(ended *time.Time) *client.SolveStatus {
	name := "[base] download the " + m.what + " of " + m.of
	id := digest.FromString(name)
	return &client.SolveStatus{
		Vertexes: []*client.Vertex{{Digest: id, Name: name, Started: &m.began, Completed: ended}},
		Statuses: []*client.VertexStatus{{ID: m.what, Vertex: id, Current: m.got, Total: m.all, Started: &m.began, Completed: ended, Timestamp: time.Now()}},
	}
}
