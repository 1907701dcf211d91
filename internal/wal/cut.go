package wal

import (
	"errors"
	"fmt"
	"io"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Cut ends a stopped log in front of a damaged group that Scan found. The files from there on are first given to keep, which must make
// them durable, under their names. Everything behind the damage is lost to the log.
func Cut(fsys vfs.FS, dir string, damage *CorruptError, keep func(name string, data io.Reader) error) error {
	files, err := listFiles(fsys, dir)
	if err != nil {
		return err
	}
	var from uint64
	for _, h := range files {
		if fileName(dir, h.sequence) == damage.File {
			from = h.sequence
		}
	}
	if from == 0 {
		return fmt.Errorf("cut the write-ahead log: %s is not one of its files", damage.File)
	}
	for _, h := range files {
		if h.sequence >= from {
			if err := keepFile(fsys, dir, h.sequence, keep); err != nil {
				return fmt.Errorf("keep %s: %w", fileName(dir, h.sequence), err)
			}
		}
	}
	for i := len(files) - 1; i >= 0 && files[i].sequence > from; i-- {
		if err := fsys.Remove(fileName(dir, files[i].sequence)); err != nil {
			return fmt.Errorf("cut the write-ahead log: %w", err)
		}
	}
	if err := clearFrom(fsys, damage.File, damage.Offset); err != nil {
		return fmt.Errorf("cut %s at %d: %w", damage.File, damage.Offset, err)
	}
	return fsys.SyncDir(dir)
}

func keepFile(fsys vfs.FS, dir string, seq uint64, keep func(string, io.Reader) error) error {
	f, err := fsys.Open(fileName(dir, seq), vfs.ReadOnly)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	return keep(fmt.Sprintf("%010d.wal", seq), io.NewSectionReader(f, 0, size))
}

// clearFrom writes zeros from an offset to the end of a file.
func clearFrom(fsys vfs.FS, name string, from int64) (err error) {
	f, err := fsys.Open(name, vfs.ReadWrite)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size, err := f.Size()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := from; at < size; at += int64(len(zeros)) {
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), size-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}
