package bobbin

import (
	"errors"
	"fmt"
	"strings"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// What errors are about, for errors.Is.
var (
	ErrClosed       = errors.New("already closed")                                  // the client, producer, consumer or stream was closed
	ErrRevoked      = errors.New("the partition was given to another consumer")     // of the group; also the cause of the handler's context
	ErrNoGroup      = errors.New("the consumer has no group")                       // so there is nothing to commit for
	ErrInvalid      = errors.New("makes no sense")                                  // an option, a name or a value
	ErrTooLarge     = errors.New("larger than the cluster takes")                   // a packet
	ErrTopicExists  = errors.New("the topic is there already")                      // for CreateTopic
	ErrUnknownTopic = errors.New("there is no such topic")                          // or it vanished
	ErrUnreachable  = errors.New("the cluster does not answer")                     // no connection, no leader, or not in time
	ErrDenied       = errors.New("the cluster does not let us")                     // authentication or authorisation
	ErrBroken       = errors.New("the record cannot be read as what it says it is") // of Raw.Err
)

// Error says what failed, on what, why, and what to try. errors.Is finds what it is about (ErrTooLarge and so on), errors.As this.
type Error struct {
	Op     string // "write to stream"
	Topic  string
	Stream string // empty when it is about none
	Err    error
	Hint   string // what to try; empty when we do not know
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("bobbin: ")
	b.WriteString(e.Op)
	switch {
	case e.Stream != "" && e.Topic != "":
		fmt.Fprintf(&b, " %.80q of topic %s", e.Stream, e.Topic)
	case e.Stream != "":
		fmt.Fprintf(&b, " %.80q", e.Stream)
	case e.Topic != "":
		b.WriteString(" " + e.Topic)
	}
	fmt.Fprintf(&b, ": %v", e.Err)
	if e.Hint != "" {
		b.WriteString(" (" + e.Hint + ")")
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// about is an error whose text is its own and which errors.Is takes for one of the sentinels.
type about struct {
	what error
	error
}

func (a about) Is(target error) bool { return target == a.what }
func (a about) Unwrap() error        { return a.error }

// invalidf returns an error about what the caller gave.
func invalidf(format string, args ...any) error {
	return about{ErrInvalid, fmt.Errorf(format, args...)}
}

// fail makes an error of the layer below one of ours.
func fail(op, topic, stream string, err error) error {
	if err == nil {
		return nil
	}
	if own, ok := errors.AsType[*Error](err); ok {
		return own
	}
	e := &Error{Op: op, Topic: topic, Stream: stream, Err: err}
	k, ok := errors.AsType[*kafka.Error](err)
	if !ok {
		return e
	}
	if direct, ok := err.(*kafka.Error); ok {
		err = direct.Err // its op and topic are ours
	}
	e.Hint, e.Err = k.Hint, err
	switch k.Kind {
	case kafka.Invalid:
		e.Err = about{ErrInvalid, err}
	case kafka.NotFound:
		e.Err = about{ErrUnknownTopic, err}
	case kafka.Exists:
		e.Err = about{ErrTopicExists, err}
	case kafka.Unauthorized:
		e.Err = about{ErrDenied, err}
	case kafka.Unreachable, kafka.Timeout:
		e.Err = about{ErrUnreachable, err}
	}
	return e
}
