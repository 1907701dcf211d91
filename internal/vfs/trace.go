package vfs

import (
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
)

// event is one change of a file system, for people and for golden files.
type event struct {
	op       Op
	name, to string
	off, n   int64
}

func (e event) String() string {
	switch e.op {
	case OpOpen:
		return "create " + e.name
	case OpWrite, OpAllocate:
		return fmt.Sprintf("%s %s %d+%d", e.op, e.name, e.off, e.n)
	case OpTruncate:
		return fmt.Sprintf("%s %s %d", e.op, e.name, e.n)
	case OpRename:
		return fmt.Sprintf("%s %s %s", e.op, e.name, e.to)
	}
	return e.op.String() + " " + e.name
}

// WithTrace returns a file system that writes a line to w behind each change, with paths relative to root and slashes on all systems:
//
//	create wal/0000000001.wal
//	write wal/0000000001.wal 8192+4096
//	sync wal/0000000001.wal
//	syncdir .
//	rename a b
//
// The line of a change that failed ends with its error. Closing and reading have no lines.
func WithTrace(fsys FS, root string, w io.Writer) FS {
	return &traceFS{FS: fsys, root: root, w: w}
}

type traceFS struct {
	FS   // reading
	root string
	mu   sync.Mutex // guards w
	w    io.Writer
}

func (t *traceFS) rel(name string) string {
	if r, err := filepath.Rel(t.root, name); err == nil {
		name = r
	}
	return filepath.ToSlash(name)
}

func (t *traceFS) log(e event, err error) {
	line := e.String()
	if err != nil {
		line += ": " + strings.ReplaceAll(cause(err), "\n", " ")
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	fmt.Fprintln(t.w, line)
}

// cause is the text of an error without the paths of this machine.
func cause(err error) string {
	for {
		u, ok := err.(interface{ Unwrap() error })
		if !ok || u.Unwrap() == nil {
			return err.Error()
		}
		err = u.Unwrap()
	}
}

func (t *traceFS) Open(name string, mode Mode) (File, error) {
	creates := mode.Base() == CreateNew
	if mode.Base() == Create {
		_, err := t.FS.Stat(name)
		creates = err != nil
	}
	f, err := t.FS.Open(name, mode)
	if creates {
		t.log(event{op: OpOpen, name: t.rel(name)}, err)
	}
	if err != nil {
		return nil, err
	}
	return &traceFile{File: f, t: t, name: t.rel(name)}, nil
}

func (t *traceFS) Remove(name string) error {
	err := t.FS.Remove(name)
	t.log(event{op: OpRemove, name: t.rel(name)}, err)
	return err
}

func (t *traceFS) Rename(from, to string) error {
	err := t.FS.Rename(from, to)
	t.log(event{op: OpRename, name: t.rel(from), to: t.rel(to)}, err)
	return err
}

func (t *traceFS) MkdirAll(dir string) error {
	_, missing := t.FS.Stat(dir)
	err := t.FS.MkdirAll(dir)
	if missing != nil || err != nil {
		t.log(event{op: OpMkdir, name: t.rel(dir)}, err)
	}
	return err
}

func (t *traceFS) SyncDir(dir string) error {
	err := t.FS.SyncDir(dir)
	t.log(event{op: OpSyncDir, name: t.rel(dir)}, err)
	return err
}

func (t *traceFS) SyncFS(dir string) error {
	err := t.FS.SyncFS(dir)
	t.log(event{op: OpSyncFS, name: t.rel(dir)}, err)
	return err
}

func (t *traceFS) Lock(name string) (io.Closer, error) {
	l, err := t.FS.Lock(name)
	t.log(event{op: OpLock, name: t.rel(name)}, err)
	return l, err
}

type traceFile struct {
	File
	t    *traceFS
	name string
}

func (f *traceFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.File.WriteAt(p, off)
	f.t.log(event{op: OpWrite, name: f.name, off: off, n: int64(n)}, err)
	return n, err
}

func (f *traceFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	n, err := f.File.WritevAt(bufs, off)
	f.t.log(event{op: OpWrite, name: f.name, off: off, n: n}, err)
	return n, err
}

func (f *traceFile) Truncate(size int64) error {
	err := f.File.Truncate(size)
	f.t.log(event{op: OpTruncate, name: f.name, n: size}, err)
	return err
}

func (f *traceFile) Allocate(off, n int64) error {
	err := f.File.Allocate(off, n)
	f.t.log(event{op: OpAllocate, name: f.name, off: off, n: n}, err)
	return err
}

func (f *traceFile) Sync() error {
	err := f.File.Sync()
	f.t.log(event{op: OpSync, name: f.name}, err)
	return err
}
