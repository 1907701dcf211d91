package vfs

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"
)

// LockedError says that another open file holds a lock.
type LockedError struct {
	Name string
	PID  int // the process that holds it, 0 when it is not known
}

func (e *LockedError) Error() string {
	if e.PID == 0 {
		return fmt.Sprintf("lock %s: held by another process; stop it, or use another directory", e.Name)
	}
	return fmt.Sprintf("lock %s: held by process %d; stop it, or use another directory", e.Name, e.PID)
}

// IsNoSpace says whether an error means that the disk or the quota is full. Such an error goes away when there is room.
func IsNoSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || isNoSpaceOS(err)
}

func pathError(op, name string, err error) error {
	if err == nil {
		return nil
	}
	return &fs.PathError{Op: op, Path: name, Err: err}
}
