package batch

import (
	"encoding/binary"
	"hash/crc32"
	"math"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Sizes and places in a batch that other packages must know.
const (
	HeaderSize  = 61 // what stands before the records
	LogOverhead = 12 // base offset and length: what the length does not count
	CRCOffset   = 17 // where the checksum stands
	BodyOffset  = 21 // the attributes: where the checksum begins to cover
)

// The other fields' places.
const (
	lengthOffset          = 8
	leaderEpochOffset     = 12
	magicOffset           = 16
	lastOffsetDeltaOffset = 23
	firstTimestampOffset  = 27
	maxTimestampOffset    = 35
	producerIDOffset      = 43
	producerEpochOffset   = 51
	baseSequenceOffset    = 53
	countOffset           = 57
)

// The bits of the attributes.
const (
	codecMask        = 0x07
	appendTimeBit    = 0x08
	transactionalBit = 0x10
	controlBit       = 0x20
	deleteHorizonBit = 0x40
)

// Values of fields.
const (
	magic     = 2
	minLength = HeaderSize - LogOverhead
	// minLegacyLength is the least length of a message of the formats before 2.
	minLegacyLength = 14
	noSequence      = -1
	noTimestamp     = -1 // the record has none
)

// castagnoli makes hash/crc32 use the processor's instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Batch is the bytes of one whole batch. What reads and patches the header, without the checksum, works on the first
// [HeaderSize] bytes alone. A Batch comes from [Next] or [Builder]: shorter bytes panic.
type Batch []byte

// TimestampType says what the timestamps of a batch's records are.
type TimestampType uint8

// CreateTime is set by the producer for each record; LogAppendTime is one time for the whole batch, set by the broker.
const (
	CreateTime TimestampType = iota
	LogAppendTime
)

// String gives Kafka's name for the type, as in message.timestamp.type.
func (t TimestampType) String() string {
	if t == LogAppendTime {
		return "LogAppendTime"
	}
	return "CreateTime"
}

func (b Batch) int64At(at int) int64 { return int64(binary.BigEndian.Uint64(b[at:])) }
func (b Batch) int32At(at int) int32 { return int32(binary.BigEndian.Uint32(b[at:])) }

// BaseOffset is the offset of the first record, also when compaction has removed that record.
func (b Batch) BaseOffset() int64 { return b.int64At(0) }

// Length is what the batch says of its size without [LogOverhead].
func (b Batch) Length() int32 { return b.int32At(lengthOffset) }

// LeaderEpoch is the epoch of the leader that stored the batch.
func (b Batch) LeaderEpoch() int32 { return b.int32At(leaderEpochOffset) }

// Magic is the version of the format; what [Next] gives has 2.
func (b Batch) Magic() int8 { return int8(b[magicOffset]) }

// CRC is the checksum that the batch carries.
func (b Batch) CRC() uint32 { return binary.BigEndian.Uint32(b[CRCOffset:]) }

// Attributes are the codec, the type of timestamps and the flags.
func (b Batch) Attributes() int16 { return int16(binary.BigEndian.Uint16(b[BodyOffset:])) }

// Compression is how the records are compressed; it may be none that is known.
func (b Batch) Compression() Codec { return Codec(b.Attributes() & codecMask) }

// TimestampType says who set the timestamps.
func (b Batch) TimestampType() TimestampType {
	if b.Attributes()&appendTimeBit != 0 {
		return LogAppendTime
	}
	return CreateTime
}

// Transactional says whether the batch is part of a transaction.
func (b Batch) Transactional() bool { return b.Attributes()&transactionalBit != 0 }

// Control says whether the record is a marker for clients and not data.
func (b Batch) Control() bool { return b.Attributes()&controlBit != 0 }

// HasDeleteHorizon says whether compaction has put a delete horizon where the first timestamp stands.
func (b Batch) HasDeleteHorizon() bool { return b.Attributes()&deleteHorizonBit != 0 }

// LastOffsetDelta is the last offset less the base offset.
func (b Batch) LastOffsetDelta() int32 { return b.int32At(lastOffsetDeltaOffset) }

// FirstTimestamp is what the records' timestamps count from.
func (b Batch) FirstTimestamp() int64 { return b.int64At(firstTimestampOffset) }

// MaxTimestamp is the greatest timestamp, or with LogAppendTime that of every record.
func (b Batch) MaxTimestamp() int64 { return b.int64At(maxTimestampOffset) }

// ProducerID names an idempotent producer; it is negative when there is none.
func (b Batch) ProducerID() int64 { return b.int64At(producerIDOffset) }

// ProducerEpoch tells the instances of one producer apart.
func (b Batch) ProducerEpoch() int16 { return int16(binary.BigEndian.Uint16(b[producerEpochOffset:])) }

// BaseSequence is the producer's number of the first record, or -1.
func (b Batch) BaseSequence() int32 { return b.int32At(baseSequenceOffset) }

// LastSequence is the producer's number of the last record, or -1. After 2^31-1 comes 0.
func (b Batch) LastSequence() int32 {
	base := b.BaseSequence()
	if base == noSequence {
		return noSequence
	}
	return int32((int64(base) + int64(b.LastOffsetDelta())) & math.MaxInt32)
}

// Count is how many records the batch says it holds: fewer than its offsets after compaction, or none.
func (b Batch) Count() int32 { return b.int32At(countOffset) }

// LastOffset is the offset of the last record, also when compaction has removed that record.
func (b Batch) LastOffset() int64 { return b.BaseOffset() + int64(b.LastOffsetDelta()) }

// NextOffset is the offset behind the batch.
func (b Batch) NextOffset() int64 { return b.LastOffset() + 1 }

// SetBaseOffset gives the batch its place in the log. The checksum does not cover it.
func (b Batch) SetBaseOffset(offset int64) { binary.BigEndian.PutUint64(b, uint64(offset)) }

// SetLeaderEpoch says which leader stores the batch. The checksum does not cover it.
func (b Batch) SetLeaderEpoch(epoch int32) {
	binary.BigEndian.PutUint32(b[leaderEpochOffset:], uint32(epoch))
}

// StampAppendTime makes ms the timestamp of all records, for a topic with LogAppendTime, and renews the checksum.
func (b Batch) StampAppendTime(ms int64) {
	if b.TimestampType() == LogAppendTime && b.MaxTimestamp() == ms {
		return
	}
	b.setAttributes(b.Attributes() | appendTimeBit)
	b.setMaxTimestamp(ms)
	b.seal()
}

// CheckCRC compares the checksum with the bytes.
func (b Batch) CheckCRC() error {
	if got, want := crc32.Checksum(b[BodyOffset:], castagnoli), b.CRC(); got != want {
		return fail(ErrCRC, "it says %08x, its %d bytes give %08x", want, len(b), got)
	}
	return nil
}

func (b Batch) setAttributes(a int16) { binary.BigEndian.PutUint16(b[BodyOffset:], uint16(a)) }

func (b Batch) setMaxTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[maxTimestampOffset:], uint64(ms))
}

func (b Batch) setFirstTimestamp(ms int64) {
	binary.BigEndian.PutUint64(b[firstTimestampOffset:], uint64(ms))
}

// seal writes length and checksum after a change.
func (b Batch) seal() {
	invariant.Check(len(b) >= HeaderSize && len(b)-LogOverhead <= math.MaxInt32, "a batch of %d bytes", len(b))
	binary.BigEndian.PutUint32(b[lengthOffset:], uint32(len(b)-LogOverhead))
	binary.BigEndian.PutUint32(b[CRCOffset:], crc32.Checksum(b[BodyOffset:], castagnoli))
}
