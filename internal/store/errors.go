package store

import (
	"errors"
	"fmt"
)

// ErrClosed says that the store was closed.
var ErrClosed = errors.New("the data directory is closed")

// NewerError says that the directory was written by a newer version. Nothing in it was changed.
type NewerError struct {
	Dir    string
	Detail string
}

func (e *NewerError) Error() string {
	return fmt.Sprintf("%s was written by a newer version of Bobbin (%s); run that version, nothing was changed", e.Dir, e.Detail)
}

// LostError says that the directory is not what it was: its identity is there and its log is not, or the other way round, or it is not the
// cluster's. Nothing in it was changed.
type LostError struct {
	Dir    string
	Detail string
}

func (e *LostError) Error() string { return fmt.Sprintf("data directory %s: %s", e.Dir, e.Detail) }

// DamagedError says that something that belongs to the whole directory is damaged. Nothing in it was changed.
type DamagedError struct {
	File string
	Err  error
}

func (e *DamagedError) Error() string {
	return fmt.Sprintf("%s is damaged: %v; `bobbin verify` shows all damage", e.File, e.Err)
}

func (e *DamagedError) Unwrap() error { return e.Err }
