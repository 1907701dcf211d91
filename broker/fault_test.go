package broker

import (
	"strings"
	"syscall"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// failing is a file system whose files of the write-ahead log cannot be synced any more once bad is closed.
type failing struct {
	vfs.FS
	bad chan struct{}
}

func (f *failing) Open(name string, mode vfs.Mode) (vfs.File, error) {
	file, err := f.FS.Open(name, mode)
	if err != nil || !strings.Contains(name, "/wal/") {
		return file, err
	}
	return &failingFile{file, f.bad}, nil
}

type failingFile struct {
	vfs.File
	bad chan struct{}
}

func (f *failingFile) Sync() error {
	select {
	case <-f.bad:
		return syscall.EIO
	default:
		return f.File.Sync()
	}
}
