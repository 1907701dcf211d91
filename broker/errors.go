package broker

import (
	"context"
	"errors"
	"fmt"

	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// ErrClosed says that the broker was shut down or closed.
var ErrClosed = errors.New("the broker is closed")

// Kind is what sort of failure an Error is.
type Kind uint8

// The kinds.
const (
	Other    Kind = iota
	Invalid       // an option or a setting makes no sense
	InUse         // another process has the data directory: PID
	Unsafe        // a listener that others could reach without authentication, or one that cannot be had
	Newer         // the directory was written by a newer version
	Corrupt       // the directory is damaged, incomplete, or not the expected one
	Disk          // the disk failed
	NotFound      // there is no such directory
)

// Error says what failed, why, and what to do.
type Error struct {
	Kind Kind
	Op   string // "open the data directory ./data"
	PID  int    // of the process that has the directory, when Kind is InUse and it is known
	Err  error
	Hint string // what to do; empty when Err says it
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %v", e.Op, e.Err) }
func (e *Error) Unwrap() error { return e.Err }

// newError is the one place where the errors of the layers below get a kind.
func newError(op string, err error) error {
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	e := &Error{Op: op, Err: err}
	var (
		locked  *vfs.LockedError
		newer   *store.NewerError
		lost    *store.LostError
		damaged *store.DamagedError
		corrupt *wal.CorruptError
		missing *wal.MissingError
	)
	switch {
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.As(err, &locked):
		e.Kind, e.PID = InUse, locked.PID
	case errors.As(err, &newer):
		e.Kind = Newer
	case errors.As(err, &lost):
		e.Kind = Corrupt
	case errors.As(err, &damaged), errors.As(err, &corrupt), errors.As(err, &missing):
		e.Kind = Corrupt
		e.Hint = "nothing was changed: `bobbin verify` shows what is wrong"
	case errors.Is(err, store.ErrClosed):
	default:
		e.Kind = Disk
		if vfs.IsNoSpace(err) {
			e.Hint = "make room on the disk and start again"
		}
	}
	return e
}
