package commitlog

import (
	"bytes"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// oldLog is a log of n batches of 30 kB that are in one segment, on a file system whose reads are counted.
func oldLog(t *testing.T, fsys vfs.FS, n int64) (l *Log, stop func()) {
	t.Helper()
	w := new(manual)
	eng, stop := newEngine(fsys, w, 64<<20)
	cfg := *testConfig
	cfg.SegmentBytes = 1 << 30
	l = eng.New(testID, &cfg, 0)
	for i := range n {
		store(t, l, w, records(batch.NoProducer(), i, 30000, 1000+i))
	}
	if err := l.Settle(n); err != nil {
		t.Fatal(err)
	}
	return l, stop
}

// reader reads a log from its start in pieces, as a session does.
type reader struct {
	t     *testing.T
	l     *Log
	piece int
	span  Span
	at    int64
}

const readerPiece = 2 * directBytes

func (r *reader) next() {
	r.t.Helper()
	defer r.span.Release()
	if err := r.l.Read(&r.span, r.at, r.piece, true); err != nil || r.span.Next <= r.at {
		r.t.Fatalf("offset %d: up to %d, %v", r.at, r.span.Next, err)
	}
	for rest := bytes.Join(r.span.Bytes, nil); len(rest) > 0; r.at++ {
		x, after, err := batch.Next(rest)
		if err != nil || x.BaseOffset() != r.at || x.CheckCRC() != nil {
			r.t.Fatalf("offset %d: another batch, %v", r.at, err)
		}
		rest = after
	}
}

// readAheadOf is how many bytes wait for readers.
func readAheadOf(l *Log) int64 {
	l.eng.ahead.mu.Lock()
	defer l.eng.ahead.mu.Unlock()
	return l.eng.ahead.bytes
}

// What a reader of old records will ask for is there before it does; it is read once, and forgotten when nobody comes for it.
func TestOldRecordsAreReadAhead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &readsFS{FS: newMem(t)}
		l, stop := oldLog(t, mem, 100)
		defer stop()
		r := &reader{t: t, l: l, piece: readerPiece}
		r.next() // by the index: it may be the only one
		if n := readAheadOf(l); n != 0 {
			t.Errorf("%d bytes are read ahead of somebody who has read once", n)
		}
		r.next()
		for r.at < 70 {
			synctest.Wait()
			before := mem.direct.Load()
			r.next()
			synctest.Wait()
			if n := mem.direct.Load() - before; n != 1 {
				t.Errorf("before offset %d: %d reads, want that of the next piece", r.at, n)
			}
		}
		if readAheadOf(l) == 0 {
			t.Error("nothing is read ahead")
		}
		time.Sleep(2 * aheadAge)
		if n := readAheadOf(l); n != 0 {
			t.Errorf("%d bytes wait for a reader that does not come", n)
		}
		for r.at < 100 {
			r.next()
		}
	})
}

// However many read old records, what is read ahead keeps to its bound.
func TestWhatIsReadAheadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, stop := oldLog(t, newMem(t), 60)
		defer stop()
		var readers []*reader
		for i := range 2 * aheadBytes / readerPiece {
			readers = append(readers, &reader{t: t, l: l, piece: readerPiece, at: int64(i % 20)})
		}
		for range 3 {
			for _, r := range readers {
				r.next()
				if n := readAheadOf(l); n > aheadBytes {
					t.Fatalf("%d bytes are read ahead, at most %d are allowed", n, aheadBytes)
				}
			}
		}
	})
}

// A failure while reading ahead is nobody's: who comes for the piece reads it.
func TestAFailureOfReadingAheadIsNobodys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		mem := &readsFS{FS: newMem(t)}
		l, stop := oldLog(t, mem, 60)
		defer stop()
		r := &reader{t: t, l: l, piece: readerPiece}
		r.next()
		r.next()
		synctest.Wait() // the third piece is there
		mem.fail.Store(true)
		r.next()
		synctest.Wait()
		if mem.fail.Load() {
			t.Fatal("the fourth piece was not read ahead")
		}
		for r.at < 60 {
			r.next()
		}
	})
}
