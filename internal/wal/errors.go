package wal

import (
	"errors"
	"fmt"
)

var (
	// ErrNoSpace says that the disk has no room for another file of the log. It goes away by itself when there is room.
	ErrNoSpace = errors.New("no room on the disk for the write-ahead log")
	// ErrBusy says that the log is full until the next checkpoint, and that the caller's time is up.
	ErrBusy = errors.New("the write-ahead log is full until the next checkpoint")
	// ErrTooLarge says that an entry is larger than the log can ever hold.
	ErrTooLarge = errors.New("larger than the write-ahead log can hold")
	// ErrClosed says that the log was closed.
	ErrClosed = errors.New("the write-ahead log is closed")
)

// CorruptError says that the log holds damaged bytes that were once synced. Nothing was changed.
type CorruptError struct {
	File   string // path of the file
	Offset int64  // where the damaged group starts in it
	Group  uint64 // its number
	Detail string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("write-ahead log %s at %d: group %d is damaged: %s", e.File, e.Offset, e.Group, e.Detail)
}

// MissingError says that a file that must be there is not, or cannot be read as one.
type MissingError struct {
	File   string
	Detail string
}

func (e *MissingError) Error() string {
	return fmt.Sprintf("write-ahead log %s: %s", e.File, e.Detail)
}

// FailedError says that writing or syncing the log failed. The log takes nothing any more; a restart finds all that was committed.
type FailedError struct {
	Op   string // "write", "sync", "prepare"
	File string // empty when the error was not of a file of the log
	Err  error
}

func (e *FailedError) Error() string {
	if e.File == "" {
		return fmt.Sprintf("write-ahead log: %s: %v; nothing is acknowledged any more", e.Op, e.Err)
	}
	return fmt.Sprintf("write-ahead log: %s %s: %v; nothing is acknowledged any more", e.Op, e.File, e.Err)
}

func (e *FailedError) Unwrap() error { return e.Err }
