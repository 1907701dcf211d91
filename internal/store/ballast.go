package store

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

const ballastFile = "ballast"

// ballast is room on the disk that is given up for a checkpoint when the disk is full, and taken again when it is not. Only the checkpointer uses it.
type ballast struct {
	fs   vfs.FS
	name string
	size int64
	held bool
}

func newBallast(fsys vfs.FS, dir string, size int64) *ballast {
	b := &ballast{fs: fsys, name: filepath.Join(dir, ballastFile), size: size}
	info, err := fsys.Stat(b.name)
	b.held = err == nil && info.Size >= size
	return b
}

// take allocates the room, if that is possible.
func (b *ballast) take() {
	if b.held || b.size <= 0 {
		return
	}
	f, err := b.fs.Open(b.name, vfs.Create)
	if err != nil {
		return
	}
	err = f.Allocate(0, b.size)
	if err = errors.Join(err, f.Close()); err != nil {
		b.fs.Remove(b.name) // a part of it is of no use
		return
	}
	b.held = true
}

// give frees the room and says whether there was any.
func (b *ballast) give() bool {
	if !b.held {
		return false
	}
	b.held = false
	err := b.fs.Remove(b.name)
	return err == nil || errors.Is(err, fs.ErrNotExist)
}
