package bobbintest

import (
	"math"
	"sync"
	"testing"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// FullDisk takes all that is free on the disk, and what becomes free, until FreeDisk. The broker goes on until the files of its log are used up, 8 MiB at
// the most; then it refuses writes with KAFKA_STORAGE_ERROR, which clients retry. Reads and deletes go on.
func (b *Broker) FullDisk(t testing.TB) {
	t.Helper()
	b.room(true, 0)
}

// FreeDisk gives the disk room again.
func (b *Broker) FreeDisk(t testing.TB) {
	t.Helper()
	b.room(false, math.MaxInt64)
}

func (b *Broker) room(full bool, bytes int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.full = full
	b.disk.SetCapacity(bytes)
}

// StallDisk makes the disk hang: syncs wait until resume is called, or the broker is stopped or killed. Nothing is acknowledged meanwhile; reads and
// sessions go on.
func (b *Broker) StallDisk(t testing.TB) (resume func()) {
	t.Helper()
	b.jam.begin()
	t.Cleanup(b.jam.end)
	return b.jam.end
}

// jam is a disk that hangs.
type jam struct {
	mu   sync.Mutex
	over chan struct{} // nil: it does not hang
}

// on returns a file system that hangs as j says.
func (j *jam) on(fs vfs.FS) vfs.FS {
	var rules []*vfs.Rule
	for _, op := range []vfs.Op{vfs.OpSync, vfs.OpSyncDir, vfs.OpSyncFS} {
		rules = append(rules, &vfs.Rule{Op: op, Times: -1, Delay: j.wait})
	}
	return vfs.WithFaults(fs, rules...)
}

func (j *jam) wait() {
	j.mu.Lock()
	over := j.over
	j.mu.Unlock()
	if over != nil {
		<-over
	}
}

func (j *jam) begin() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over == nil {
		j.over = make(chan struct{})
	}
}

func (j *jam) end() {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over != nil {
		close(j.over)
		j.over = nil
	}
}
