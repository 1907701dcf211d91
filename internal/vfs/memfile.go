package vfs

import (
	"io"
	"io/fs"
	"math/rand/v2"
	"syscall"
	"time"
)

// inode is a file or a directory of a Mem, under the Mem's lock.
type inode struct {
	dir   bool
	mtime time.Time

	// Of a file.
	data    image    // as its readers see it
	disk    image    // as the last sync left it
	pending []change // what made data out of disk
	open    int      // open files
	links   int      // names, 0 or 1
	locked  bool

	// Of a directory.
	entries map[string]*inode // as its readers see it
	synced  map[string]*inode // as the last sync left it
	ops     []*dirOp          // what made entries out of synced
}

type changeKind uint8

const (
	changeWrite changeKind = iota
	changeResize
	changeAllocate
)

// change is one change of a file's content or size that is not synced.
type change struct {
	kind    changeKind
	off, n  int64  // of a write or an allocation; off is the new size of a resize
	data    []byte // of a write; nil stands for zeros. Never changed.
	touched int64  // end of the range that a resize affects, from off
}

// sync makes the file's disk image what its readers see.
func (n *inode) sync() {
	for _, c := range n.pending {
		if c.kind == changeResize {
			n.disk.adopt(&n.data, c.off, c.touched)
		} else {
			n.disk.adopt(&n.data, c.off, c.off+c.n)
		}
	}
	n.disk.size = n.data.size
	n.pending = nil
}

// write changes the readers' image as far as there is room for new pages, and returns how many bytes that were. It keeps data, of which
// nil stands for zeros.
func (n *inode) write(data []byte, size int, off int64, room int64) (written int, used int64) {
	n.data.unshare(pagesFor(off + int64(size)))
	for written < size {
		i, at := int((off+int64(written))/BlockSize), int((off+int64(written))%BlockSize)
		fits := min(size-written, BlockSize-at)
		if !n.data.has(i) {
			if used == room {
				break
			}
			used++
		}
		n.data.put(i, at, piece(data, written, fits), fits)
		written += fits
	}
	if written > 0 {
		n.pending = append(n.pending, change{kind: changeWrite, off: off, n: int64(written), data: piece(data, 0, written)})
	}
	return written, used
}

func piece(b []byte, at, n int) []byte {
	if b == nil {
		return nil
	}
	return b[at : at+n]
}

func (n *inode) resize(size int64) (freed int) {
	old := n.data.size
	freed = n.data.resize(size)
	if old != size {
		n.pending = append(n.pending, change{kind: changeResize, off: size, touched: max(old, size)})
	}
	return freed
}

// allocate gives pages to the holes in a range, and none when there is not room for all.
func (n *inode) allocate(off, length, room int64) (used int64, ok bool) {
	first, last := int(off/BlockSize), pagesFor(off+length)
	for i := first; i < last; i++ {
		if !n.data.has(i) {
			used++
		}
	}
	if used > room {
		return 0, false
	}
	n.data.unshare(last)
	fill(&n.data, first, last)
	n.data.size = max(n.data.size, off+length)
	n.pending = append(n.pending, change{kind: changeAllocate, off: off, n: length})
	return used, true
}

func fill(im *image, first, last int) {
	for i := first; i < last; i++ {
		if im.pages[i] == nil {
			im.pages[i] = zeroPage
		}
	}
}

// afterCrash returns the content that a loss of power leaves of what was not synced: any subset of the written blocks, with the blocks
// of the last write torn at any byte, and any subset of the changes of the size. A write behind a cut that is lost is lost too.
func (n *inode) afterCrash(r *rand.Rand) image {
	im := n.disk.share()
	p := r.Float64()
	last := len(n.pending) - 1
	for last >= 0 && n.pending[last].kind != changeWrite {
		last--
	}
	for k, c := range n.pending {
		switch c.kind {
		case changeResize:
			if r.Float64() < p {
				im.resize(c.off)
			} else if c.off < c.touched {
				return im
			}
		case changeAllocate:
			if r.Float64() < p {
				im.unshare(pagesFor(c.off + c.n))
				fill(&im, int(c.off/BlockSize), pagesFor(c.off+c.n))
				im.size = max(im.size, c.off+c.n)
			}
		case changeWrite:
			im.putSome(c, p, k == last, r)
		}
	}
	return im
}

// putSome writes each block of a change with the probability p.
func (im *image) putSome(c change, p float64, tear bool, r *rand.Rand) {
	for done := 0; done < int(c.n); {
		i, at := int((c.off+int64(done))/BlockSize), int((c.off+int64(done))%BlockSize)
		size := min(int(c.n)-done, BlockSize-at)
		keep := size
		if tear && r.IntN(2) == 0 {
			keep = r.IntN(size + 1)
		}
		if r.Float64() < p && keep > 0 {
			im.put(i, at, piece(c.data, done, keep), keep)
		}
		done += size
	}
}

// memFile is an open file of a Mem. The Mem's lock guards closed.
type memFile struct {
	m      *Mem
	n      *inode
	name   string
	mode   Mode
	closed bool
}

// begin takes the Mem's lock, and returns an error when the file cannot be used so.
func (f *memFile) begin(op string, writes bool) error {
	f.m.mu.Lock()
	switch {
	case f.closed:
		return pathError(op, f.name, fs.ErrClosed)
	case f.m.off:
		return pathError(op, f.name, syscall.EIO)
	case writes && f.mode.Base() == ReadOnly:
		return pathError(op, f.name, syscall.EBADF)
	}
	return nil
}

func (f *memFile) ReadAt(p []byte, off int64) (int, error) {
	err := f.begin("read", false)
	defer f.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	if off < 0 || f.Direct() && !isAligned(p, off) {
		return 0, pathError("read", f.name, syscall.EINVAL)
	}
	n := f.n.data.readAt(p, off)
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (f *memFile) ReadOnceAt(p []byte, off int64) (int, error) { return f.ReadAt(p, off) }

func (f *memFile) WriteAt(p []byte, off int64) (int, error) {
	err := f.begin("write", true)
	defer f.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return f.write(off, len(p), p)
}

// WritevAt makes one change of all buffers, as one system call does.
func (f *memFile) WritevAt(bufs [][]byte, off int64) (int64, error) {
	err := f.begin("write", true)
	defer f.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	size := 0
	for _, b := range bufs {
		size += len(b)
	}
	n, err := f.write(off, size, bufs...)
	return int64(n), err
}

func (f *memFile) write(off int64, size int, bufs ...[]byte) (int, error) {
	zeros := true
	for _, b := range bufs {
		if f.Direct() && !isAligned(b, off) {
			return 0, pathError("write", f.name, syscall.EINVAL)
		}
		zeros = zeros && isZero(b)
	}
	if off < 0 {
		return 0, pathError("write", f.name, syscall.EINVAL)
	}
	var data []byte
	if !zeros {
		data = make([]byte, 0, size)
		for _, b := range bufs {
			data = append(data, b...)
		}
	}
	n, used := f.n.write(data, size, off, f.m.room())
	f.m.used += used
	f.n.mtime = f.m.now()
	if n < size {
		return n, pathError("write", f.name, syscall.ENOSPC)
	}
	return n, nil
}

func (f *memFile) Truncate(size int64) error {
	err := f.begin("truncate", true)
	defer f.m.mu.Unlock()
	if err != nil {
		return err
	}
	if size < 0 {
		return pathError("truncate", f.name, syscall.EINVAL)
	}
	f.m.used -= int64(f.n.resize(size))
	f.n.mtime = f.m.now()
	return nil
}

func (f *memFile) Allocate(off, n int64) error {
	err := f.begin("allocate", true)
	defer f.m.mu.Unlock()
	if err != nil || n == 0 {
		return err
	}
	if off < 0 || n < 0 {
		return pathError("allocate", f.name, syscall.EINVAL)
	}
	used, ok := f.n.allocate(off, n, f.m.room())
	if !ok {
		return pathError("allocate", f.name, syscall.ENOSPC)
	}
	f.m.used += used
	return nil
}

func (f *memFile) Sync() error {
	err := f.begin("sync", false)
	defer f.m.mu.Unlock()
	if err == nil {
		f.n.sync()
	}
	return err
}

func (f *memFile) Size() (int64, error) {
	err := f.begin("stat", false)
	defer f.m.mu.Unlock()
	return f.n.data.size, err
}

func (f *memFile) Direct() bool { return f.mode&Direct != 0 }
func (f *memFile) Name() string { return f.name }

func (f *memFile) Close() error {
	err := f.begin("close", false)
	defer f.m.mu.Unlock()
	if err != nil {
		return err
	}
	f.closed = true
	f.n.open--
	f.m.dropIfUnused(f.n)
	return nil
}
