package vfs

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"
)

// BlockSize is the unit of direct writes: their offset, their length and their memory are multiples of it.
const BlockSize = 4096

// Mode says how a file is opened. Direct may be or-ed to each of the others.
type Mode uint8

// The modes of Open.
const (
	ReadOnly  Mode = iota // must exist
	ReadWrite             // must exist
	Create                // read and write; made when missing
	CreateNew             // read and write; fails when it exists

	// Direct asks for writes past the page cache. Where the file system has none, the file is an ordinary one; File.Direct tells.
	Direct Mode = 0x80
)

// Base is the mode without Direct.
func (m Mode) Base() Mode { return m &^ Direct }

// Info describes a directory's entry.
type Info struct {
	Name    string // the last element of the path
	Size    int64
	Dir     bool
	ModTime time.Time
}

// Space is the room of a file system in bytes. Free counts what an ordinary user may take.
type Space struct {
	Free, Total int64
}

// FS is a file system. Names are paths of the operating system. All methods may be called at the same time. Errors name the operation
// and the file, and answer errors.Is(err, fs.ErrNotExist) and the like.
type FS interface {
	Open(name string, mode Mode) (File, error)
	// Remove removes a file or an empty directory.
	Remove(name string) error
	// Rename moves a file or a directory, in the place of what has the name to. It is durable once the directories are synced.
	Rename(from, to string) error
	// MkdirAll makes a directory and its missing parents.
	MkdirAll(dir string) error
	// List returns a directory's entries by name.
	List(dir string) ([]Info, error)
	Stat(name string) (Info, error)
	// SyncDir makes the names in a directory durable: what was created, renamed and removed in it.
	SyncDir(dir string) error
	// SyncFS makes all of the file system durable in which dir lies: names, sizes and contents. It returns errors.ErrUnsupported where
	// the system has no such call.
	SyncFS(dir string) error
	// Lock takes an advisory lock that ends with the process, and writes the process's id into the file. It returns *LockedError when
	// the lock is held, also when this process holds it.
	Lock(name string) (io.Closer, error)
	Space(dir string) (Space, error)
}

// File is an open file. All methods but Close may be called at the same time; what overlapping writes leave is undefined.
type File interface {
	io.ReaderAt
	// ReadOnceAt is ReadAt for what is not expected to be read again soon: where the system can do it, what was not in the page cache before does not stay there.
	ReadOnceAt(p []byte, off int64) (int, error)
	io.WriterAt
	// WritevAt writes the buffers one behind the other. It does not change or keep them.
	WritevAt(bufs [][]byte, off int64) (int64, error)
	Truncate(size int64) error
	// Allocate reserves the range and extends the file to its end. Where the file system cannot reserve, it only extends.
	Allocate(off, n int64) error
	// Sync makes the content and the size durable, not the name.
	Sync() error
	Size() (int64, error)
	// Direct says whether reads and writes go past the page cache and so must be aligned.
	Direct() bool
	// Name is the name the file was opened by.
	Name() string
	Close() error
}

// RemoveAll removes a directory with all that is in it. It is no error when there is none.
func RemoveAll(fsys FS, dir string) error {
	infos, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, info := range infos {
		name := filepath.Join(dir, info.Name)
		if info.Dir {
			err = RemoveAll(fsys, name)
		} else {
			err = fsys.Remove(name)
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if err := fsys.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// ReadFile returns the content of a file.
func ReadFile(fsys FS, name string) ([]byte, error) {
	f, err := fsys.Open(name, ReadOnly)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return nil, err
	}
	data := make([]byte, size)
	n, err := f.ReadAt(data, 0)
	if err != nil && err != io.EOF {
		return nil, err
	}
	return data[:n], nil
}

// WriteFileSync puts data in the place of a file: after a crash the file has its old content or the new one, and after a return without
// error the new one. It uses name.tmp.
func WriteFileSync(fsys FS, name string, data []byte) error {
	tmp := name + ".tmp"
	err := writeAndSync(fsys, tmp, data)
	if err == nil {
		err = fsys.Rename(tmp, name)
	}
	if err != nil {
		fsys.Remove(tmp) // best effort: the next call writes it again
		return fmt.Errorf("replace %s: %w", name, err)
	}
	return fsys.SyncDir(filepath.Dir(name))
}

func writeAndSync(fsys FS, name string, data []byte) error {
	f, err := fsys.Open(name, Create)
	if err != nil {
		return err
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}
