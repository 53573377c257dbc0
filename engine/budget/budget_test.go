package budget

import (
	"errors"
	"runtime"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nixpacks-cue/nixpacks/engine/fault"
)

func costly(what string) *fault.Fault { return fault.New(fault.Refused, "too much %s", what) }

var (
	sink  [][]byte
	spins atomic.Int64
)

// Work that never ends is abandoned when it exceeds a limit. The fault is that of the part that was running.
func TestHostileWork(t *testing.T) {
	for want, part := range map[string]func(until <-chan struct{}){
		"part takes too much time to evaluate": func(until <-chan struct{}) {
			for n := 0; ; n++ {
				select {
				case <-until:
					return
				default:
					spins.Store(int64(n))
				}
			}
		},
		"part takes too much memory to evaluate": func(until <-chan struct{}) {
			sink = append(sink, make([]byte, 64<<20))
			<-until
		},
	} {
		until := make(chan struct{})
		b := &Budget{Time: 50 * time.Millisecond, Memory: 32 << 20}
		if strings.Contains(want, "memory") { // allocating takes time as well
			b.Time = time.Minute
		}
		err := b.Run(Work{Costly: costly}, func() error {
			if err := b.While(Evaluation("another"), func() error { return nil }); err != nil {
				return err
			}
			return b.While(Evaluation("part", fault.Pos{File: "part.cue"}), func() error {
				part(until)
				return nil
			})
		})
		if !Abandoned() {
			t.Error("nobody knows of the work that goes on")
		}
		close(until)
		settle(t)
		sink = nil
		if fault.CodeOf(err) != fault.Refused || fault.All(err)[0].Msg != want || fault.All(err)[0].At[0].File != "part.cue" {
			t.Errorf("%v, want %s", err, want)
		}
	}
}

// settle waits for abandoned work that has been told to end.
func settle(t *testing.T) {
	t.Helper()
	for limit := time.Now().Add(time.Minute); Abandoned(); runtime.Gosched() {
		if time.Now().After(limit) {
			t.Fatal("work that has ended counts as work that goes on")
		}
	}
}

// Values that double each other are noticed before they exhaust the memory of any machine, whatever the GC does.
func TestHostileLeaps(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1)) // as set by the command line
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(256 << 20))
	b := New()
	stop := make(chan struct{})
	last := 0
	err := b.Run(Work{Costly: costly}, func() error {
		text := make([]byte, 16<<20)
		for {
			select {
			case <-stop:
				return nil
			default:
			}
			last = len(text)
			text = append(text[:len(text):len(text)], text...)
			sink = append(sink, text)
		}
	})
	close(stop)
	settle(t)
	sink = nil
	if fault.CodeOf(err) != fault.Refused {
		t.Errorf("%v", err)
	}
	if last > 512<<20 {
		t.Errorf("it was let grow to %d MB", last>>20)
	}
}

// A panic of the CUE evaluator on untrusted input is blamed on the input. Any other panic is our bug and is propagated.
func TestHostilePanic(t *testing.T) {
	b := New()
	err := b.Run(Work{Costly: costly}, func() error {
		return b.While(Evaluation("nixpacks.cue"), func() error { panic("index out of range") })
	})
	if fault.CodeOf(err) != fault.Refused || fault.All(err)[0].Msg != "nixpacks.cue makes the CUE evaluator fail" {
		t.Errorf("%v", err)
	}
	defer func() {
		if r := recover(); r != "ours" {
			t.Errorf("recovered %v", r)
		}
	}()
	_ = b.Run(Work{Costly: costly}, func() error { panic("ours") })
}

// Within the limits, the result is that of the work itself.
func TestWithin(t *testing.T) {
	want := errors.New("said")
	for _, b := range []*Budget{New(), nil} {
		if err := b.While(Work{}, func() error { return want }); err != want {
			t.Errorf("%v", err)
		}
	}
	if err := New().Run(Work{Costly: costly}, func() error { return want }); err != want {
		t.Errorf("%v", err)
	}
	if held.works != 0 {
		t.Errorf("the collector is still held by %d", held.works)
	}
}
