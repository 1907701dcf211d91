package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/wire"
)

// Options of a server. Only Store must be set.
type Options struct {
	Store *store.Store
	Log   *slog.Logger     // silent when nil
	Now   func() time.Time // for timestamps; time.Now when nil
	// Advertised returns the address that clients are told to connect to, for a connection that came in at local. When it is nil they are
	// told local, which is how they came.
	Advertised func(local net.Addr) (host string, port int32)
	Limits     Limits
	// Overrule is asked about every request, in tests. nil: each is handled.
	Overrule Overruler
}

// ErrClosed says that the server was shut down or closed.
var ErrClosed = errors.New("the server is closed")

// Server serves Kafka's protocol from a store. Its methods are safe for concurrent use.
type Server struct {
	store *store.Store
	log   *slog.Logger
	now   func() time.Time
	where func(net.Addr) (string, int32)
	conf  settings
	apis  table
	rules Overruler // nil but in tests

	pool        *wire.Pool
	memory      budget
	fetchMemory allowance
	unpacking   chan struct{} // one for each who decompresses at present
	produces    sync.Pool     // of *produce that are not in use
	sessions    sessions
	groups      *coordinator
	stats       counters

	ctx      context.Context // ends with Close
	cancel   context.CancelFunc
	draining chan struct{} // closed by Shutdown

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]struct{}
	conns     map[*conn]struct{}
	perIP     map[netip.Addr]int
	running   sync.WaitGroup // of connections; added to under mu while not stopping
	begun     bool           // the coordinator runs
	// background is of the coordinator's goroutines; added to while a connection or the coordinator runs.
	background sync.WaitGroup
}

// settings are the limits and those of the store's settings that do not change while it is open, parsed.
type settings struct {
	Limits
	requestBytes int
	idle         time.Duration // no limit when 0
	fetchBytes   int
	autoCreate   bool
	deleteTopics bool
}

// keptMemory is how many bytes of released requests wait for the next one.
const keptMemory = 8 << 20

// New returns a server. It has no goroutine until Serve or Dial.
func New(o Options) *Server {
	b := o.Store.Settings()
	s := &Server{
		store: o.Store, log: o.Log, now: o.Now, where: o.Advertised, apis: newTable(), rules: o.Overrule,
		conf: settings{
			Limits:       o.Limits.withDefaults(),
			requestBytes: int(b.Int("socket.request.max.bytes")),
			idle:         max(0, time.Duration(b.Int("connections.max.idle.ms"))*time.Millisecond),
			fetchBytes:   int(b.Int("fetch.max.bytes")),
			autoCreate:   b.Bool("auto.create.topics.enable"),
			deleteTopics: b.Bool("delete.topic.enable"),
		},
		pool:      wire.NewPool(keptMemory),
		unpacking: make(chan struct{}, runtime.GOMAXPROCS(0)),
		draining:  make(chan struct{}),
		listeners: make(map[net.Listener]struct{}), conns: make(map[*conn]struct{}), perIP: make(map[netip.Addr]int),
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.where == nil {
		s.where = addressOf
	}
	s.memory.limit, s.fetchMemory.limit = s.conf.RequestBytes, s.conf.FetchBytes
	s.sessions.init(int(b.Int("max.incremental.fetch.session.cache.slots")), s.now)
	s.produces.New = func() any { return newProduce() }
	s.groups = newCoordinator(s)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	return s
}

// Serve accepts connections until the listener fails or the server is shut down, which is ErrClosed. It closes the listener.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		return ErrClosed
	}
	s.listeners[l] = struct{}{}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		delete(s.listeners, l)
		s.mu.Unlock()
	}()
	wait := minAcceptWait
	for {
		nc, err := l.Accept()
		if err == nil {
			wait = minAcceptWait
			s.start(nc)
			continue
		}
		select {
		case <-s.draining:
			return ErrClosed
		default:
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("accept on %v: %w", l.Addr(), err)
		}
		// Out of file descriptors, most likely: it may pass.
		s.log.Warn("cannot accept a connection; trying again", "listener", l.Addr(), "err", err, "wait", wait)
		select {
		case <-time.After(wait):
		case <-s.draining:
			return ErrClosed
		}
		wait = min(2*wait, maxAcceptWait)
	}
}

const (
	minAcceptWait = 5 * time.Millisecond
	maxAcceptWait = time.Second
)

// partition finds a partition's log by the topic's name.
func (s *Server) partition(topic string, partition int32) (*commitlog.Log, error) {
	t := s.store.Topic(topic)
	if t == nil || partition < 0 || int(partition) >= len(t.Partitions) {
		return nil, errNoTopic
	}
	return t.Partitions[partition], nil
}

// Dial returns a connection to the server in memory, without a port.
func (s *Server) Dial(ctx context.Context) (net.Conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, context.Cause(ctx)
	}
	client, server := memPipe()
	if err := s.start(server); err != nil {
		return nil, err
	}
	return client, nil
}

// start serves a connection in goroutines of its own, or closes it at once.
func (s *Server) start(nc net.Conn) error {
	c := newConn(s, nc)
	if err := s.admit(c); err != nil {
		nc.Close()
		c.cancel()
		if !errors.Is(err, ErrClosed) && s.stats.refused.Add(1) == 1 {
			s.log.Warn("connection refused; further ones are only counted", "peer", nc.RemoteAddr(), "err", err)
		}
		return err
	}
	s.stats.accepted.Add(1)
	go func() {
		defer s.running.Done()
		defer s.dismiss(c)
		c.run()
	}()
	return nil
}

func (s *Server) admit(c *conn) error {
	most := s.store.Settings().Int("max.connections")
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.stopping:
		return ErrClosed
	case int64(len(s.conns)) >= most:
		return fmt.Errorf("there are %d connections already (max.connections)", len(s.conns))
	case c.ip.IsValid() && s.conf.ConnectionsPerIP > 0 && s.perIP[c.ip] >= s.conf.ConnectionsPerIP:
		return fmt.Errorf("there are %d connections from %v already", s.perIP[c.ip], c.ip)
	}
	s.conns[c] = struct{}{}
	if c.ip.IsValid() {
		s.perIP[c.ip]++
	}
	s.running.Add(1)
	if !s.begun {
		s.begun = true
		s.background.Go(func() { s.groups.run(s.ctx) })
	}
	return nil
}

func (s *Server) dismiss(c *conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if c.ip.IsValid() {
		if s.perIP[c.ip]--; s.perIP[c.ip] == 0 {
			delete(s.perIP, c.ip)
		}
	}
}

// Shutdown stops accepting, lets the requests that have arrived finish, answers them, and closes the connections. Fetches that wait for records
// are answered at once. When ctx ends first it closes what is left and returns the context's cause. The store stays open.
func (s *Server) Shutdown(ctx context.Context) error {
	s.stop()
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	var err error
	select {
	case <-done:
	case <-ctx.Done():
		err = context.Cause(ctx)
		s.abort()
		<-done
	}
	s.abort()
	s.background.Wait()
	s.sessions.close()
	return err
}

// Close closes all connections without an answer and waits until nothing of the server runs any more.
func (s *Server) Close() error {
	s.stop()
	s.abort()
	s.running.Wait()
	s.background.Wait()
	s.sessions.close()
	return nil
}

// stop ends accepting and reading.
func (s *Server) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stopping {
		return
	}
	s.stopping = true
	close(s.draining)
	for l := range s.listeners {
		l.Close()
	}
	for c := range s.conns {
		c.drain()
	}
}

// abort ends everything that waits.
func (s *Server) abort() {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.nc.Close()
	}
}

// addressOf is where a client came to.
func addressOf(local net.Addr) (string, int32) {
	ap, err := netip.ParseAddrPort(local.String())
	if err != nil {
		return local.Network(), 1 // a connection in memory: its dialer ignores the address
	}
	return ap.Addr().Unmap().WithZone("").String(), int32(ap.Port())
}
