package batch

import (
	"fmt"
	"math"
)

// Rules are what a topic and its broker ask of a batch that is produced. Every limit is taken as it stands: zero allows
// nothing, [NoLimit] everything.
type Rules struct {
	MaxBytes        int // of the batch as it comes: max.message.bytes
	MaxDecompressed int // of its records when decompressed

	TimestampType TimestampType // of the topic
	Now           int64         // milliseconds since 1970

	// How far a record's timestamp may be before and after Now: message.timestamp.before.max.ms and
	// message.timestamp.after.max.ms. They hold for topics with CreateTime, and for records that have a timestamp.
	TimestampBefore, TimestampAfter int64

	RequireKey   bool // the topic is compacted
	AllowControl bool // the broker wrote it
}

// NoLimit is a limit of Rules that no batch reaches.
const NoLimit = math.MaxInt64

// Validate says whether a batch may be stored. It asks what Apache Kafka 4.2 asks of a batch from a client
// (UnifiedLog.analyzeAndValidateRecords, LogValidator), in the same order: base offset, size, checksum, what the header
// says, and then each record. It refuses in addition what no client sends and Kafka stores or mends: records whose
// offsets do not count from 0, the delete horizon of compaction, a transaction without a producer.
//
// As Kafka does, it corrects a greatest timestamp that is not the records', and renews the checksum: some clients leave
// the first one's there, and searching by time relies on it. As Kafka does too, it clears the bit by which a batch says
// that a broker gave it its time: no broker has yet.
//
// A compressed batch is decompressed piece by piece: what it takes in memory does not grow with what it holds. MaxDecompressed bounds the work. The exception is Zstandard
// with a window of more than 8 MiB, which a level of 20 and more asks for: such a batch is taken whole, and may hold 16 MiB.
func (b Batch) Validate(r Rules) error { return b.validate(r, asPieces) }

func (b Batch) validate(r Rules, how pieces) error {
	if err := b.validateFrame(r); err != nil {
		return err
	}
	if err := b.validateHeader(r); err != nil {
		return err
	}
	var greatest int64
	if err := b.inPieces(r.MaxDecompressed, how, func(body []byte, more *stream) (err error) {
		greatest, err = b.validateRecords(body, more, &r)
		return err
	}); err != nil {
		return err
	}
	if r.TimestampType == CreateTime && (b.MaxTimestamp() != greatest || b.TimestampType() == LogAppendTime) {
		b.setMaxTimestamp(greatest)
		b.setAttributes(b.Attributes() &^ appendTimeBit)
		b.seal()
	}
	return nil
}

// validateFrame looks at what stands before the records' header: place, size, format, checksum.
func (b Batch) validateFrame(r Rules) error {
	switch {
	case len(b) < HeaderSize || int64(len(b)) != int64(b.Length())+LogOverhead:
		return fail(ErrCorrupt, "it has %d bytes, which is not what its header says", len(b))
	case b.Magic() != magic:
		return wrongMagic(b)
	case b.BaseOffset() != 0:
		return fail(ErrInvalidRecord, "its base offset is %d, producers send 0", b.BaseOffset())
	case len(b) > r.MaxBytes:
		return fail(ErrTooLarge, "it has %d bytes, the topic takes %d (max.message.bytes)", len(b), r.MaxBytes)
	}
	return b.CheckCRC()
}

func (b Batch) validateHeader(r Rules) error {
	switch count, last := int64(b.Count()), int64(b.LastOffsetDelta()); {
	case last < 0:
		return fail(ErrInvalidRecord, "its last offset delta is %d", last)
	case count <= 0:
		return fail(ErrInvalidRecord, "its number of records is %d", count)
	case count != last+1:
		return fail(ErrInvalidRecord, "its number of records is %d and its last offset delta %d", count, last)
	case b.Control() && !r.AllowControl:
		return fail(ErrInvalidRecord, "only the broker writes control batches")
	case b.HasDeleteHorizon():
		return fail(ErrInvalidRecord, "only compaction sets a delete horizon")
	case b.ProducerID() >= 0 && b.ProducerEpoch() < 0:
		return fail(ErrInvalidRecord, "producer %d has epoch %d", b.ProducerID(), b.ProducerEpoch())
	case b.ProducerID() >= 0 && b.BaseSequence() < 0 && !b.Control():
		return fail(ErrInvalidRecord, "producer %d has sequence %d", b.ProducerID(), b.BaseSequence())
	case b.Transactional() && b.ProducerID() < 0:
		return fail(ErrInvalidRecord, "it belongs to a transaction and has no producer")
	case b.Compression() > ZSTD:
		return fail(ErrCodec, "%v is not known", b.Compression())
	}
	return nil
}

// validateRecords walks the records without allocating, as long as they are right, and gives the greatest timestamp.
func (b Batch) validateRecords(body []byte, more *stream, r *Rules) (greatest int64, err error) {
	count, first := int(b.Count()), b.FirstTimestamp()
	greatest = noTimestamp
	var refused *Error
	var f fields
	for i := range count {
		n, why := 0, ""
		if !r.RequireKey {
			n = f.parsePlain(body)
		}
		if n == 0 {
			n, why = f.parse(body)
		}
		if why == "" {
			body = body[n:]
		} else if more != nil {
			body, why = more.across(body, &f)
		}
		if why != "" {
			return 0, fail(ErrInvalidRecord, "record %d of %d: %s", i, count, why)
		}
		if int(f.offsetDelta) != i {
			return 0, fail(ErrInvalidRecord, "record %d of %d: its offset delta is %d", i, count, f.offsetDelta)
		}
		timestamp := first + f.timestampDelta
		greatest = max(greatest, timestamp)
		switch {
		case r.RequireKey && f.key == nil:
			refused = refused.add(ErrInvalidRecord, i, r, timestamp)
		case r.TimestampType == CreateTime && timestamp != noTimestamp && !r.inTime(timestamp):
			refused = refused.add(ErrTimestamp, i, r, timestamp)
		}
	}
	behind := len(body)
	if more != nil {
		behind += more.drain()
	}
	if err := b.checkEnd(behind); err != nil {
		return 0, err
	}
	if refused != nil {
		return 0, refused
	}
	return greatest, nil
}

// inTime compares without overflow: both distances are unsigned.
func (r *Rules) inTime(timestamp int64) bool {
	if timestamp <= r.Now {
		return uint64(r.Now)-uint64(timestamp) <= uint64(max(r.TimestampBefore, 0))
	}
	return uint64(timestamp)-uint64(r.Now) <= uint64(max(r.TimestampAfter, 0))
}

// add notes a record at fault; e is nil before the first. One wrong timestamp makes the whole batch's reason
// ErrTimestamp, as in Kafka.
func (e *Error) add(reason error, index int, r *Rules, timestamp int64) *Error {
	first := e == nil || reason == ErrTimestamp && e.Reason != ErrTimestamp
	if !first && len(e.Records) == maxRecordErrors {
		return e
	}
	detail := "it has no key, which a compacted topic needs"
	if reason == ErrTimestamp {
		detail = fmt.Sprintf("its timestamp %d is not within %d ms before and %d ms after %d", timestamp, r.TimestampBefore, r.TimestampAfter, r.Now)
	}
	if e == nil {
		e = new(Error)
	}
	if first {
		e.Reason, e.Detail = reason, fmt.Sprintf("record %d: %s", index, detail)
	}
	if len(e.Records) < maxRecordErrors {
		e.Records = append(e.Records, RecordError{Index: index, Detail: detail})
	}
	return e
}
