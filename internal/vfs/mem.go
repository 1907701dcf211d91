package vfs

import (
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Mem is a file system in memory that knows what a loss of power would leave: contents are durable once their file is synced, names
// once their directory is. Direct writes are no exception, for drives have caches. Names that are relative start at the root.
type Mem struct {
	mu       sync.Mutex // guards all below and all that hangs on root
	root     *inode
	now      func() time.Time
	capacity int64 // pages, or noLimit
	used     int64 // pages
	off      bool  // the power is off: nothing can be done any more
}

const noLimit = math.MaxInt64

// NewMem returns an empty file system without a limit, with the clock of the machine.
func NewMem() *Mem {
	return &Mem{root: newDir(time.Time{}), now: time.Now, capacity: noLimit}
}

func newDir(now time.Time) *inode {
	return &inode{dir: true, mtime: now, entries: map[string]*inode{}, synced: map[string]*inode{}}
}

// SetCapacity limits the blocks that files may take. Blocks that are there already can be written again when the limit is reached.
func (m *Mem) SetCapacity(bytes int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.capacity = bytes / BlockSize
}

// SetNow sets the clock from which the times of changes come. It is called under the lock and must not use the Mem.
func (m *Mem) SetNow(now func() time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now = now
}

func (m *Mem) room() int64 { return max(0, m.capacity-m.used) }

// dropIfUnused gives back the room of a file without a name that nobody has open.
func (m *Mem) dropIfUnused(n *inode) {
	if !n.dir && n.open == 0 && n.links == 0 {
		m.used -= int64(n.data.allocated())
		n.data = image{}
	}
}

// split returns the elements of a name.
func split(name string) []string {
	name = strings.Trim(filepath.ToSlash(filepath.Clean(name)), "/")
	if name == "" || name == "." {
		return nil
	}
	return strings.Split(name, "/")
}

// find returns the inode of a path, or ENOENT, ENOTDIR, or EIO without power.
func (m *Mem) find(parts []string) (*inode, error) {
	if m.off {
		return nil, syscall.EIO
	}
	n := m.root
	for _, p := range parts {
		if !n.dir {
			return nil, syscall.ENOTDIR
		}
		next, ok := n.entries[p]
		if !ok {
			return nil, syscall.ENOENT
		}
		n = next
	}
	return n, nil
}

// parent returns the directory that holds a name, and the last element of it.
func (m *Mem) parent(name string) (*inode, string, error) {
	parts := split(name)
	if len(parts) == 0 {
		return nil, "", syscall.EINVAL
	}
	dir, err := m.find(parts[:len(parts)-1])
	if err == nil && !dir.dir {
		err = syscall.ENOTDIR
	}
	return dir, parts[len(parts)-1], err
}

// Open implements FS.
func (m *Mem) Open(name string, mode Mode) (File, error) {
	f, _, err := m.open(name, mode)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (m *Mem) open(name string, mode Mode) (f *memFile, created bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return nil, false, pathError("open", name, err)
	}
	n, ok := dir.entries[base]
	switch {
	case !ok && (mode.Base() == Create || mode.Base() == CreateNew):
		n = &inode{mtime: m.now()}
		dir.set(base, n)
		created = true
	case !ok:
		return nil, false, pathError("open", name, syscall.ENOENT)
	case mode.Base() == CreateNew:
		return nil, false, pathError("open", name, syscall.EEXIST)
	case n.dir:
		return nil, false, pathError("open", name, syscall.EISDIR)
	}
	n.open++
	return &memFile{m: m, n: n, name: name, mode: mode}, created, nil
}

// Remove implements FS.
func (m *Mem) Remove(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	dir, base, err := m.parent(name)
	if err != nil {
		return pathError("remove", name, err)
	}
	n, ok := dir.entries[base]
	switch {
	case !ok:
		return pathError("remove", name, syscall.ENOENT)
	case n.dir && len(n.entries) > 0:
		return pathError("remove", name, syscall.ENOTEMPTY)
	}
	dir.unset(base, nil)
	m.dropIfUnused(n)
	return nil
}

// Rename implements FS.
func (m *Mem) Rename(from, to string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}

func (m *Mem) rename(from, to string) error {
	fromDir, fromBase, err := m.parent(from)
	if err != nil {
		return err
	}
	toDir, toBase, err := m.parent(to)
	if err != nil {
		return err
	}
	n, ok := fromDir.entries[fromBase]
	if !ok {
		return syscall.ENOENT
	}
	old, replaces := toDir.entries[toBase]
	switch {
	case old == n:
		return nil
	case n.dir && n.holds(toDir):
		return syscall.EINVAL
	case replaces && old.dir && !n.dir:
		return syscall.EISDIR
	case replaces && !old.dir && n.dir:
		return syscall.ENOTDIR
	case replaces && old.dir && len(old.entries) > 0:
		return syscall.ENOTEMPTY
	}
	if fromDir == toDir {
		fromDir.move(fromBase, toBase, n)
	} else {
		fromDir.unset(fromBase, toDir.set(toBase, n))
		n.links = 1
	}
	if replaces {
		m.dropIfUnused(old)
	}
	return nil
}

// MkdirAll implements FS.
func (m *Mem) MkdirAll(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.off {
		return pathError("mkdir", dir, syscall.EIO)
	}
	n := m.root
	for _, p := range split(dir) {
		next, ok := n.entries[p]
		if !ok {
			next = newDir(m.now())
			n.set(p, next)
		}
		if !next.dir {
			return pathError("mkdir", dir, syscall.ENOTDIR)
		}
		n = next
	}
	return nil
}

// List implements FS.
func (m *Mem) List(dir string) ([]Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.directory("readdir", dir)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(n.entries))
	for name, e := range n.entries {
		infos = append(infos, e.info(name))
	}
	slices.SortFunc(infos, func(a, b Info) int { return strings.Compare(a.Name, b.Name) })
	return infos, nil
}

func (n *inode) info(name string) Info {
	return Info{Name: name, Size: n.data.size, Dir: n.dir, ModTime: n.mtime}
}

// Stat implements FS.
func (m *Mem) Stat(name string) (Info, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	parts := split(name)
	n, err := m.find(parts)
	if err != nil {
		return Info{}, pathError("stat", name, err)
	}
	if len(parts) == 0 {
		return n.info("/"), nil
	}
	return n.info(parts[len(parts)-1]), nil
}

func (m *Mem) directory(op, dir string) (*inode, error) {
	n, err := m.find(split(dir))
	if err == nil && !n.dir {
		err = syscall.ENOTDIR
	}
	return n, pathError(op, dir, err)
}

// SyncDir implements FS.
func (m *Mem) SyncDir(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, err := m.directory("sync", dir)
	if err == nil {
		n.syncEntries()
	}
	return err
}

// SyncFS implements FS.
func (m *Mem) SyncFS(dir string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.directory("syncfs", dir); err != nil {
		return err
	}
	m.root.syncTree()
	return nil
}

// Lock implements FS.
func (m *Mem) Lock(name string) (io.Closer, error) {
	f, _, err := m.open(name, Create)
	if err != nil {
		return nil, err
	}
	m.mu.Lock()
	held := f.n.locked
	f.n.locked = true
	m.mu.Unlock()
	if held {
		f.Close()
		return nil, &LockedError{Name: name, PID: os.Getpid()}
	}
	l := &memLock{f: f}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(ownPID(), 0)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

type memLock struct{ f *memFile }

func (l *memLock) Close() error {
	l.f.m.mu.Lock()
	if !l.f.closed {
		l.f.n.locked = false
	}
	l.f.m.mu.Unlock()
	return l.f.Close()
}

// Space implements FS. Without a capacity it tells of a thousand terabytes.
func (m *Mem) Space(dir string) (Space, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.directory("statfs", dir); err != nil {
		return Space{}, err
	}
	if m.capacity == noLimit {
		return Space{Free: 1<<50 - m.used*BlockSize, Total: 1 << 50}, nil
	}
	return Space{Free: m.room() * BlockSize, Total: m.capacity * BlockSize}, nil
}
