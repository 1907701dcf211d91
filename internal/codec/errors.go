package codec

import (
	"errors"
	"fmt"
)

// The reasons for which a packet is not written or not read; an [*Error] wraps one of them.
var (
	// ErrUnknown says that bytes were made by a writer that knows more: another format, version or kind. They may be whole.
	ErrUnknown = errors.New("unknown format, version or kind")

	// ErrInvalid says that what was given to be written cannot be: columns of unequal lengths, a name that is too long, a text that is not UTF-8.
	ErrInvalid = errors.New("invalid")

	// ErrBroken says that bytes are not the packet that they should be.
	ErrBroken = errors.New("broken packet")
)

// Error says what could not be written or read, why and where.
type Error struct {
	Op     string // such as "read binary rows"
	Reason error  // ErrUnknown, ErrInvalid or ErrBroken
	Offset int    // of the byte in the value that is not understood; -1 when writing
	Column string // the column at fault, such as `number column "speed"`; empty where none is
	Detail string
}

// Error says all of it in one line.
func (e *Error) Error() string {
	s := e.Op + ": " + e.Reason.Error()
	if e.Offset >= 0 {
		s += fmt.Sprintf(" at byte %d", e.Offset)
	}
	if e.Column != "" {
		s += ": " + e.Column
	}
	return s + ": " + e.Detail
}

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

// invalid is an error of a writer.
func invalid(op, format string, args ...any) error {
	return &Error{Op: op, Reason: ErrInvalid, Offset: -1, Detail: fmt.Sprintf(format, args...)}
}

// in names the column in which an error of this package came up.
func in(err error, c *Column) error {
	var e *Error
	if errors.As(err, &e) && e.Column == "" {
		e.Column = fmt.Sprintf("%v column %.300q", c.Kind, c.Name)
	}
	return err
}
