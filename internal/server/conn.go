package server

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/wire"
)

// conn is one connection. One goroutine reads requests and starts those that produce; another one, from the first request on, does all others and writes the responses, in the
// order of the requests. A request that is no produce is alone: it starts when all before it are answered, and what is behind it waits.
type conn struct {
	srv  *Server
	nc   net.Conn
	ip   netip.Addr    // not valid for a connection in memory
	br   *bufio.Reader // nil until the first byte has come
	host string
	port int32

	ctx    context.Context // ends when the peer has gone, or with the server
	cancel context.CancelFunc
	queue  chan *call
	alone  sync.WaitGroup // requests in the queue that are no produce; added to and waited for by the reader
	open   atomic.Int32   // requests that are not answered
	known  bool           // the peer has sent a valid request
	writer sync.WaitGroup // runs from the first request on
	writes bool           // it does

	mu       sync.Mutex
	draining bool // no further request is read

	out   []byte // responses that are not written yet
	fetch fetcher
	gone  bool // writing has failed
	mute  bool // nothing is sent: a test wants it so
}

// call is a request between reader and writer: what was started, or the reply, or the request itself.
type call struct {
	head    wire.Header
	body    kmsg.Request
	produce *produce
	reply   kmsg.Response
	ruling  *Ruling // of a test, about the answer
	cost    int64   // as counted in Server.memory
	start   time.Time
}

const (
	readBuffer = 4 << 10
	// firstRequest is how large a request may be before the connection has proven to speak the protocol. A larger first one is read when it
	// begins with the key and the version of a request that is served: a client may begin with a large Produce, garbage hardly does.
	firstRequest = 64 << 10
	// A decoded request, of any kind but Produce, is counted as that many times its bytes, up to what package wire lets it take.
	decodedGrowth = 16
	maxDecoded    = 64 << 20
	// outBuffer is how many bytes of responses are collected while the next ones are ready.
	outBuffer = 64 << 10
)

func newConn(s *Server, nc net.Conn) *conn {
	c := &conn{srv: s, nc: nc, queue: make(chan *call, s.conf.Pipeline)}
	if ap, err := netip.ParseAddrPort(nc.RemoteAddr().String()); err == nil {
		c.ip = ap.Addr().Unmap()
	}
	c.ctx, c.cancel = context.WithCancel(s.ctx)
	return c
}

// run serves the connection until either side ends it.
func (c *conn) run() {
	defer c.cancel()
	defer c.nc.Close()
	c.host, c.port = c.srv.where(c.nc.LocalAddr())
	c.fetch.srv = c.srv
	err := c.read()
	if !c.isDraining() {
		c.cancel() // nobody reads what a fetch waits for
	}
	close(c.queue)
	c.writer.Wait()
	c.report(err)
}

// report logs why a connection has ended, if that was not the ordinary way.
func (c *conn) report(err error) {
	var frame *wire.FrameError
	switch {
	case errors.Is(err, wire.ErrHTTP), errors.Is(err, wire.ErrTLS):
		level := slog.LevelDebug
		if c.srv.stats.foreign.Add(1) == 1 {
			level = slog.LevelWarn
		}
		c.srv.log.Log(context.Background(), level, "connection closed; further ones of this kind are only counted", "peer", c.nc.RemoteAddr(), "err", err)
	case err == nil, errors.Is(err, io.EOF), errors.Is(err, net.ErrClosed), errors.Is(err, context.Canceled):
	case errors.As(err, &frame), errors.Is(err, wire.ErrMalformed), errors.Is(err, errProtocol):
		level := slog.LevelDebug
		if c.srv.stats.malformed.Add(1)%malformedTold == 1 {
			level = slog.LevelWarn
		}
		c.srv.log.Log(context.Background(), level, "connection closed: the peer sent what is no valid request; most of the further ones are only counted", "peer", c.nc.RemoteAddr(), "err", err)
	default:
		c.srv.log.Debug("connection ended", "peer", c.nc.RemoteAddr(), "err", err)
	}
}

// malformedTold is one of how many connections with an invalid request the log tells of: a peer must not be able to fill it.
const malformedTold = 1000

// errProtocol is wrapped by errors about requests that end a connection.
var errProtocol = errors.New("not served")

// drain ends reading: the requests that were read are still answered.
func (c *conn) drain() {
	c.mu.Lock()
	c.draining = true
	c.nc.SetReadDeadline(time.Now())
	c.mu.Unlock()
}

func (c *conn) isDraining() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.draining
}

// readWithin sets how long reading may take; 0 is without limit.
func (c *conn) readWithin(d time.Duration) {
	var t time.Time
	if d > 0 {
		t = time.Now().Add(d)
	}
	c.mu.Lock()
	if !c.draining {
		c.nc.SetReadDeadline(t)
	}
	c.mu.Unlock()
}

// read reads requests until there are no more. The error says why there are none.
func (c *conn) read() (err error) {
	defer func() {
		if p := recover(); p != nil {
			c.panicked(p)
		}
	}()
	if err := c.begin(); err != nil {
		return err
	}
	for {
		if err := c.next(); err != nil {
			return err
		}
	}
}

// begin waits for the first byte. A connection that sends nothing has no buffer and no writer: there may be thousands.
func (c *conn) begin() error {
	c.readWithin(c.srv.conf.FirstByte)
	first := make([]byte, 1)
	if n, err := c.nc.Read(first); n == 0 {
		if err == nil || c.isDraining() {
			err = io.EOF
		}
		return err
	}
	c.br = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(first), c.nc), readBuffer)
	return nil
}

// next reads one request and hands it on.
func (c *conn) next() error {
	key, n, err := c.await()
	if err != nil {
		return err
	}
	cost := int64(n)
	if key != keyProduce {
		cost += int64(min(decodedGrowth*n, maxDecoded))
	}
	if err := c.srv.memory.take(c.ctx, cost); err != nil {
		return err
	}
	held := true // by this function
	defer func() {
		if held {
			c.srv.memory.give(cost)
		}
	}()
	var from io.Reader = c.br
	if c.br.Buffered() < 4+n {
		from = &paced{c: c, began: time.Now(), until: time.Now().Add(c.srv.conf.allow(c.srv.conf.FrameTime, n))}
	}
	frame, err := wire.ReadFrame(from, c.srv.pool, c.srv.conf.requestBytes)
	if err != nil {
		c.answerForeign(err)
		return err
	}
	c.srv.stats.bytesIn.Add(int64(4 + n))
	c.alone.Wait()
	call, err := c.decode(frame)
	if err == nil && c.srv.rules != nil {
		err = c.consult(call)
	}
	if err != nil {
		frame.Release()
		return err
	}
	c.known = true
	call.cost = cost
	if call.produce == nil {
		frame.Release()
		c.alone.Add(1)
	} else {
		call.produce.begin(c, frame)
	}
	held = false
	c.open.Add(1)
	if !c.writes {
		c.writes = true
		c.writer.Go(c.write)
	}
	c.queue <- call // the writer always gets on: what it waits for ends with the connection
	return nil
}

// paced reads a request that holds memory before it is there. A peer that sends less than MinRate may go on as long as nobody waits for that memory.
type paced struct {
	c            *conn
	began, until time.Time
	got          int64
}

func (p *paced) Read(b []byte) (int, error) {
	for {
		p.c.readWithin(min(time.Until(p.until), p.c.srv.conf.HoldTime))
		n, err := p.c.br.Read(b)
		p.got += int64(n)
		now := time.Now()
		if n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) || p.c.isDraining() || !now.Before(p.until) {
			return n, err
		}
		held := now.Sub(p.began)
		if held >= p.c.srv.conf.HoldTime && p.c.srv.memory.wanted() && p.got < int64(held.Seconds()*float64(p.c.srv.conf.MinRate)) {
			return 0, fmt.Errorf("%w: %d bytes of a request came in %v, and others wait for the memory that it holds", errProtocol, p.got, held.Round(time.Millisecond))
		}
	}
}

// settle gives back the memory that a call was counted with.
func (c *conn) settle(call *call) {
	c.srv.memory.give(call.cost)
	call.cost = 0
}

// await waits for the next request, until it or the reader's buffer is there, and returns its key and size. It takes no memory.
func (c *conn) await() (key int16, n int, err error) {
	conf := &c.srv.conf
	for c.br.Buffered() == 0 {
		if c.isDraining() {
			return 0, 0, io.EOF
		}
		if c.known {
			c.readWithin(conf.idle)
		} else {
			c.readWithin(conf.FirstByte)
		}
		_, err := c.br.Peek(1)
		if errors.Is(err, os.ErrDeadlineExceeded) && c.open.Load() > 0 && !c.isDraining() {
			continue // it is we who are slow
		}
		if err != nil {
			return 0, 0, err
		}
	}
	if c.br.Buffered() < 8 {
		c.readWithin(conf.FrameTime)
	}
	b, err := c.br.Peek(4)
	if err != nil {
		return 0, 0, err
	}
	size := int64(int32(binary.BigEndian.Uint32(b)))
	if size < 4 || size > int64(conf.requestBytes) {
		return 0, int(max(0, min(size, 4))), nil // ReadFrame and ParseHeader say what is wrong with it
	}
	if b, err = c.br.Peek(8); err != nil {
		return 0, 0, err
	}
	key, version := int16(binary.BigEndian.Uint16(b[4:])), int16(binary.BigEndian.Uint16(b[6:]))
	if a := c.srv.apis.find(key); !c.known && size > firstRequest && (a == nil || !a.serves(version)) {
		return 0, 0, fmt.Errorf("%w: a first request of %d bytes, with key %d and version %d", errProtocol, size, key, version)
	}
	// Who sends very slowly does not even begin to hold what others wait for.
	if n := int(min(4+size, readBuffer)); c.br.Buffered() < n {
		c.readWithin(conf.FrameTime)
		if _, err := c.br.Peek(n); err != nil {
			return 0, 0, err
		}
	}
	return key, int(size), nil
}

// decode makes a call of a frame. An error ends the connection, as in Kafka.
func (c *conn) decode(frame *wire.Buffer) (*call, error) {
	h, body, err := wire.ParseHeader(frame.Bytes())
	if err != nil {
		var v *wire.VersionError
		if errors.As(err, &v) {
			return nil, fmt.Errorf("%w: %w", errProtocol, err)
		}
		return nil, err
	}
	a := c.srv.apis.find(h.Key)
	if a == nil {
		return nil, fmt.Errorf("%w: %s (key %d), version %d, from client %q", errProtocol, h.Name(), h.Key, h.Version, h.ClientID)
	}
	c.srv.stats.requests[h.Key].Add(1)
	call := &call{head: h, start: time.Now()}
	if !a.serves(h.Version) {
		if h.Key == keyApiVersions {
			call.reply = unknownApiVersions()
			return call, nil
		}
		return nil, fmt.Errorf("%w: %s, version %d, from client %q: versions %d to %d are served", errProtocol, h.Name(), h.Version, h.ClientID, a.min, a.max)
	}
	if h.Key == keyJoinGroup || h.Key == keySyncGroup {
		body = bytes.Clone(body) // the group keeps what members say of themselves; the frame is used again
	}
	if call.body, err = wire.Decode(h, body); err != nil {
		return nil, err
	}
	if h.Key == keyProduce {
		call.produce = c.srv.produces.Get().(*produce)
		call.produce.req = call.body.(*kmsg.ProduceRequest)
	}
	return call, nil
}

// answerForeign tells a peer that speaks HTTP what it has found.
func (c *conn) answerForeign(err error) {
	if !errors.Is(err, wire.ErrHTTP) || c.known {
		return
	}
	text := "This port speaks the Kafka protocol, not HTTP. Connect a Kafka client, or use the address that was given for HTTP.\n"
	c.nc.SetWriteDeadline(time.Now().Add(c.srv.conf.ResponseTime))
	fmt.Fprintf(c.nc, "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", len(text), text)
}

// panicked ends the connection and leaves the process alone.
func (c *conn) panicked(p any) {
	c.srv.stats.panics.Add(1)
	c.srv.log.Error("a request made the server panic; its connection is closed, please report it", "peer", c.nc.RemoteAddr(), "panic", p, "stack", string(debug.Stack()))
	c.cancel()
	c.nc.Close()
}
