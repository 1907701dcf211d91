package bobbintest

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Options of a broker. The zero value is what Start takes.
type Options struct {
	Durability string            // sync, interval:100ms or os, as broker.Options has it; sync when empty
	Settings   map[string]string // the broker's settings by Kafka's names; a rebalance's first delay is 0 and not 3 s when they say nothing
	Log        *slog.Logger      // when nil, warnings and errors go to the test's output
}

// Broker is the real broker on a computer of its own, whose disk is memory: it can lose its power, be killed and come back. Its methods are safe for
// concurrent use.
type Broker struct {
	opts Options
	turn chan struct{} // held by whoever starts or stops it. A channel: waiting for a mutex would keep virtual time from going on
	jam  jam
	way  time.Duration // that every request takes to the broker

	mu     sync.Mutex // guards all below; held for a few instructions
	disk   *vfs.Mem
	full   bool
	life   *life // nil while it is down
	faults []*fault
}

// virtualWay is how long a request is on its way in virtual time. Were it no time, a client that asks again at once, such as one that has yet to learn of a
// new leader epoch, would keep time from passing for good.
const virtualWay = time.Millisecond

// life is one run of the broker.
type life struct {
	*broker.Broker
	quiet atomic.Bool // what it still has to say is of no interest
}

// Start runs a broker until the test ends. Its topics are made by CreateTopic, or by any client.
func Start(t testing.TB) *Broker {
	t.Helper()
	return StartWith(t, Options{})
}

// StartWith is Start with options.
func StartWith(t testing.TB, opts Options) *Broker {
	t.Helper()
	if opts.Log == nil {
		opts.Log = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	settings := map[string]string{"group.initial.rebalance.delay.ms": "0"}
	maps.Copy(settings, opts.Settings)
	opts.Settings = settings
	b := &Broker{opts: opts, turn: make(chan struct{}, 1), disk: vfs.NewMem()}
	if now := time.Now(); now == now.Round(0) { // only in a bubble the clock has no monotonic reading
		b.way = virtualWay
	}
	b.start(t)
	t.Cleanup(func() {
		if err := b.end((*broker.Broker).Close); err != nil {
			t.Errorf("bobbintest: the broker did not stop well: %v", err)
		}
	})
	return b
}

// start opens a broker on the disk as it is.
func (b *Broker) start(t testing.TB) {
	t.Helper()
	if b.up() {
		return
	}
	b.mu.Lock()
	disk := b.disk
	b.mu.Unlock()
	l := new(life)
	opened, err := broker.OpenOn(context.Background(), broker.Options{
		Durability: b.opts.Durability, Settings: b.opts.Settings, Log: slog.New(muffler{b.opts.Log.Handler(), &l.quiet}),
	}, b.jam.on(disk), b.rule)
	if err != nil {
		t.Fatalf("bobbintest: %v", err)
	}
	l.Broker = opened
	b.mu.Lock()
	b.life = l
	b.mu.Unlock()
}

// up says whether the broker runs.
func (b *Broker) up() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.life != nil
}

// end stops the broker in the way that is given, if it runs.
func (b *Broker) end(stop func(*broker.Broker) error) error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	b.mu.Lock()
	l, full := b.life, b.full
	b.life = nil
	b.mu.Unlock()
	if l == nil {
		return nil
	}
	b.jam.end() // a stop waits for the disk
	l.quiet.Store(full)
	if err := stop(l.Broker); err != nil && !full {
		return err
	}
	return nil
}

// Dial connects to the broker in memory. Any client library that takes a dialer can use it; network and address say nothing. While the broker is down
// connections are refused.
func (b *Broker) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	b.mu.Lock()
	l := b.life
	b.mu.Unlock()
	err := error(syscall.ECONNREFUSED)
	if l != nil {
		var conn net.Conn
		if conn, err = l.Broker.Dial(ctx); err == nil {
			return conn, nil
		}
		if errors.Is(err, broker.ErrClosed) {
			err = syscall.ECONNREFUSED
		}
	}
	return nil, &net.OpError{Op: "dial", Net: network, Addr: addr(address), Err: err}
}

// addr is where somebody wanted to connect to.
type addr string

func (addr) Network() string  { return "memory" }
func (a addr) String() string { return string(a) }

// muffler passes messages on until there is quiet.
type muffler struct {
	slog.Handler
	quiet *atomic.Bool
}

func (m muffler) Enabled(ctx context.Context, level slog.Level) bool {
	return !m.quiet.Load() && m.Handler.Enabled(ctx, level)
}

func (m muffler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return muffler{m.Handler.WithAttrs(attrs), m.quiet}
}

func (m muffler) WithGroup(name string) slog.Handler {
	return muffler{m.Handler.WithGroup(name), m.quiet}
}
