package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/broker"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// The exit codes of the process.
const (
	exitOK           = 0
	exitFailure      = 1
	exitUsage        = 2
	exitNotFound     = 3
	exitUnauthorized = 4
	exitUnreachable  = 5
	exitCheckFailed  = 6
	exitInUse        = 7
	exitListener     = 8
	exitNewer        = 9
	exitCorrupt      = 10
	exitDisk         = 11
	exitInterrupted  = 130
)

// usageError is a wrong use of a command.
type usageError struct {
	cmd string // path of the command
	err error
}

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

// checkError says that a check found something.
type checkError struct{ err error }

func (e *checkError) Error() string { return e.err.Error() }
func (e *checkError) Unwrap() error { return e.err }

// usagef makes a usageError.
func usagef(cmd interface{ CommandPath() string }, format string, args ...any) error {
	return &usageError{cmd: cmd.CommandPath(), err: fmt.Errorf(format, args...)}
}

// failure is an error as it is shown.
type failure struct {
	Error string `json:"error"`
	Code  string `json:"code,omitempty"` // Kafka's name of it
	Hint  string `json:"hint,omitempty"`
	Exit  int    `json:"exit_code"`
}

// explain says what an error means to whoever started the process.
func explain(err error) failure {
	f := failure{Error: err.Error(), Exit: exitFailure}
	if u, ok := errors.AsType[*usageError](err); ok {
		f.Exit, f.Hint = exitUsage, "see `"+u.cmd+" --help`"
		return f
	}
	if p, ok := errors.AsType[*fs.PathError](err); ok {
		f.Exit = exitDisk
		if errors.Is(p, fs.ErrNotExist) {
			f.Exit = exitNotFound
		}
	}
	if k, ok := errors.AsType[*kafka.Error](err); ok {
		f.Code, f.Hint = k.Code, k.Hint
	}
	if s, ok := errors.AsType[*bobbin.Error](err); ok {
		f.Exit, f.Hint = exitOfLibrary(s), s.Hint
	}
	if b, ok := errors.AsType[*broker.Error](err); ok {
		f.Exit, f.Hint = exitOfBroker(b.Kind), b.Hint
	}
	if _, ok := errors.AsType[*checkError](err); ok {
		f.Exit = exitCheckFailed
		return f
	}
	switch kafka.KindOf(err) {
	case kafka.Invalid, kafka.TooLarge:
		f.Exit = exitUsage
	case kafka.NotFound:
		f.Exit = exitNotFound
	case kafka.Unauthorized:
		f.Exit = exitUnauthorized
	case kafka.Unreachable, kafka.Timeout:
		f.Exit = exitUnreachable
	case kafka.Interrupted:
		f.Exit = exitInterrupted
	}
	if errors.Is(err, context.Canceled) {
		f.Exit = exitInterrupted
	}
	return f
}

func exitOfLibrary(err error) int {
	switch {
	case errors.Is(err, bobbin.ErrUnknownTopic):
		return exitNotFound
	case errors.Is(err, bobbin.ErrDenied):
		return exitUnauthorized
	case errors.Is(err, bobbin.ErrUnreachable):
		return exitUnreachable
	case errors.Is(err, bobbin.ErrInvalid), errors.Is(err, bobbin.ErrTooLarge):
		return exitUsage
	}
	return exitFailure
}

func exitOfBroker(k broker.Kind) int {
	switch k {
	case broker.Invalid:
		return exitUsage
	case broker.InUse:
		return exitInUse
	case broker.Unsafe:
		return exitListener
	case broker.Newer:
		return exitNewer
	case broker.Corrupt:
		return exitCorrupt
	case broker.Disk:
		return exitDisk
	case broker.NotFound:
		return exitNotFound
	}
	return exitFailure
}

// fail shows an error on standard error and returns the exit code.
func (a *app) fail(err error) int {
	f := explain(err)
	switch {
	case a.output == formJSON || a.output == formJSONL:
		b, _ := json.Marshal(f)
		fmt.Fprintf(a.stderr, "%s\n", b)
	case f.Exit == exitInterrupted:
		fmt.Fprintln(a.stderr, "interrupted")
	default:
		fmt.Fprintf(a.stderr, "bobbin: %s\n", f.Error)
		if f.Hint != "" {
			fmt.Fprintf(a.stderr, "try: %s\n", f.Hint)
		}
	}
	return f.Exit
}
