package vfs

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// maxVectors is IOV_MAX.
const maxVectors = 1024

// setDirect turns the page cache off for an open file, and says whether that worked. Opening with O_DIRECT instead would leave a new
// file behind where it is refused.
func (d *diskFile) setDirect() (ok bool) {
	d.raw.Control(func(fd uintptr) {
		var st unix.Statx_t
		err := unix.Statx(int(fd), "", unix.AT_EMPTY_PATH, unix.STATX_DIOALIGN, &st)
		if err == nil && st.Mask&unix.STATX_DIOALIGN != 0 && !fits(st.Dio_mem_align, st.Dio_offset_align) {
			return
		}
		flags, err := unix.FcntlInt(fd, unix.F_GETFL, 0)
		if err != nil {
			return
		}
		_, err = unix.FcntlInt(fd, unix.F_SETFL, flags|unix.O_DIRECT)
		ok = err == nil
	})
	return ok
}

// fits says whether blocks of BlockSize satisfy what the file system asks for. It asks for 0 when it has no direct writes.
func fits(align ...uint32) bool {
	for _, a := range align {
		if a == 0 || BlockSize%a != 0 {
			return false
		}
	}
	return true
}

// readDirect differs from os.File.ReadAt at the end of a file: it does not go on from there at an offset that is not aligned.
func (d *diskFile) readDirect(p []byte, off int64) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	cerr := d.raw.Control(func(fd uintptr) {
		for n < len(p) {
			var m int
			m, err = unix.Pread(int(fd), p[n:], off+int64(n))
			if err == unix.EINTR {
				continue
			}
			if err != nil {
				err = pathError("read", d.Name(), err)
				return
			}
			n += m
			if n < len(p) && (m == 0 || m%BlockSize != 0) {
				err = io.EOF
				return
			}
		}
	})
	if cerr != nil {
		return n, pathError("read", d.Name(), cerr)
	}
	return n, err
}

// ReadOnceAt asks for RWF_DONTCACHE, which file systems have since Linux 6.14. On a machine whose memory is full of other things, or was never touched, a page that is taken into the cache costs ten times what
// its reading does.
func (d *diskFile) ReadOnceAt(p []byte, off int64) (n int, err error) {
	if d.direct || d.keeps.Load() {
		return d.ReadAt(p, off)
	}
	cerr := d.raw.Control(func(fd uintptr) {
		for n < len(p) && err == nil {
			var m int
			m, err = unix.Preadv2(int(fd), [][]byte{p[n:]}, off+int64(n), unix.RWF_DONTCACHE)
			switch {
			case err == unix.EINTR:
				err = nil
			case err == nil && m == 0:
				err = io.EOF
			case err == nil:
				n += m
			}
		}
	})
	switch {
	case cerr != nil:
		return n, pathError("read", d.Name(), cerr)
	case n == 0 && (err == unix.EOPNOTSUPP || err == unix.ENOSYS || err == unix.EINVAL):
		d.keeps.Store(true)
		return d.ReadAt(p, off)
	case err != nil && err != io.EOF:
		err = pathError("read", d.Name(), err)
	}
	return n, err
}

func (d *diskFile) WritevAt(bufs [][]byte, off int64) (n int64, err error) {
	cerr := d.raw.Control(func(fd uintptr) {
		rest := bufs
		for err == nil {
			for len(rest) > 0 && len(rest[0]) == 0 {
				rest = rest[1:]
			}
			if len(rest) == 0 {
				return
			}
			var m int
			m, err = unix.Pwritev(int(fd), rest[:min(len(rest), maxVectors)], off+n)
			if err == unix.EINTR {
				err = nil
				continue
			}
			if err == nil && m == 0 {
				err = io.ErrShortWrite
			}
			n += int64(max(m, 0))
			rest = skip(rest, max(m, 0))
		}
	})
	if cerr != nil {
		err = cerr
	}
	return n, pathError("write", d.Name(), err)
}

// skip drops the first n bytes. It copies the list of buffers when one of them is cut.
func skip(bufs [][]byte, n int) [][]byte {
	for len(bufs) > 0 && n >= len(bufs[0]) {
		n -= len(bufs[0])
		bufs = bufs[1:]
	}
	if n > 0 {
		bufs = append([][]byte{bufs[0][n:]}, bufs[1:]...)
	}
	return bufs
}

func (d *diskFile) Allocate(off, n int64) error {
	if n == 0 {
		return nil
	}
	err := d.call(func(fd int) error { return unix.Fallocate(fd, 0, off, n) })
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return d.extend(off + n)
	}
	return pathError("allocate", d.Name(), err)
}

func (d *diskFile) Sync() error {
	return pathError("sync", d.Name(), d.call(unix.Fdatasync))
}

// call runs a system call on the descriptor, again when a signal interrupts it.
func (d *diskFile) call(fn func(fd int) error) error {
	var err error
	cerr := d.raw.Control(func(fd uintptr) {
		for {
			if err = fn(int(fd)); err != unix.EINTR {
				return
			}
		}
	})
	if cerr != nil {
		return cerr
	}
	return err
}

func (disk) SyncFS(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer f.Close()
	return pathError("syncfs", dir, unix.Syncfs(int(f.Fd())))
}
