package bobbintest

import (
	"context"
	"net"
	"sync"
	"syscall"
)

// Line is one program's way to the broker, which can be cut while others stay connected: the program loses the broker without a word, and the broker
// the program. Its methods are safe for concurrent use.
type Line struct {
	b *Broker

	mu    sync.Mutex // guards all below; held for a few instructions
	cut   bool
	conns map[*lineConn]struct{}
}

// Line returns another way to the broker. Its Dial is for one program's client.
func (b *Broker) Line() *Line { return &Line{b: b, conns: make(map[*lineConn]struct{})} }

// Dial is Broker.Dial over the line. While it is cut connections are refused.
func (l *Line) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := l.b.Dial(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c := &lineConn{Conn: conn, l: l}
	l.mu.Lock()
	cut := l.cut
	if !cut {
		l.conns[c] = struct{}{}
	}
	l.mu.Unlock()
	if cut {
		conn.Close()
		return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: syscall.EHOSTUNREACH}
	}
	return c, nil
}

// Cut breaks the line's connections, and lets none be made until Mend.
func (l *Line) Cut() {
	l.mu.Lock()
	conns := l.conns
	l.cut, l.conns = true, make(map[*lineConn]struct{})
	l.mu.Unlock()
	for c := range conns {
		c.Conn.Close()
	}
}

// Mend lets connections be made again.
func (l *Line) Mend() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.cut = false
}

// lineConn is a connection of a line.
type lineConn struct {
	net.Conn
	l *Line
}

func (c *lineConn) Close() error {
	c.l.mu.Lock()
	delete(c.l.conns, c)
	c.l.mu.Unlock()
	return c.Conn.Close()
}
