package commitlog

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// stepsFS is a file system whose direct reads take a while, and are counted.
type stepsFS struct {
	vfs.FS
	under, most, largest, reads atomic.Int64
}

func (m *stepsFS) Open(name string, mode vfs.Mode) (vfs.File, error) {
	f, err := m.FS.Open(name, mode)
	if err != nil || !f.Direct() {
		return f, err
	}
	return &stepsFile{f, m}, nil
}

type stepsFile struct {
	vfs.File
	fs *stepsFS
}

func (f *stepsFile) ReadAt(p []byte, off int64) (int, error) {
	f.fs.most.Store(max(f.fs.most.Load(), f.fs.under.Add(1)))
	f.fs.largest.Store(max(f.fs.largest.Load(), int64(len(p))))
	f.fs.reads.Add(1)
	time.Sleep(time.Millisecond)
	defer f.fs.under.Add(-1)
	return f.File.ReadAt(p, off)
}

// While records are written, old ones are read in small steps, one at a time for all readers together; otherwise in whole pieces, side by side.
func TestReadersOfOldRecordsLeaveTheDiskToTheLog(t *testing.T) {
	const batches, readers, piece = 150, 3, 4 * gentleStep
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			steps := &stepsFS{FS: newMem(t)}
			l, stop := oldLog(t, steps, batches)
			defer stop()
			l.eng.wal.(*manual).busy.Store(busy)
			var all sync.WaitGroup
			for range readers {
				all.Go(func() {
					for r := (&reader{t: t, l: l, piece: piece}); r.at < batches/2; {
						r.next() // checks what it reads
					}
				})
			}
			all.Wait()
			synctest.Wait()
			most, largest := steps.most.Load(), steps.largest.Load()
			if busy && (most != 1 || largest != gentleStep) {
				t.Errorf("%d reads at once, of up to %d bytes, want one of %d", most, largest, gentleStep)
			}
			if !busy && (most < readers || largest < piece) {
				t.Errorf("%d reads at once, of up to %d bytes, want %d of %d", most, largest, readers, piece)
			}
		})
	}
}
