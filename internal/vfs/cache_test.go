package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// watchFS counts open files and notices a file that is closed with writes that no sync covers.
type watchFS struct {
	FS
	opens, open, most atomic.Int64
	lost              atomic.Int64
}

func (w *watchFS) Open(name string, mode Mode) (File, error) {
	w.opens.Add(1)
	f, err := w.FS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	n := w.open.Add(1)
	for most := w.most.Load(); n > most && !w.most.CompareAndSwap(most, n); most = w.most.Load() {
	}
	return &watchFile{File: f, w: w}, nil
}

func (w *watchFS) SyncFS(string) error { return errors.ErrUnsupported }

type watchFile struct {
	File
	w     *watchFS
	dirty atomic.Bool
}

func (f *watchFile) WriteAt(p []byte, off int64) (int, error) {
	f.dirty.Store(true)
	return f.File.WriteAt(p, off)
}

func (f *watchFile) Sync() error {
	f.dirty.Store(false)
	return f.File.Sync()
}

func (f *watchFile) Close() error {
	f.w.open.Add(-1)
	if f.dirty.Load() {
		f.w.lost.Add(1)
	}
	return f.File.Close()
}

func get(t testing.TB, c *Cache, name string, mode Mode) *Handle {
	t.Helper()
	return must2(c.Get(at(name), mode))(t)
}

// put writes a byte and releases the file.
func put(t testing.TB, c *Cache, name string) {
	t.Helper()
	h := get(t, c, name, Create)
	write(t, h, []byte("x"), 0)
	h.Release()
}

func TestTheCacheKeepsToItsLimitAndSyncsWhatItCloses(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 3)
	for i := range 20 {
		put(t, c, fmt.Sprint(i))
	}
	if most := w.most.Load(); most != 3 {
		t.Errorf("%d files were open", most)
	}
	if c.Dirty() != 3 {
		t.Errorf("Dirty() = %d", c.Dirty())
	}
	must(t, c.Close())
	if w.open.Load() != 0 || w.lost.Load() != 0 {
		t.Errorf("%d files are open, %d were closed unsynced", w.open.Load(), w.lost.Load())
	}
	if _, err := c.Get(at("1"), ReadOnly); !errors.Is(err, fs.ErrClosed) {
		t.Errorf("Get after Close: %v", err)
	}
	must(t, c.Close())
}

func TestFilesInUseExceedTheLimitForAsLongAsTheyAreUsed(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 2)
	var hs []*Handle
	for i := range 5 {
		hs = append(hs, get(t, c, fmt.Sprint(i), Create))
	}
	if n := w.open.Load(); n != 5 {
		t.Errorf("%d files are open", n)
	}
	write(t, hs[4], []byte("x"), 0)
	for _, h := range hs {
		h.Release()
		h.Release()
	}
	if n := w.open.Load(); n != 2 {
		t.Errorf("%d files are open when none is in use", n)
	}
	must(t, c.Close())
}

func TestOneOpenServesAll(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 10)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			h, err := c.Get(at("f"), Create)
			if err != nil {
				t.Error(err)
				return
			}
			defer h.Release()
			r, err := c.Get(at("f"), ReadOnly) // shares what can write
			if err != nil {
				t.Error(err)
				return
			}
			r.Release()
		})
	}
	wg.Wait()
	if n := w.opens.Load(); n != 1 {
		t.Errorf("opened %d times", n)
	}
	d := get(t, c, "f", ReadWrite|Direct)
	if !d.Direct() || w.opens.Load() != 2 {
		t.Error("a direct file is not a file of its own")
	}
	d.Release()
	if _, err := c.Get(at("f"), CreateNew); !errors.Is(err, fs.ErrExist) {
		t.Errorf("CreateNew of an open file: %v", err)
	}
	must(t, c.Close())
}

func TestAGetThatFailsLeavesNothing(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 1)
	for range 3 {
		if _, err := c.Get(at("f"), ReadWrite); !errors.Is(err, fs.ErrNotExist) {
			t.Fatal(err)
		}
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			mode := ReadWrite
			if i%2 == 0 {
				mode = Create // must not get another's ErrNotExist
			}
			h, err := c.Get(at("g"), mode)
			if err == nil {
				h.Release()
			} else if mode == Create {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	must(t, c.Close())
	if c.open != 0 || w.open.Load() != 0 {
		t.Errorf("the cache counts %d open files of %d", c.open, w.open.Load())
	}
}

func TestSyncsInTheTrace(t *testing.T) {
	var log strings.Builder
	c := NewCache(WithTrace(newMem(t), memDir, &log), 100)
	syncs := func() string {
		var got []string
		for line := range strings.Lines(log.String()) {
			if strings.HasPrefix(line, "sync") {
				got = append(got, strings.TrimSpace(line))
			}
		}
		log.Reset()
		return strings.Join(got, ", ")
	}
	put(t, c, "a")
	put(t, c, "b")
	put(t, c, "c")
	must(t, c.Sync(at("c"), at("a"), at("none")))
	must(t, c.Sync(at("c"), at("a")))
	if d := cmp.Diff("sync a, sync c", syncs()); d != "" {
		t.Error(d)
	}
	put(t, c, "a")
	d := get(t, c, "a", ReadWrite|Direct)
	write(t, d, AlignedBuffer(BlockSize), 0)
	must(t, d.Sync())
	must(t, d.Sync())
	d.Release()
	must(t, c.SyncDirty(memDir))
	must(t, c.SyncDirty(memDir))
	if d := cmp.Diff("sync a, sync a, sync b", syncs()); d != "" {
		t.Error(d)
	}
	put(t, c, "a")
	d = get(t, c, "a", ReadWrite|Direct)
	write(t, d, AlignedBuffer(BlockSize), 0)
	d.Release()
	must(t, c.Sync(at("a"))) // one for both open files
	for i := range syncFSFrom {
		put(t, c, fmt.Sprint(i))
	}
	must(t, c.SyncDirty(memDir))
	if d := cmp.Diff("sync a, syncfs .", syncs()); d != "" {
		t.Error(d)
	}
	if c.Dirty() != 0 {
		t.Errorf("Dirty() = %d", c.Dirty())
	}
	must(t, c.Close())
	if d := cmp.Diff("", syncs()); d != "" {
		t.Error(d)
	}
}

func TestManyFilesAreSyncedOneByOneWhereThereIsNoSyncFS(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 100)
	for i := range 2 * syncFSFrom {
		put(t, c, fmt.Sprint(i))
	}
	must(t, c.SyncDirty(memDir))
	if c.Dirty() != 0 {
		t.Errorf("Dirty() = %d", c.Dirty())
	}
	must(t, c.Close())
}

// syncsFS counts syncs, and stops at those of the file system while it is held.
type syncsFS struct {
	*watchFS
	files, all atomic.Int64
	entered    chan struct{}
	held       chan struct{}
}

func (w *syncsFS) Open(name string, mode Mode) (File, error) {
	f, err := w.watchFS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return &syncsFile{f.(*watchFile), w}, nil
}

func (w *syncsFS) SyncFS(dir string) error {
	w.all.Add(1)
	if w.held != nil {
		w.entered <- struct{}{}
		<-w.held
	}
	return w.watchFS.FS.SyncFS(dir)
}

type syncsFile struct {
	*watchFile
	w *syncsFS
}

func (f *syncsFile) Sync() error {
	f.w.files.Add(1)
	return f.watchFile.Sync()
}

// Where all files that might be closed have unsynced writes, one sync of the file system makes room for many.
func TestRoomIsMadeForManyFilesAtOnce(t *testing.T) {
	const limit, files = 50, 1000
	w := &syncsFS{watchFS: &watchFS{FS: newMem(t)}}
	c := NewCache(w, limit)
	for i := range files {
		put(t, c, fmt.Sprint(i))
	}
	if all, each := w.all.Load(), w.files.Load(); all > files/limit || each > 0 || w.most.Load() > limit {
		t.Errorf("%d syncs of the file system, %d of files, %d files open at one time; want at most %d, 0 and %d", all, each, w.most.Load(), files/limit, limit)
	}
	must(t, c.Close())
}

// While somebody syncs to make room, others get their files.
func TestNobodyWaitsForRoomThatAnotherMakes(t *testing.T) {
	w := &syncsFS{watchFS: &watchFS{FS: newMem(t)}, entered: make(chan struct{}), held: make(chan struct{})}
	c := NewCache(w, 2*syncFSFrom)
	for i := range 2 * syncFSFrom {
		put(t, c, fmt.Sprint(i))
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		put(t, c, "one more")
	}()
	<-w.entered
	put(t, c, "another")
	close(w.held)
	<-done
	w.held = nil
	must(t, c.Close())
}

func TestASyncErrorStays(t *testing.T) {
	rule := &Rule{Op: OpSync, Name: "bad", Err: syscall.EIO}
	w := &watchFS{FS: WithFaults(newMem(t), rule)}
	c := NewCache(w, 1)
	told := 0
	c.OnSyncError(func(err error) {
		told++
		if !errors.Is(err, syscall.EIO) || c.Err() == nil {
			t.Errorf("told of %v", err)
		}
	})
	put(t, c, "bad")
	for range 2 { // the disk would accept a second sync
		if err := c.Sync(at("bad")); !errors.Is(err, syscall.EIO) {
			t.Errorf("Sync = %v", err)
		}
	}
	if c.Dirty() != 1 {
		t.Error("the file is clean")
	}
	put(t, c, "good")
	must(t, c.Sync(at("good")))
	if err := c.SyncDirty(memDir); !errors.Is(err, syscall.EIO) {
		t.Errorf("SyncDirty = %v", err)
	}
	if err := c.Err(); !errors.Is(err, syscall.EIO) || told != 1 {
		t.Errorf("Err() = %v, told %d times", err, told)
	}
	if err := c.Close(); !errors.Is(err, syscall.EIO) {
		t.Errorf("Close = %v", err)
	}
	if rule.Hits() != 1 || w.open.Load() != 0 {
		t.Errorf("%d hits, %d open", rule.Hits(), w.open.Load())
	}
}

func TestAWriteDuringASyncStaysDirty(t *testing.T) {
	var h *Handle
	rule := &Rule{Op: OpSync, Delay: func() { h.WriteAt([]byte("y"), 0) }}
	c := NewCache(WithFaults(newMem(t), rule), 10)
	h = get(t, c, "f", Create)
	write(t, h, []byte("x"), 0)
	must(t, c.Sync(at("f")))
	if c.Dirty() != 1 {
		t.Error("a write during the sync is reported clean")
	}
	must(t, c.Sync(at("f")))
	if c.Dirty() != 0 {
		t.Error("a synced file is dirty")
	}
	h.Release()
	must(t, c.Close())
}

func TestAForgottenFileIsNotSynced(t *testing.T) {
	var log strings.Builder
	w := &watchFS{FS: WithTrace(newMem(t), memDir, &log)}
	c := NewCache(w, 10)
	put(t, c, "idle")
	held := get(t, c, "held", Create)
	write(t, held, []byte("x"), 0)
	c.Forget(at("idle"))
	c.Forget(at("held"))
	c.Forget(at("none"))
	if c.Dirty() != 0 || w.open.Load() != 1 {
		t.Errorf("%d dirty, %d open", c.Dirty(), w.open.Load())
	}
	must(t, w.Remove(at("held")))
	write(t, held, []byte("y"), 0)
	put(t, c, "held") // another file
	held.Release()
	if w.open.Load() != 1 {
		t.Errorf("%d open", w.open.Load())
	}
	c.Forget(at("held"))
	must(t, c.Close())
	if strings.Contains(log.String(), "sync") {
		t.Errorf("synced:\n%s", &log)
	}
}

func TestARenamedFileStaysOpenAndDirty(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 10)
	put(t, c, "b")
	h := get(t, c, "a", Create)
	write(t, h, []byte("a"), 0)
	must(t, c.Rename(at("a"), at("b")))
	if h.Name() != at("b") {
		t.Errorf("Name() = %q", h.Name())
	}
	if c.Dirty() != 1 || w.open.Load() != 1 {
		t.Errorf("%d dirty, %d open", c.Dirty(), w.open.Load())
	}
	must(t, c.Sync(at("b")))
	if c.Dirty() != 0 {
		t.Error("the file is dirty after a sync under its new name")
	}
	if _, err := c.Get(at("a"), ReadOnly); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get of the old name: %v", err)
	}
	if err := c.Rename(at("none"), at("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Rename of nothing: %v", err)
	}
	h.Release()
	must(t, c.Close())
}

func TestCloseTellsOfFilesInUse(t *testing.T) {
	w := &watchFS{FS: newMem(t)}
	c := NewCache(w, 10)
	h := get(t, c, "f", Create)
	write(t, h, []byte("x"), 0)
	if err := c.Close(); err == nil || !strings.Contains(err.Error(), "1 still in use") {
		t.Errorf("Close = %v", err)
	}
	h.Release()
	if w.open.Load() != 0 || w.lost.Load() != 0 {
		t.Errorf("%d open, %d lost", w.open.Load(), w.lost.Load())
	}
}

// Everything at once: no file is closed with unsynced writes, each byte that was synced is on the disk, and the limit holds with a
// margin for what is in use.
func TestTheCacheUnderConcurrency(t *testing.T) {
	m := newMem(t)
	w := &watchFS{FS: m}
	const workers, limit, names = 8, 4, 12
	c := NewCache(w, limit)
	for i := range names {
		put(t, c, fmt.Sprint(i))
	}
	must(t, m.SyncDir(memDir))
	var wg sync.WaitGroup
	for id := range workers {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(1, uint64(id)))
			for i := range 300 {
				name := fmt.Sprint(r.IntN(names))
				switch r.IntN(10) {
				case 0:
					if err := c.Rename(at(name), at(name+"moved")); err == nil {
						if err := c.Rename(at(name+"moved"), at(name)); err != nil {
							t.Error(err)
						}
					}
				case 1:
					if err := c.SyncDirty(memDir); err != nil {
						t.Error(err)
					}
				case 2:
					c.Dirty()
				default:
					h, err := c.Get(at(name), ReadWrite)
					if errors.Is(err, fs.ErrNotExist) {
						continue // renamed just now
					}
					if err != nil {
						t.Error(err)
						return
					}
					if _, err := h.WriteAt([]byte{byte(i), byte(i)}, int64(id)*2); err != nil {
						t.Error(err)
					}
					if err := c.Sync(h.Name()); err != nil {
						t.Error(err)
					}
					h.Release()
				}
			}
		})
	}
	wg.Wait()
	if n := w.open.Load(); n > limit {
		t.Errorf("%d files are open when none is in use", n)
	}
	if most := w.most.Load(); most > limit+workers {
		t.Errorf("%d files were open", most)
	}
	must(t, c.Close())
	if w.open.Load() != 0 || w.lost.Load() != 0 {
		t.Errorf("%d open, %d lost", w.open.Load(), w.lost.Load())
	}
	must(t, m.SyncDir(memDir))
	if d := cmp.Diff(tree(t, m, memDir), tree(t, m.Crash(Crash{Keep: KeepNone}), memDir)); d != "" {
		t.Errorf("the disk differs: %s", d)
	}
}
