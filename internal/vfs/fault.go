package vfs

import (
	"errors"
	"io"
	"path"
	"strings"
	"sync"
)

// Rule makes operations fail, wait or lie. Its exported fields must not change once it is in use.
type Rule struct {
	Op Op
	// Name is a pattern of path.Match for as many of a path's last elements as it has itself: "*.log", "orders-0/*". "" is any path.
	Name  string
	After int // that many matching operations pass before the rule takes effect
	Times int // on how many it takes effect: 0 is one, below 0 is all
	// Err is returned. Without it the operation takes place.
	Err error
	// Short lets a write that fails write its first half.
	Short bool
	// Flip turns a bit around in what is read.
	Flip bool
	// Delay is called before the operation, without a lock.
	Delay func()

	mu      sync.Mutex // guards all below
	matched int
	hits    int
	off     bool
}

// Hits returns how many operations the rule took effect on.
func (r *Rule) Hits() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.hits
}

// Disable ends the rule.
func (r *Rule) Disable() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.off = true
}

// take says whether the rule takes effect on an operation, and counts it.
func (r *Rule) take(op Op, names []string) bool {
	if r.Op != OpAny && r.Op != op || !r.matches(names) {
		return false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.off {
		return false
	}
	r.matched++
	if r.matched <= r.After || r.Times >= 0 && r.hits >= max(1, r.Times) {
		return false
	}
	r.hits++
	return true
}

func (r *Rule) matches(names []string) bool {
	if r.Name == "" {
		return true
	}
	n := strings.Count(r.Name, "/") + 1
	for _, name := range names {
		parts := split(name)
		tail := strings.Join(parts[max(0, len(parts)-n):], "/")
		if ok, err := path.Match(r.Name, tail); ok && err == nil {
			return true
		}
	}
	return false
}

// WithFaults returns a file system on which rules take effect, the first one that gives an error before the others.
func WithFaults(fsys FS, rules ...*Rule) FS { return &faultFS{fs: fsys, rules: rules} }

type faultFS struct {
	fs    FS
	rules []*Rule
}

// effect is what the rules do to one operation.
type effect struct {
	err         error
	short, flip bool
}

func (f *faultFS) check(op Op, names ...string) (e effect) {
	for _, r := range f.rules {
		if e.err != nil {
			return e
		}
		if !r.take(op, names) {
			continue
		}
		if r.Delay != nil {
			r.Delay()
		}
		e.err, e.short, e.flip = pathError(op.String(), names[0], r.Err), r.Short, e.flip || r.Flip
	}
	return e
}

func (f *faultFS) Open(name string, mode Mode) (File, error) {
	if e := f.check(OpOpen, name); e.err != nil {
		return nil, e.err
	}
	file, err := f.fs.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return &faultFile{File: file, f: f}, nil
}

func (f *faultFS) Remove(name string) error {
	if e := f.check(OpRemove, name); e.err != nil {
		return e.err
	}
	return f.fs.Remove(name)
}

func (f *faultFS) Rename(from, to string) error {
	if e := f.check(OpRename, from, to); e.err != nil {
		return e.err
	}
	return f.fs.Rename(from, to)
}

func (f *faultFS) MkdirAll(dir string) error {
	if e := f.check(OpMkdir, dir); e.err != nil {
		return e.err
	}
	return f.fs.MkdirAll(dir)
}

func (f *faultFS) List(dir string) ([]Info, error) {
	if e := f.check(OpList, dir); e.err != nil {
		return nil, e.err
	}
	return f.fs.List(dir)
}

func (f *faultFS) Stat(name string) (Info, error) {
	if e := f.check(OpList, name); e.err != nil {
		return Info{}, e.err
	}
	return f.fs.Stat(name)
}

func (f *faultFS) SyncDir(dir string) error {
	if e := f.check(OpSyncDir, dir); e.err != nil {
		return e.err
	}
	return f.fs.SyncDir(dir)
}

func (f *faultFS) SyncFS(dir string) error {
	if e := f.check(OpSyncFS, dir); e.err != nil {
		return e.err
	}
	return f.fs.SyncFS(dir)
}

func (f *faultFS) Lock(name string) (io.Closer, error) {
	if e := f.check(OpLock, name); e.err != nil {
		return nil, e.err
	}
	return f.fs.Lock(name)
}

func (f *faultFS) Space(dir string) (Space, error) { return f.fs.Space(dir) }

// faultFile matches rules by the name it was opened by.
type faultFile struct {
	File
	f *faultFS
}

func (f *faultFile) ReadAt(p []byte, off int64) (int, error) { return f.read(p, off, f.File.ReadAt) }

func (f *faultFile) ReadOnceAt(p []byte, off int64) (int, error) {
	return f.read(p, off, f.File.ReadOnceAt)
}

func (f *faultFile) read(p []byte, off int64, readAt func([]byte, int64) (int, error)) (int, error) {
	e := f.f.check(OpRead, f.Name())
	if e.err != nil {
		return 0, e.err
	}
	n, err := readAt(p, off)
	if e.flip && n > 0 {
		p[n/2] ^= 1 << 3
	}
	return n, err
}

func (f *faultFile) WriteAt(p []byte, off int64) (int, error) {
	e := f.f.check(OpWrite, f.Name())
	if e.err == nil {
		return f.File.WriteAt(p, off)
	}
	if !e.short {
		return 0, e.err
	}
	n, err := f.File.WriteAt(p[:f.half(len(p))], off)
	return n, errors.Join(e.err, err)
}

func (f *faultFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	e := f.f.check(OpWrite, f.Name())
	if e.err == nil {
		return f.File.WritevAt(bufs, off)
	}
	if !e.short {
		return 0, e.err
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	var some [][]byte
	for left := f.half(size); left > 0; bufs = bufs[1:] {
		b := bufs[0][:min(left, len(bufs[0]))]
		some, left = append(some, b), left-len(b)
	}
	n, err := f.File.WritevAt(some, off)
	return n, errors.Join(e.err, err)
}

// half is about half of a write; whole blocks of a direct one.
func (f *faultFile) half(n int) int {
	if f.Direct() {
		return n / 2 &^ (BlockSize - 1)
	}
	return n / 2
}

func (f *faultFile) Truncate(size int64) error {
	if e := f.f.check(OpTruncate, f.Name()); e.err != nil {
		return e.err
	}
	return f.File.Truncate(size)
}

func (f *faultFile) Allocate(off, n int64) error {
	if e := f.f.check(OpAllocate, f.Name()); e.err != nil {
		return e.err
	}
	return f.File.Allocate(off, n)
}

func (f *faultFile) Sync() error {
	if e := f.f.check(OpSync, f.Name()); e.err != nil {
		return e.err
	}
	return f.File.Sync()
}
