package vfs

import (
	"io"
	"sync"
)

// Recorder is a Mem that remembers each change, so that one run of a workload gives an image of a crash at any of its moments.
type Recorder struct {
	m     *Mem
	start *Mem // as m stood before the first change; never changed

	mu    sync.Mutex // guards all below; held across a change and its record, so that both have one order. A Mem does no I/O.
	steps []step
	count int // steps that are changes
	files int // files opened
	marks []mark
}

// step is a change, or what the replay needs to make changes: the opening and closing of files.
type step struct {
	event
	helper bool // no change
	file   int  // of what is done to an open file: which one, by order of opening
	mode   Mode
	data   []byte
}

// opClose is only in records.
const opClose = OpAny

type mark struct {
	at    int
	value any
}

// Record starts to record what is done to m. From now on m must be used by the Recorder only.
func Record(m *Mem) *Recorder {
	m.mu.Lock()
	defer m.mu.Unlock()
	start, _ := m.clone()
	start.capacity = noLimit // what did not fit is not recorded
	return &Recorder{m: m, start: start}
}

// Count returns the number of changes so far.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// Mark notes something that is true from now on, for example that a write was acknowledged.
func (r *Recorder) Mark(v any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.marks = append(r.marks, mark{r.count, v})
}

// Marks returns what was noted before the change with the index upTo began.
func (r *Recorder) Marks(upTo int) (values []any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.marks {
		if m.at <= upTo {
			values = append(values, m.value)
		}
	}
	return values
}

func (r *Recorder) add(s step) {
	if !s.helper {
		r.count++
	}
	r.steps = append(r.steps, s)
}

// change records a change of names if it succeeds.
func (r *Recorder) change(e event, do func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := do()
	if err == nil {
		r.add(step{event: e})
	}
	return err
}

// Open implements FS. It is a change when it creates a file.
func (r *Recorder) Open(name string, mode Mode) (File, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	f, created, err := r.m.open(name, mode)
	if err != nil {
		return nil, err
	}
	r.add(step{event: event{op: OpOpen, name: name}, helper: !created, mode: mode})
	r.files++
	return &recordFile{memFile: f, r: r, id: r.files - 1}, nil
}

// Remove implements FS.
func (r *Recorder) Remove(name string) error {
	return r.change(event{op: OpRemove, name: name}, func() error { return r.m.Remove(name) })
}

// Rename implements FS.
func (r *Recorder) Rename(from, to string) error {
	return r.change(event{op: OpRename, name: from, to: to}, func() error { return r.m.Rename(from, to) })
}

// MkdirAll implements FS.
func (r *Recorder) MkdirAll(dir string) error {
	if _, err := r.m.List(dir); err == nil {
		return nil // there is nothing to change
	}
	return r.change(event{op: OpMkdir, name: dir}, func() error { return r.m.MkdirAll(dir) })
}

// List implements FS.
func (r *Recorder) List(dir string) ([]Info, error) { return r.m.List(dir) }

// Stat implements FS.
func (r *Recorder) Stat(name string) (Info, error) { return r.m.Stat(name) }

// SyncDir implements FS.
func (r *Recorder) SyncDir(dir string) error {
	return r.change(event{op: OpSyncDir, name: dir}, func() error { return r.m.SyncDir(dir) })
}

// SyncFS implements FS.
func (r *Recorder) SyncFS(dir string) error {
	return r.change(event{op: OpSyncFS, name: dir}, func() error { return r.m.SyncFS(dir) })
}

// Lock implements FS.
func (r *Recorder) Lock(name string) (l io.Closer, err error) {
	err = r.change(event{op: OpLock, name: name}, func() (err error) {
		l, err = r.m.Lock(name)
		return err
	})
	return l, err
}

// Space implements FS.
func (r *Recorder) Space(dir string) (Space, error) { return r.m.Space(dir) }

type recordFile struct {
	*memFile
	r  *Recorder
	id int
}

func (f *recordFile) change(e event, do func() error) error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	err := do()
	if err == nil {
		e.name = f.name
		f.r.add(step{event: e, file: f.id})
	}
	return err
}

func (f *recordFile) WriteAt(p []byte, off int64) (int, error) {
	n, err := f.WritevAt([][]byte{p}, off)
	return int(n), err
}

func (f *recordFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	n, err := f.memFile.WritevAt(bufs, off)
	if n > 0 {
		data := make([]byte, 0, n)
		for _, b := range bufs {
			data = append(data, b[:min(len(b), int(n)-len(data))]...)
		}
		f.r.add(step{event: event{op: OpWrite, name: f.name, off: off, n: n}, file: f.id, data: data})
	}
	return n, err
}

func (f *recordFile) Truncate(size int64) error {
	return f.change(event{op: OpTruncate, n: size}, func() error { return f.memFile.Truncate(size) })
}

func (f *recordFile) Allocate(off, n int64) error {
	return f.change(event{op: OpAllocate, off: off, n: n}, func() error { return f.memFile.Allocate(off, n) })
}

func (f *recordFile) Sync() error {
	return f.change(event{op: OpSync}, f.memFile.Sync)
}

func (f *recordFile) Close() error {
	f.r.mu.Lock()
	defer f.r.mu.Unlock()
	err := f.memFile.Close()
	if err == nil {
		f.r.add(step{event: event{op: opClose, name: f.name}, helper: true, file: f.id})
	}
	return err
}
