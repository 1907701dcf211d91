package broker

import (
	"errors"
	"io/fs"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// DiskBytes returns the size of all files of the data directory. It looks at each of them.
func (b *Broker) DiskBytes() (int64, error) { return sizeOf(b.fs, b.dir) }

func sizeOf(fsys vfs.FS, dir string) (int64, error) {
	infos, err := fsys.List(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // a segment's directory goes while others are looked at
	}
	if err != nil {
		return 0, newError("measure the data directory", err)
	}
	var sum int64
	for _, i := range infos {
		n := i.Size
		if i.Dir {
			if n, err = sizeOf(fsys, filepath.Join(dir, i.Name)); err != nil {
				return 0, err
			}
		}
		sum += n
	}
	return sum, nil
}
