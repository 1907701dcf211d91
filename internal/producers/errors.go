package producers

import (
	"errors"
	"fmt"
)

// The reasons for which Check refuses a batch; an [*Error] wraps one of them.
var (
	// ErrOutOfOrderSequence says that a batch does not follow the last one: something in between is missing, or the
	// batch is a duplicate too old to be recognised. Kafka: OUT_OF_ORDER_SEQUENCE_NUMBER.
	ErrOutOfOrderSequence = errors.New("out of order sequence number")

	// ErrInvalidEpoch says that a newer instance of the producer has written: this one is fenced. Kafka:
	// INVALID_PRODUCER_EPOCH on the produce path.
	ErrInvalidEpoch = errors.New("invalid producer epoch")
)

// The reasons for which DecodeSnapshot refuses bytes; its errors wrap one of them.
var (
	// ErrMalformed says that the bytes are no snapshot.
	ErrMalformed = errors.New("malformed producer snapshot")

	// ErrNewer says that the snapshot was written by a newer version of Bobbin.
	ErrNewer = errors.New("producer snapshot of a newer format")
)

// Error is a refused batch, with the numbers that explain the refusal.
type Error struct {
	Reason error // ErrOutOfOrderSequence or ErrInvalidEpoch

	ProducerID    int64
	Epoch         int16 // of the batch
	FirstSequence int32 // of the batch
	StoredEpoch   int16 // of the producer, -1 when nothing is known
	LastSequence  int32 // of the producer's last batch in StoredEpoch, -1 when there is none
}

// Error says what was sent and what is stored.
func (e *Error) Error() string {
	switch {
	case e.Reason == ErrInvalidEpoch:
		return fmt.Sprintf("producer %d: %v: epoch %d is smaller than the last seen epoch %d",
			e.ProducerID, e.Reason, e.Epoch, e.StoredEpoch)
	case e.Epoch != e.StoredEpoch:
		return fmt.Sprintf("producer %d: %v: a new epoch starts at sequence 0: %d (incoming epoch), %d (incoming sequence), %d (current epoch)",
			e.ProducerID, e.Reason, e.Epoch, e.FirstSequence, e.StoredEpoch)
	default:
		return fmt.Sprintf("producer %d: %v: %d (incoming sequence), %d (current end sequence) in epoch %d",
			e.ProducerID, e.Reason, e.FirstSequence, e.LastSequence, e.Epoch)
	}
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Reason }
