package vfs

import (
	"errors"
	"os"

	"golang.org/x/sys/windows"
)

// SyncDir has nothing to do: NTFS journals names, and a directory cannot be flushed.
func (disk) SyncDir(dir string) error {
	_, err := os.Stat(dir)
	return err
}

func (disk) Space(dir string) (Space, error) {
	p, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Space{}, pathError("statfs", dir, err)
	}
	var free, total, all uint64
	if err := windows.GetDiskFreeSpaceEx(p, &free, &total, &all); err != nil {
		return Space{}, pathError("statfs", dir, err)
	}
	return Space{Free: int64(free), Total: int64(total)}, nil
}

// lockFile locks a byte far behind the content, because a locked byte cannot be read and the content is the holder's id.
func lockFile(f *os.File) (held bool, err error) {
	at := windows.Overlapped{Offset: 1 << 30}
	err = windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, &at)
	return err == windows.ERROR_LOCK_VIOLATION, err
}

func isNoSpaceOS(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}
