//go:build !linux

package vfs

import "errors"

func (d *diskFile) setDirect() bool { return false }

func (d *diskFile) readDirect(p []byte, off int64) (int, error) { return d.f.ReadAt(p, off) }

func (d *diskFile) ReadOnceAt(p []byte, off int64) (int, error) { return d.ReadAt(p, off) }

func (d *diskFile) WritevAt(bufs [][]byte, off int64) (n int64, err error) {
	for _, b := range bufs {
		m, err := d.f.WriteAt(b, off+n)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

func (d *diskFile) Allocate(off, n int64) error { return d.extend(off + n) }

// Sync is more than fsync on macOS: os.File.Sync asks the drive to empty its cache too (F_FULLFSYNC).
func (d *diskFile) Sync() error { return d.f.Sync() }

func (disk) SyncFS(dir string) error { return pathError("syncfs", dir, errors.ErrUnsupported) }
