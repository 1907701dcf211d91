//go:build linux || darwin || freebsd

package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

func (disk) SyncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

func (disk) Space(dir string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Space{}, pathError("statfs", dir, err)
	}
	block := int64(st.Bsize)
	return Space{Free: int64(st.Bavail) * block, Total: int64(st.Blocks) * block}, nil
}

// lockFile takes a lock that belongs to the open file, so that a second open in this process does not get it either.
func lockFile(f *os.File) (held bool, err error) {
	for {
		err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		if err != unix.EINTR {
			return err == unix.EWOULDBLOCK, err
		}
	}
}

func isNoSpaceOS(error) bool { return false }
