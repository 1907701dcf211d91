package commitlog

import (
	"errors"
	"fmt"
)

var (
	// ErrClosed says that the log, or the whole engine, was closed.
	ErrClosed = errors.New("the partition is closed")
	// ErrDeleted says that the partition was deleted.
	ErrDeleted = errors.New("the partition was deleted")
	// ErrMemory says that segments are written too slowly, and that the caller's time is up.
	ErrMemory = errors.New("the memory for records that are not yet in their segments is used up; the disk is slow or full")
)

// OffsetError says that there is nothing at an offset.
type OffsetError struct {
	Topic       string
	Partition   int32
	Offset      int64
	Start, Next int64
}

func (e *OffsetError) Error() string {
	return fmt.Sprintf("%s-%d: offset %d is out of range: the log goes from %d to %d", e.Topic, e.Partition, e.Offset, e.Start, e.Next)
}

// CorruptError says that a file holds other bytes than were written.
type CorruptError struct {
	Topic     string
	Partition int32
	File      string // base name
	Position  int64  // in the file
	Offset    int64  // of the record that was to be read, or -1
	Detail    string
}

func (e *CorruptError) Error() string {
	return fmt.Sprintf("%s-%d: %s at %d (offset %d) is damaged: %s", e.Topic, e.Partition, e.File, e.Position, e.Offset, e.Detail)
}

// OfflineError says that a partition is not served because its files are damaged.
type OfflineError struct {
	Topic     string
	Partition int32
	Err       error
}

func (e *OfflineError) Error() string {
	return fmt.Sprintf("%s-%d is offline: %v; `bobbin verify` shows the damage, `bobbin repair` cuts it", e.Topic, e.Partition, e.Err)
}

func (e *OfflineError) Unwrap() error { return e.Err }
