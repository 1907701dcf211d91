package store

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

const (
	lockFile      = ".lock"
	walDir        = "wal"
	quarantineDir = "quarantine"
)

// Store is an open data directory. Its methods are safe for concurrent use.
type Store struct {
	opts  Options
	ident *identity
	lock  io.Closer
	files *vfs.Cache
	eng   *commitlog.Engine
	wal   *wal.Log
	start Recovery

	settings atomic.Pointer[catalog.Broker] // in force; changes under mu

	mu      sync.RWMutex
	catalog catalog.Catalog // as decided: what is visible may be behind it
	byName  map[string]*Topic
	byID    map[catalog.ID]*Topic
	sorted  []*Topic                 // nil when it must be made again
	leaving map[string]chan struct{} // names whose directories are on their way out; closed when the name is free
	doomed  []doomed
	latest  *change // the last one appended
	closed  bool
	offline int // partitions

	plain   atomic.Pointer[plainSettings]
	ids     chan idBlock // holds the stock of producer ids; whoever has it may refill it
	failing atomic.Bool  // somebody is closing failed
	failed  chan struct{}
	err     error // why the store failed; set before failed is closed

	checkpoints checkpointer
	retention   retention
	clock       clock
	cleaner     cleaner
	removals    removals
	ctx         context.Context // of the owner's goroutines
	cancel      context.CancelFunc
	done        sync.WaitGroup
}

// Recovery says what Open found.
type Recovery struct {
	New        bool          // the directory was empty
	Clean      bool          // it was stopped cleanly, or is new
	Checkpoint uint64        // the number of the checkpoint it started from
	Groups     int           // read from the write-ahead log
	Bytes      int64         // of them
	Torn       string        // what stood behind the last group; empty for nothing
	Took       time.Duration // from Open's start to its end
	Offline    []error       // partitions that are not served, with the reason
}

// Open opens a data directory. It returns a *vfs.LockedError when another process has it, *NewerError, *LostError, *DamagedError, or
// an error of package wal when its log is damaged. ctx bounds the recovery only.
func Open(ctx context.Context, opts Options) (_ *Store, err error) {
	opts, err = opts.withDefaults()
	if err != nil {
		return nil, err
	}
	s := &Store{
		opts: opts, byName: make(map[string]*Topic), byID: make(map[catalog.ID]*Topic), leaving: make(map[string]chan struct{}),
		ids: make(chan idBlock, 1), failed: make(chan struct{}),
	}
	s.ids <- idBlock{}
	s.settings.Store(opts.Settings)
	s.ctx, s.cancel = context.WithCancel(context.Background())
	began := opts.Now()
	if err := makeDurably(opts.FS, opts.Dir); err != nil {
		return nil, fmt.Errorf("data directory: %w", err)
	}
	if s.lock, err = opts.FS.Lock(filepath.Join(opts.Dir, lockFile)); err != nil {
		return nil, fmt.Errorf("data directory %s: %w", opts.Dir, err)
	}
	defer func() {
		if err != nil {
			s.abandon()
		}
	}()
	s.files = vfs.NewCache(opts.FS, opts.OpenFiles)
	s.files.OnSyncError(s.fail)
	s.clock.init(opts.Now, opts.RetentionEvery, opts.Log)
	s.retention.init()
	s.cleaner.init(s)
	s.checkpoints.init(s)
	s.removals.init()
	s.eng = commitlog.NewEngine(commitlog.Options{
		FS: opts.FS, Dir: opts.Dir, Files: s.files, TailBytes: opts.TailBytes, PieceBytes: opts.PieceBytes, Log: opts.Log,
		OnRoll: s.rolled, OnFailure: s.fail,
	})
	s.cleaner.make()
	if err := s.recover(ctx); err != nil {
		return nil, err
	}
	s.done.Go(s.checkpointLoop)
	s.done.Go(s.retentionLoop)
	s.done.Go(s.removeLoop)
	s.done.Go(s.cleanLoop)
	s.start.Took = opts.Now().Sub(began)
	return s, nil
}

// makeDurably makes a directory, and those above it, so that a power cut does not take them away again.
func makeDurably(fsys vfs.FS, dir string) error {
	var made []string
	for d := filepath.Clean(dir); ; d = filepath.Dir(d) {
		if _, err := fsys.Stat(d); err == nil || d == filepath.Dir(d) {
			break
		}
		made = append(made, d)
	}
	if err := fsys.MkdirAll(dir); err != nil {
		return err
	}
	for _, d := range made {
		if err := fsys.SyncDir(filepath.Dir(d)); err != nil {
			return err
		}
	}
	return nil
}

// abandon gives back what a failed Open has taken.
func (s *Store) abandon() {
	s.cancel()
	if s.eng != nil {
		s.eng.Close()
	}
	if s.wal != nil {
		s.wal.Close()
	}
	if s.files != nil {
		s.files.Close()
	}
	s.lock.Close()
}

// Close makes a last checkpoint, so that the next Open has nothing to read from the log, and closes everything. Appends must be over. An
// error says that the stop was not a clean one; nothing acknowledged is lost by that.
func (s *Store) Close() error { return s.close(true) }

// Abort closes everything as it is, as a crash would leave it, but for what memory holds.
func (s *Store) Abort() error { return s.close(false) }

func (s *Store) close(clean bool) error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return nil
	}
	s.closed = true
	s.mu.Unlock()
	s.cancel()
	s.done.Wait()
	<-s.cleaner.turn // whoever compacts has stopped
	var err error
	if clean && s.Err() == nil {
		s.removeDoomed()
		err = s.checkpoint(true)
	}
	s.eng.Close()
	err = errors.Join(err, s.wal.Close())
	for _, t := range s.Topics() {
		for _, l := range t.Partitions {
			l.Close()
		}
	}
	return errors.Join(err, s.files.Close(), s.lock.Close())
}

// fail is called with errors of the disk outside the write-ahead log. The first one ends the store's service.
func (s *Store) fail(err error) {
	if !s.failing.CompareAndSwap(false, true) {
		return
	}
	if s.wal != nil {
		s.wal.Fail(err)
	}
	s.end(err)
}

// walFailed is told by the write-ahead log that it failed.
func (s *Store) walFailed(err error) {
	if s.failing.CompareAndSwap(false, true) {
		s.end(err)
	}
}

func (s *Store) end(err error) {
	s.err = err
	close(s.failed)
	s.opts.Log.Error("the disk failed: nothing is acknowledged any more; what was acknowledged is found by the next start", "err", err)
}

// Failed is closed when an error of the disk has ended the service; Err says which.
func (s *Store) Failed() <-chan struct{} { return s.failed }

// Err is the error of the disk that ended the service, or nil.
func (s *Store) Err() error {
	select {
	case <-s.failed:
		return s.err
	default:
		return nil
	}
}

// Recovery says what Open found.
func (s *Store) Recovery() Recovery { return s.start }

// ClusterID is the cluster's id, made when the directory was.
func (s *Store) ClusterID() string { return s.ident.clusterID }

// NodeID is the broker's number.
func (s *Store) NodeID() int32 { return s.ident.nodeID }

// Dir is the data directory, as it was named.
func (s *Store) Dir() string { return s.opts.Dir }

// DirectoryID is the data directory's id, made when it was.
func (s *Store) DirectoryID() string { return s.ident.directoryID }

// Version returns how many changes of the catalog there were since the directory was made, and how many unclean starts.
func (s *Store) Version() (changes uint64, epoch int32) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.catalog.Version(), s.catalog.Epoch()
}

// Settings are the broker's that are in force: those of the options, and what was changed since.
func (s *Store) Settings() *catalog.Broker { return s.settings.Load() }

// Stats are figures for operators.
type Stats struct {
	WAL         wal.Stats
	TailBytes   int64 // memory of records that are not in their segments yet
	OpenFiles   int   // dirty ones
	Topics      int
	Partitions  int64
	Offline     int   // partitions that are not served
	Checkpoints int64 // made since Open
	DiskFree    int64
	DiskTotal   int64
	Compaction  CompactionStats
}

// Stats returns the figures of this moment.
func (s *Store) Stats() Stats {
	st := Stats{WAL: s.wal.Stats(), TailBytes: s.eng.Memory(), OpenFiles: s.files.Dirty(), Checkpoints: s.checkpoints.made.Load()}
	s.mu.RLock()
	st.Topics, st.Partitions, st.Offline = s.catalog.Len(), s.catalog.Partitions(), s.offline
	s.mu.RUnlock()
	st.Compaction = s.cleaner.stats()
	if sp, err := s.opts.FS.Space(s.opts.Dir); err == nil {
		st.DiskFree, st.DiskTotal = sp.Free, sp.Total
	}
	return st
}

// LogBytes is the bytes of all partitions' record batches. It looks at each partition.
func (s *Store) LogBytes() (n int64) {
	for _, t := range s.Topics() {
		for _, l := range t.Partitions {
			n += l.Size()
		}
	}
	return n
}

// salt gives random numbers for the write-ahead log's files.
func (s *Store) salt() uint64 {
	var b [8]byte
	if _, err := io.ReadFull(s.opts.Random, b[:]); err != nil {
		return uint64(s.opts.Now().UnixNano()) // unique enough: a salt tells lives of a file apart
	}
	return binary.LittleEndian.Uint64(b[:])
}

func (s *Store) now() int64 { return s.opts.Now().UnixMilli() }
