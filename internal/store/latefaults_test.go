package store

import (
	"sync/atomic"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// lateFaults is a file system on which a rule takes effect from a moment on, also in files that are open then.
type lateFaults struct {
	vfs.FS
	faulty vfs.FS
	rule   *vfs.Rule
	on     atomic.Bool
}

func withLateFaults(fsys vfs.FS, rule *vfs.Rule) *lateFaults {
	return &lateFaults{FS: fsys, faulty: vfs.WithFaults(fsys, rule), rule: rule}
}

func (l *lateFaults) now() vfs.FS {
	if l.on.Load() {
		return l.faulty
	}
	return l.FS
}

func (l *lateFaults) Open(name string, mode vfs.Mode) (vfs.File, error) {
	fsys := l.now()
	f, err := fsys.Open(name, mode)
	if err != nil || fsys == l.faulty || l.rule.Op == vfs.OpOpen {
		return f, err
	}
	bad, err := l.faulty.Open(name, mode&vfs.Direct|vfs.ReadWrite)
	if err != nil {
		f.Close()
		return nil, err
	}
	return &lateFile{File: f, bad: bad, l: l}, nil
}

func (l *lateFaults) Remove(name string) error     { return l.now().Remove(name) }
func (l *lateFaults) Rename(from, to string) error { return l.now().Rename(from, to) }
func (l *lateFaults) MkdirAll(dir string) error    { return l.now().MkdirAll(dir) }
func (l *lateFaults) SyncDir(dir string) error     { return l.now().SyncDir(dir) }
func (l *lateFaults) SyncFS(dir string) error      { return l.now().SyncFS(dir) }

// lateFile is open twice, with and without faults.
type lateFile struct {
	vfs.File
	bad vfs.File
	l   *lateFaults
}

func (f *lateFile) now() vfs.File {
	if f.l.on.Load() {
		return f.bad
	}
	return f.File
}

func (f *lateFile) WriteAt(p []byte, off int64) (int, error) { return f.now().WriteAt(p, off) }
func (f *lateFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	return f.now().WritevAt(bufs, off)
}
func (f *lateFile) Truncate(size int64) error   { return f.now().Truncate(size) }
func (f *lateFile) Allocate(off, n int64) error { return f.now().Allocate(off, n) }
func (f *lateFile) Sync() error                 { return f.now().Sync() }

func (f *lateFile) Close() error {
	f.bad.Close()
	return f.File.Close()
}
