package server

import (
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// memBuffer is how many bytes one direction of a connection in memory holds before its writer waits.
const memBuffer = 256 << 10

// memAddr is both ends' address of a connection in memory.
type memAddr struct{}

func (memAddr) Network() string { return "memory" }
func (memAddr) String() string  { return "memory:1" }

// memConn is one end of a connection in memory, with deadlines and a buffer in each direction.
type memConn struct{ in, out *memStream }

// memPipe returns both ends.
func memPipe() (a, b net.Conn) {
	x, y := newMemStream(), newMemStream()
	return &memConn{in: x, out: y}, &memConn{in: y, out: x}
}

func (c *memConn) Read(p []byte) (int, error)  { return c.in.read(p) }
func (c *memConn) Write(p []byte) (int, error) { return c.out.write(p) }

// Close ends both directions; the other end still reads what was written before.
func (c *memConn) Close() error {
	c.out.end(false)
	c.in.end(true)
	return nil
}

func (c *memConn) LocalAddr() net.Addr  { return memAddr{} }
func (c *memConn) RemoteAddr() net.Addr { return memAddr{} }

func (c *memConn) SetDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	c.out.writeBy.set(c.out, t)
	return nil
}

func (c *memConn) SetReadDeadline(t time.Time) error {
	c.in.readBy.set(c.in, t)
	return nil
}

func (c *memConn) SetWriteDeadline(t time.Time) error {
	c.out.writeBy.set(c.out, t)
	return nil
}

// memStream is one direction: a ring of bytes that grows up to memBuffer.
type memStream struct {
	mu              sync.Mutex
	changed         sync.Cond
	buf             []byte // the bytes not read yet are n from at on, round the end
	at, n           int
	noMore          bool // the writer has ended
	gone            bool // the reader has
	readBy, writeBy memDeadline
}

func newMemStream() *memStream {
	s := &memStream{}
	s.changed.L = &s.mu
	return s
}

// end ends the stream from the reader's or the writer's side.
func (s *memStream) end(byReader bool) {
	s.mu.Lock()
	if byReader {
		s.gone = true
		s.buf, s.n = nil, 0
	} else {
		s.noMore = true
	}
	s.readBy.stop()
	s.writeBy.stop()
	s.changed.Broadcast()
	s.mu.Unlock()
}

func (s *memStream) read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.gone:
			return 0, net.ErrClosed
		case s.readBy.over:
			return 0, os.ErrDeadlineExceeded
		case len(p) == 0:
			return 0, nil
		case s.n > 0:
			total := 0
			for len(p) > 0 && s.n > 0 {
				k := copy(p, s.buf[s.at:min(s.at+s.n, len(s.buf))])
				p, s.at, s.n, total = p[k:], (s.at+k)%len(s.buf), s.n-k, total+k
			}
			s.changed.Broadcast()
			return total, nil
		case s.noMore:
			return 0, io.EOF
		}
		s.changed.Wait()
	}
}

func (s *memStream) write(p []byte) (total int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.noMore:
			return total, net.ErrClosed
		case s.gone:
			return total, io.ErrClosedPipe
		case s.writeBy.over:
			return total, os.ErrDeadlineExceeded
		case len(p) == 0:
			return total, nil
		}
		s.growLocked(s.n + len(p))
		for len(p) > 0 && s.n < len(s.buf) {
			end := (s.at + s.n) % len(s.buf)
			k := copy(s.buf[end:min(len(s.buf), end+len(s.buf)-s.n)], p)
			p, s.n, total = p[k:], s.n+k, total+k
		}
		s.changed.Broadcast()
		if len(p) > 0 {
			s.changed.Wait()
		}
	}
}

// growLocked makes room for n bytes, within the bound.
func (s *memStream) growLocked(n int) {
	n = min(n, memBuffer)
	if n <= len(s.buf) {
		return
	}
	buf := make([]byte, min(max(n, 2*len(s.buf), 4<<10), memBuffer))
	first := copy(buf, s.buf[s.at:min(s.at+s.n, len(s.buf))])
	copy(buf[first:], s.buf[:s.n-first])
	s.buf, s.at = buf, 0
}

// memDeadline is when reading or writing ends. It is guarded by its stream's lock.
type memDeadline struct {
	timer *time.Timer
	turn  int // a timer of an earlier turn has no say
	over  bool
}

func (d *memDeadline) set(s *memStream, t time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d.stop()
	d.turn++
	d.over = false
	if t.IsZero() || s.gone || s.noMore && s.n == 0 {
		return
	}
	left := time.Until(t)
	if left <= 0 {
		d.over = true
		s.changed.Broadcast()
		return
	}
	turn := d.turn
	d.timer = time.AfterFunc(left, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if d.turn == turn {
			d.over = true
			s.changed.Broadcast()
		}
	})
}

func (d *memDeadline) stop() {
	if d.timer != nil {
		d.timer.Stop()
		d.timer = nil
	}
}
