package batch

import (
	"encoding/binary"
	"math"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Options are the header of a batch that is made. The zero value has producer id 0, as the protocol has it: see
// [NoProducer].
type Options struct {
	Codec         Codec
	Level         int // of the codec, as Kafka numbers it; 0 is its default
	BaseOffset    int64
	LeaderEpoch   int32
	ProducerID    int64
	ProducerEpoch int16
	BaseSequence  int32
	TimestampType TimestampType
	Transactional bool
	Control       bool
}

// NoProducer is the header of a batch without idempotence.
func NoProducer() Options {
	return Options{ProducerID: -1, ProducerEpoch: -1, BaseSequence: noSequence}
}

// Builder makes one batch after the other, in memory that it keeps.
type Builder struct {
	options    Options
	body       []byte
	scratch    []byte // one record
	count      int32
	first, max int64
}

// NewBuilder makes a Builder for a batch with these options.
func NewBuilder(o Options) *Builder {
	b := new(Builder)
	b.Reset(o)
	return b
}

// Reset forgets the records, and starts a batch with these options.
func (b *Builder) Reset(o Options) {
	invariant.Check(o.Codec <= ZSTD, "a batch with %v", o.Codec)
	b.options, b.body, b.count = o, b.body[:0], 0
	b.first, b.max = noTimestamp, noTimestamp
}

// Count is the number of records.
func (b *Builder) Count() int { return int(b.count) }

// Size is the batch's size before compression.
func (b *Builder) Size() int { return HeaderSize + len(b.body) }

// Append adds a record and gives it the next offset. nil is null for the key, the value and a header's value. Nothing is
// kept of what is passed. With LogAppendTime the greatest timestamp becomes that of all records.
func (b *Builder) Append(timestamp int64, key, value []byte, headers ...Header) {
	if b.count == 0 {
		b.first = timestamp
	}
	b.max = max(b.max, timestamp)
	r := append(b.scratch[:0], 0) // attributes
	r = appendVarint(r, timestamp-b.first)
	r = appendVarint(r, int64(b.count))
	r = appendBytes(r, key)
	r = appendBytes(r, value)
	r = appendVarint(r, int64(len(headers)))
	for _, h := range headers {
		r = appendVarint(r, int64(len(h.Key)))
		r = append(r, h.Key...)
		r = appendBytes(r, h.Value)
	}
	b.scratch = r
	invariant.Check(len(b.body)+len(r) <= math.MaxInt32-HeaderSize-16, "a batch of more than 2 GiB")
	b.body = append(appendVarint(b.body, int64(len(r))), r...)
	b.count++
}

// Build appends the batch to dst. A batch without records is as compaction leaves it: it takes one offset.
func (b *Builder) Build(dst []byte) []byte {
	o, at := b.options, len(dst)
	var header [HeaderSize]byte
	h := Batch(header[:])
	h.SetBaseOffset(o.BaseOffset)
	h.SetLeaderEpoch(o.LeaderEpoch)
	h[magicOffset] = magic
	attributes := int16(o.Codec)
	if o.TimestampType == LogAppendTime {
		attributes |= appendTimeBit
	}
	if o.Transactional {
		attributes |= transactionalBit
	}
	if o.Control {
		attributes |= controlBit
	}
	h.setAttributes(attributes)
	binary.BigEndian.PutUint32(h[lastOffsetDeltaOffset:], uint32(max(b.count-1, 0)))
	binary.BigEndian.PutUint64(h[firstTimestampOffset:], uint64(b.first))
	h.setMaxTimestamp(b.max)
	binary.BigEndian.PutUint64(h[producerIDOffset:], uint64(o.ProducerID))
	binary.BigEndian.PutUint16(h[producerEpochOffset:], uint16(o.ProducerEpoch))
	binary.BigEndian.PutUint32(h[baseSequenceOffset:], uint32(o.BaseSequence))
	binary.BigEndian.PutUint32(h[countOffset:], uint32(b.count))
	dst = append(dst, header[:]...)
	if b.count > 0 {
		dst = compress(dst, o.Codec, o.Level, b.body)
	}
	Batch(dst[at:]).seal()
	return dst
}

// Bytes gives the batch in memory of its own.
func (b *Builder) Bytes() Batch { return b.Build(nil) }
