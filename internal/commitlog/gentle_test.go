package commitlog

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// While records are written, old ones are read in small steps, one at a time for all readers together; otherwise in whole pieces, side by side.
func TestReadersOfOldRecordsLeaveTheDiskToTheLog(t *testing.T) {
	const batches, readers, piece = 150, 3, 4 * gentleStep
	for _, busy := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			mem := &readsFS{FS: newMem(t), takes: time.Millisecond}
			l, stop := oldLog(t, mem, batches)
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
			most, largest := mem.most.Load(), mem.largest.Load()
			if busy && (most != 1 || largest != gentleStep) {
				t.Errorf("%d reads at once, of up to %d bytes, want one of %d", most, largest, gentleStep)
			}
			if !busy && (most < readers || largest < piece) {
				t.Errorf("%d reads at once, of up to %d bytes, want %d of %d", most, largest, readers, piece)
			}
		})
	}
}
