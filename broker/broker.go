package broker

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/server"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// answerTime is how long the requests that an error of the disk met have for their answers.
const answerTime = 2 * time.Second

// The write-ahead log of a broker in memory is smaller than that of one on a disk: there its files would be memory that holds nothing. A record batch
// may have a quarter of memoryWAL.
const (
	memoryWALFile = 4 << 20
	memoryWAL     = 128 << 20
)

// Broker is an open data directory with a server on it. Its methods are safe for concurrent use.
type Broker struct {
	opts   Options
	log    *slog.Logger
	fs     vfs.FS
	dir    string
	store  *store.Store
	server *server.Server

	serving atomic.Bool // Serve was called, and nothing stops it
	stop    chan struct{}
	watch   sync.WaitGroup

	mu        sync.Mutex
	announced bool // DIR/address is ours
	closing   bool
	closed    chan struct{} // when all has ended
	closeErr  error         // set before closed is closed
}

// Open opens a data directory, after a crash with a replay of its log, and is ready when it returns. ctx bounds the opening only.
// Its errors are of type *Error.
func Open(ctx context.Context, opts Options) (*Broker, error) {
	return openWith(ctx, opts, server.Options{})
}

// OpenOn is Open on a file system that the caller keeps in memory, with a say in what is done about requests. It is for package bobbintest; what it
// takes is out of reach for programs outside this module.
func OpenOn(ctx context.Context, opts Options, fs vfs.FS, overrule server.Overruler) (*Broker, error) {
	opts.Memory, opts.fs = true, fs
	return openWith(ctx, opts, server.Options{Overrule: overrule})
}

func openWith(ctx context.Context, opts Options, so server.Options) (*Broker, error) {
	if opts.Log == nil {
		opts.Log = slog.New(slog.DiscardHandler)
	}
	settings, err := opts.validate()
	if err != nil {
		return nil, err
	}
	sto := store.Options{Settings: settings, ExpectClusterID: opts.ExpectClusterID, Log: opts.Log}
	sto.FS, sto.Dir = opts.files()
	if opts.Memory {
		sto.WALFileBytes, sto.WALBytes = memoryWALFile, memoryWAL
	}
	const op = "start the broker"
	st, err := store.Open(ctx, sto)
	if err != nil {
		return nil, newError(op, err)
	}
	b := &Broker{
		opts: opts, log: opts.Log, fs: sto.FS, dir: sto.Dir, store: st,
		stop: make(chan struct{}), closed: make(chan struct{}),
	}
	if err := b.forgetAddress(); err != nil {
		return nil, errors.Join(newError(op, err), st.Close())
	}
	so.Store, so.Log = st, opts.Log
	if host, port, _ := advertised(settings.Text(settingAdvertised)); host != "" {
		so.Advertised = func(net.Addr) (string, int32) { return host, port }
	}
	b.server = server.New(so)
	b.watch.Go(b.watchDisk)
	return b, nil
}

// watchDisk stops the server after an error of the disk.
func (b *Broker) watchDisk() {
	select {
	case <-b.stop:
		return
	case <-b.store.Failed():
	}
	if b.opts.StayReadonly {
		b.log.Error("the disk failed: only reads are served from now on", "err", b.store.Err())
		return
	}
	b.serving.Store(false)
	ctx, cancel := context.WithTimeout(context.Background(), answerTime)
	defer cancel()
	if err := b.server.Shutdown(ctx); err != nil {
		b.log.Warn("some requests were not answered after the error of the disk", "err", err)
	}
}

// Serve accepts clients until the broker stops, which is ErrClosed, or the listener or the disk fails, which is an *Error. It closes the
// listener. Several listeners can be served at one time.
func (b *Broker) Serve(l net.Listener) error {
	if !b.opts.AllowPublic {
		if err := CheckListener(l.Addr()); err != nil {
			return errors.Join(err, l.Close())
		}
	}
	b.serving.Store(true)
	err := b.server.Serve(l)
	if errors.Is(err, server.ErrClosed) {
		if disk := b.Err(); disk != nil {
			return disk
		}
		return ErrClosed
	}
	return &Error{Op: "serve", Err: err}
}

// Dial returns a connection in memory, for a client in this process.
func (b *Broker) Dial(ctx context.Context) (net.Conn, error) {
	c, err := b.server.Dial(ctx)
	if errors.Is(err, server.ErrClosed) {
		return nil, ErrClosed
	}
	return c, err
}

// ClusterID is the id that the directory got when it was made.
func (b *Broker) ClusterID() string { return b.store.ClusterID() }

// Recovered says in words what Open found: "new", "clean stop" or what it replayed.
func (b *Broker) Recovered() string { return describeRecovery(b.store.Recovery()) }

// Failed is closed when an error of the disk has ended the service of writes.
func (b *Broker) Failed() <-chan struct{} { return b.store.Failed() }

// Err returns the error of the disk that ended the service, as an *Error, or nil.
func (b *Broker) Err() error {
	if err := b.store.Err(); err != nil {
		return &Error{
			Kind: Disk, Op: "write to " + b.dir, Err: err,
			Hint: "check the disk, then start again: what was acknowledged is found then",
		}
	}
	return nil
}

// Shutdown stops accepting clients, lets the requests that have arrived finish, and closes the directory. When ctx ends first,
// what is still running is broken off. An error says that the stop was not a clean one; nothing acknowledged is lost by that.
func (b *Broker) Shutdown(ctx context.Context) error {
	return b.end(func() error { return b.server.Shutdown(ctx) })
}

// Close breaks all connections off and closes the directory.
func (b *Broker) Close() error { return b.end(b.server.Close) }

// end stops the server in the way that is given and then everything else, once; later calls wait for the first.
func (b *Broker) end(stopServer func() error) error {
	b.mu.Lock()
	first := !b.closing
	b.closing = true
	b.mu.Unlock()
	if !first {
		<-b.closed
		return b.closeErr
	}
	b.serving.Store(false)
	err := stopServer()
	close(b.stop)
	b.watch.Wait()
	if e := b.withdraw(); e != nil {
		err = errors.Join(err, newError("remove "+b.addressFile(), e))
	}
	if e := b.store.Close(); e != nil {
		err = errors.Join(err, newError("close the data directory "+b.dir, e))
	}
	b.closeErr = err
	close(b.closed)
	return err
}
