package commitlog

import (
	"sync"
	"time"
)

const (
	// aheadBytes is how much may be read ahead at one time, for all readers.
	aheadBytes = 6 << 20
	// aheadAge is how long a piece waits for its reader.
	aheadAge = time.Second
)

// ahead holds the pieces of segments that readers of old records are expected to ask for next: they are read from the disk while the last ones are on their way to the client. Each piece has a goroutine, which belongs to
// the engine, until a reader takes it or its time is over. When there is no room, nothing is read ahead; no piece makes room for another, since both would be read twice.
type ahead struct {
	mu     sync.Mutex
	closed bool
	bytes  int64
	pieces []*aheadPiece
}

// aheadPiece is n bytes of a segment's file from a position on.
type aheadPiece struct {
	seg    *segment
	pos, n int64
	taken  chan struct{} // closed when it is no longer among the pieces
	read   chan struct{} // closed when the following are set
	buffer *[]byte       // nil when it could not be read
	bytes  []byte
}

// readAhead reads a piece for whoever asks for it within a second.
func (l *Log) readAhead(v indexView, pos, n int64) {
	a := &l.eng.ahead
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed || a.bytes+n > aheadBytes || a.findLocked(v.seg, pos) >= 0 {
		return
	}
	p := &aheadPiece{seg: v.seg, pos: pos, n: n, taken: make(chan struct{}), read: make(chan struct{})}
	a.pieces, a.bytes = append(a.pieces, p), a.bytes+n
	l.eng.done.Go(func() {
		var err error
		if p.buffer, p.bytes, err = l.readDirect(v, pos, n); err != nil {
			p.buffer = nil // who takes it reads for themselves, and sees what is wrong
		}
		close(p.read)
		timer := time.NewTimer(aheadAge)
		defer timer.Stop()
		select {
		case <-p.taken:
			return
		case <-timer.C:
		case <-l.eng.quit:
		}
		if a.remove(p) && p.buffer != nil {
			putBuffer(p.buffer)
		}
	})
}

// take returns a piece of at most n bytes that was read ahead, and its buffer; nil when there is none.
func (a *ahead) take(seg *segment, pos, n int64) (buffer *[]byte, b []byte) {
	a.mu.Lock()
	i := a.findLocked(seg, pos)
	if i < 0 || a.pieces[i].n > n {
		a.mu.Unlock()
		return nil, nil
	}
	p := a.pieces[i]
	a.removeLocked(i)
	a.mu.Unlock()
	<-p.read
	return p.buffer, p.bytes
}

// remove takes a piece away that nobody has taken.
func (a *ahead) remove(p *aheadPiece) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	i := a.findLocked(p.seg, p.pos)
	if i < 0 || a.pieces[i] != p {
		return false
	}
	a.removeLocked(i)
	return true
}

// close lets nothing more be read.
func (a *ahead) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
}

func (a *ahead) findLocked(seg *segment, pos int64) int {
	for i, p := range a.pieces {
		if p.seg == seg && p.pos == pos {
			return i
		}
	}
	return -1
}

func (a *ahead) removeLocked(i int) {
	p := a.pieces[i]
	close(p.taken)
	a.bytes -= p.n
	last := len(a.pieces) - 1
	a.pieces[i], a.pieces[last] = a.pieces[last], nil
	a.pieces = a.pieces[:last]
}
