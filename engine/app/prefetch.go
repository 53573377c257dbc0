package app

import (
	"runtime"
	"sync"
	"sync/atomic"
)

// Prefetch reads files concurrently and caches them for Bytes and Text, because searching thousands of source files is mostly
// waiting for the kernel. It stops when the cache is full, and skips missing and unreadable files: Bytes and Text report
// those.
func (a *App) Prefetch(names []string) {
	got := make([]*content, len(names))
	var next, size atomic.Int64
	size.Store(int64(a.kept))
	read := func() {
		for i := next.Add(1) - 1; i < int64(len(names)) && size.Load() < maxKept; i = next.Add(1) - 1 {
			name, ok := clean(names[i])
			if !ok || a.files[name] != nil {
				continue
			}
			if data, ok := a.src.quick(name); ok {
				size.Add(int64(len(data)))
				got[i] = &content{name: name, data: data, ok: true}
			}
		}
	}
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(names)/16) {
		all.Go(read)
	}
	all.Wait()
	for i, c := range got {
		if c != nil && a.kept+len(c.data) <= maxKept {
			name, _ := clean(names[i])
			a.kept += len(c.data)
			a.files[name] = c
		}
	}
}
