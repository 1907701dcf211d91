package vfs

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// Disk returns the file system of the machine.
func Disk() FS { return disk{} }

type disk struct{}

func (disk) Open(name string, mode Mode) (File, error) {
	flags := os.O_RDWR
	switch mode.Base() {
	case ReadOnly:
		flags = os.O_RDONLY
	case Create:
		flags |= os.O_CREATE
	case CreateNew:
		flags |= os.O_CREATE | os.O_EXCL
	}
	f, err := os.OpenFile(name, flags, 0o644)
	if err != nil {
		return nil, err
	}
	if info, err := f.Stat(); err != nil || info.IsDir() {
		f.Close()
		if err == nil {
			err = pathError("open", name, syscall.EISDIR)
		}
		return nil, err
	}
	raw, err := f.SyscallConn()
	if err != nil {
		f.Close()
		return nil, pathError("open", name, err)
	}
	d := &diskFile{f: f, raw: raw}
	if mode&Direct != 0 {
		d.direct = d.setDirect()
	}
	return d, nil
}

func (disk) Remove(name string) error     { return os.Remove(name) }
func (disk) Rename(from, to string) error { return os.Rename(from, to) }
func (disk) MkdirAll(dir string) error    { return os.MkdirAll(dir, 0o755) }

func (disk) List(dir string) ([]Info, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	infos := make([]Info, 0, len(entries))
	for _, e := range entries {
		i, err := e.Info()
		if errors.Is(err, fs.ErrNotExist) {
			continue // removed meanwhile
		}
		if err != nil {
			return nil, err
		}
		infos = append(infos, info(i))
	}
	return infos, nil
}

func (disk) Stat(name string) (Info, error) {
	i, err := os.Stat(name)
	if err != nil {
		return Info{}, err
	}
	return info(i), nil
}

func info(i fs.FileInfo) Info {
	return Info{Name: i.Name(), Size: i.Size(), Dir: i.IsDir(), ModTime: i.ModTime()}
}

func (disk) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return nil, err
	}
	held, err := lockFile(f)
	if held {
		f.Close()
		return nil, &LockedError{Name: name, PID: readPID(name)}
	}
	if err == nil {
		err = f.Truncate(0)
	}
	if err == nil {
		_, err = f.WriteAt(ownPID(), 0)
	}
	if err != nil {
		f.Close()
		return nil, pathError("lock", name, err)
	}
	return f, nil
}

func ownPID() []byte { return []byte(strconv.Itoa(os.Getpid()) + "\n") }

// readPID returns 0 when the holder has not written its id yet.
func readPID(name string) int {
	f, err := os.Open(filepath.Clean(name))
	if err != nil {
		return 0
	}
	defer f.Close()
	var b [32]byte
	n, _ := f.ReadAt(b[:], 0)
	pid, err := strconv.Atoi(strings.TrimSpace(string(b[:n])))
	if err != nil || pid < 0 {
		return 0
	}
	return pid
}

// diskFile is a file of the machine. setDirect, readDirect, ReadOnceAt, WritevAt, Allocate and Sync are the platform's.
type diskFile struct {
	f      *os.File
	raw    syscall.RawConn // of f; keeps the descriptor open during a call
	direct bool
	keeps  atomic.Bool // the page cache keeps all that is read, whatever is asked for
}

func (d *diskFile) ReadAt(p []byte, off int64) (int, error) {
	if d.direct {
		return d.readDirect(p, off)
	}
	return d.f.ReadAt(p, off)
}

func (d *diskFile) WriteAt(p []byte, off int64) (int, error) { return d.f.WriteAt(p, off) }
func (d *diskFile) Truncate(size int64) error                { return d.f.Truncate(size) }
func (d *diskFile) Direct() bool                             { return d.direct }
func (d *diskFile) Name() string                             { return d.f.Name() }
func (d *diskFile) Close() error                             { return d.f.Close() }

func (d *diskFile) Size() (int64, error) {
	i, err := d.f.Stat()
	if err != nil {
		return 0, err
	}
	return i.Size(), nil
}

// extend makes the file at least size bytes long. It is what is left of Allocate where nothing can be reserved.
func (d *diskFile) extend(size int64) error {
	now, err := d.Size()
	if err != nil || now >= size {
		return err
	}
	return d.f.Truncate(size)
}
