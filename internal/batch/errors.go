package batch

import (
	"errors"
	"fmt"
)

// The reasons for which a batch is refused or cannot be read; an [*Error] wraps one of them. Behind each stands the
// error that Kafka's protocol has for it.
var (
	// ErrShort says that the bytes end before the batch does: more may follow. Kafka: CORRUPT_MESSAGE.
	ErrShort = errors.New("record batch is cut short")

	// ErrMagic says that the batch is not of format 2. Kafka: CORRUPT_MESSAGE, or INVALID_RECORD for the formats 0 and 1
	// that producers of old versions send.
	ErrMagic = errors.New("record batch has an unsupported format")

	// ErrCorrupt says that the batch's frame contradicts itself. Kafka: CORRUPT_MESSAGE.
	ErrCorrupt = errors.New("record batch is corrupt")

	// ErrCRC says that the batch is not what its checksum was made of. Kafka: CORRUPT_MESSAGE.
	ErrCRC = errors.New("record batch has a wrong checksum")

	// ErrTooLarge says that the batch, or what it holds once decompressed, is above a limit. Kafka: MESSAGE_TOO_LARGE.
	ErrTooLarge = errors.New("record batch is too large")

	// ErrTimestamp says that a record's timestamp, or its type, is not allowed. Kafka: INVALID_TIMESTAMP.
	ErrTimestamp = errors.New("record batch has an invalid timestamp")

	// ErrInvalidRecord says that the records, or what the header says of them, cannot be. The checksum is right, so the
	// producer made them so, and to send them again would not help. Kafka: INVALID_RECORD.
	ErrInvalidRecord = errors.New("record batch has invalid records")

	// ErrCodec says that the compression is not known. Kafka: UNSUPPORTED_COMPRESSION_TYPE.
	ErrCodec = errors.New("record batch has an unsupported compression")
)

// Error is a refused batch: the reason, for errors.Is, and what was found.
type Error struct {
	Reason error // one of the Err values of this package
	Detail string

	// Records says which records are at fault, when the others are not; at most maxRecordErrors of them. It is set by
	// Validate for records without a key and for timestamps.
	Records []RecordError
}

// RecordError is one record at fault.
type RecordError struct {
	Index  int // in the batch, from 0
	Detail string
}

// maxRecordErrors bounds what one refused batch costs in memory and in the reply.
const maxRecordErrors = 4096

// Error says what was found.
func (e *Error) Error() string { return fmt.Sprintf("%v: %s", e.Reason, e.Detail) }

// Unwrap gives the reason.
func (e *Error) Unwrap() error { return e.Reason }

func fail(reason error, format string, args ...any) *Error {
	return &Error{Reason: reason, Detail: fmt.Sprintf(format, args...)}
}
