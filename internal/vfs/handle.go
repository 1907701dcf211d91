package vfs

import (
	"container/list"
	"sync/atomic"
)

// entry is an open file of a Cache. The cache's lock guards what is not said to be otherwise.
type entry struct {
	key   key
	mode  Mode          // of the Get that opened it
	ready chan struct{} // closed when file and err are set; they do not change then
	file  File
	err   error

	refs      int
	idle      *list.Element // its place in Cache.idle
	forgotten bool          // out of the cache
	failed    bool          // a sync failed: never clean again

	// written counts the changes, each when it is done; no lock needed. What is counted while a sync runs may be in it or not.
	written atomic.Uint64
	synced  uint64 // the value of written when the last good sync began
}

// dirty says whether there are changes that no sync covers. Under the cache's lock.
func (e *entry) dirty() bool { return e.failed || e.synced < e.written.Load() }

// Handle is a reference to an open file of a Cache. It may be used by several goroutines, and not after Release.
type Handle struct {
	File
	c        *Cache
	e        *entry
	released atomic.Bool
}

// WriteAt implements File.
func (h *Handle) WriteAt(p []byte, off int64) (int, error) {
	defer h.e.written.Add(1) // also when it failed: a part may be written
	return h.File.WriteAt(p, off)
}

// WritevAt implements File.
func (h *Handle) WritevAt(bufs [][]byte, off int64) (int64, error) {
	defer h.e.written.Add(1)
	return h.File.WritevAt(bufs, off)
}

// Truncate implements File.
func (h *Handle) Truncate(size int64) error {
	defer h.e.written.Add(1)
	return h.File.Truncate(size)
}

// Allocate implements File.
func (h *Handle) Allocate(off, n int64) error {
	defer h.e.written.Add(1)
	return h.File.Allocate(off, n)
}

// Sync syncs the file if it is dirty. Its error is the cache's too.
func (h *Handle) Sync() error {
	h.c.mu.Lock()
	dirty := h.e.dirty()
	if dirty {
		h.c.pin(h.e)
	}
	h.c.mu.Unlock()
	if !dirty {
		return nil
	}
	return h.c.syncEach([]*entry{h.e})
}

// Name is the file's name, also after Cache.Rename.
func (h *Handle) Name() string {
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	return h.e.key.name
}

// Release gives the reference up. A second call does nothing.
func (h *Handle) Release() {
	if h.released.Swap(true) {
		return
	}
	h.c.mu.Lock()
	defer h.c.mu.Unlock()
	h.c.unpin(h.e)
}

// Close is Release.
func (h *Handle) Close() error {
	h.Release()
	return nil
}
