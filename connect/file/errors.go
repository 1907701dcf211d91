package file

import (
	"errors"
	"fmt"
)

// LineError says what is wrong with one line, or with one value of it. Reading can go on.
type LineError struct {
	Line   int    // from 1; where a row begins, when it has several lines
	Column string // empty when it is the line as a whole
	Value  bool   // only this value is bad: Next returned the row without it
	Err    error
}

// Error says line, column and cause.
func (e *LineError) Error() string {
	if e.Column == "" {
		return fmt.Sprintf("line %d: %v", e.Line, e.Err)
	}
	return fmt.Sprintf("line %d, column %.300q: %v", e.Line, e.Column, e.Err)
}

// Unwrap gives the cause.
func (e *LineError) Unwrap() error { return e.Err }

var (
	errTooLong  = errors.New("the line is longer than 1 MiB")
	errText     = errors.New("the text is not UTF-8; convert the file to UTF-8")
	errTwice    = errors.New("the name stands twice in the row")
	errArray    = errors.New("it is an array; only numbers, texts and objects of them can be values")
	errDeep     = errors.New("objects are nested deeper than 32 times")
	errTooLarge = errors.New("the number is too large for a float64")
)
