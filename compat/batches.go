package compat

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// Where the fields of a record batch of format 2 stand.
const (
	atLength     = 8
	atEpoch      = 12
	atMagic      = 16
	atCRC        = 17
	atAttributes = 21
	atLastDelta  = 23
	atFirstTime  = 27
	atMaxTime    = 35
	atProducer   = 43
	atPEpoch     = 51
	atSequence   = 53
	atCount      = 57
	batchHeader  = 61
)

// baseTime is the time of the first record of every case: the same on both brokers, and recent, so that no retention takes the records away.
var baseTime = time.Now().Add(-time.Minute).UnixMilli()

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// batchSpec is what a record batch shall be, wrong or right.
type batchSpec struct {
	values     []string
	key        string  // of every record; empty: no key
	times      []int64 // after baseTime, one a record; nil: 0, 1, 2, …
	codec      kgo.CompressionCodec
	codecBits  int16 // the compression of the header; 0: that of codec
	attributes int16 // more of them
	by         *producer
	baseOffset int64
	// change edits the finished batch before its CRC is computed; damage edits it after that.
	change, damage func(b []byte)
}

// producer is who wrote a batch: an idempotent producer's id and epoch, and its sequence number.
type producer struct {
	id       int64
	epoch    int16
	sequence int32
}

// values names n records.
func values(n int) []string {
	v := make([]string, n)
	for i := range v {
		v[i] = fmt.Sprintf("value-%d", i)
	}
	return v
}

// bytes makes the batch.
func (s batchSpec) bytes() []byte {
	var records []byte
	maxTime := int64(0)
	for i, v := range s.values {
		at := int64(i)
		if s.times != nil {
			at = s.times[i]
		}
		maxTime = max(maxTime, at)
		r := kmsg.NewRecord()
		r.TimestampDelta64, r.OffsetDelta, r.Value = at, int32(i), []byte(v)
		if s.key != "" {
			r.Key = []byte(s.key)
		}
		r.Length = int32(len(r.AppendTo(nil)) - 1) // the length itself is a single byte while it is 0
		records = r.AppendTo(records)
	}
	attributes := s.attributes | s.codecBits
	if s.codec != kgo.NoCompression() {
		compressor, err := kgo.DefaultCompressor(s.codec)
		if err != nil {
			panic(err) // a codec of kgo's that kgo does not know
		}
		packed, codec := compressor.Compress(new(bytes.Buffer), records)
		records = packed
		if s.codecBits == 0 {
			attributes |= int16(codec)
		}
	}
	by := producer{-1, -1, -1}
	if s.by != nil {
		by = *s.by
	}
	b := make([]byte, batchHeader, batchHeader+len(records))
	put := binary.BigEndian
	put.PutUint64(b, uint64(s.baseOffset))
	put.PutUint32(b[atLength:], uint32(batchHeader-atEpoch+len(records)))
	put.PutUint32(b[atEpoch:], ^uint32(0))
	b[atMagic] = 2
	put.PutUint16(b[atAttributes:], uint16(attributes))
	put.PutUint32(b[atLastDelta:], uint32(len(s.values)-1))
	put.PutUint64(b[atFirstTime:], uint64(baseTime))
	put.PutUint64(b[atMaxTime:], uint64(baseTime+maxTime))
	put.PutUint64(b[atProducer:], uint64(by.id))
	put.PutUint16(b[atPEpoch:], uint16(by.epoch))
	put.PutUint32(b[atSequence:], uint32(by.sequence))
	put.PutUint32(b[atCount:], uint32(len(s.values)))
	b = append(b, records...)
	if s.change != nil {
		s.change(b)
	}
	put.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
	if s.damage != nil {
		s.damage(b)
	}
	return b
}

// legacy is a message set of format 0 or 1 with one message.
func legacy(magic byte) []byte {
	m := []byte{magic, 0}
	if magic > 0 {
		m = binary.BigEndian.AppendUint64(m, uint64(baseTime))
	}
	m = binary.BigEndian.AppendUint32(m, ^uint32(0)) // no key
	m = binary.BigEndian.AppendUint32(m, 1)
	m = append(m, 'v')
	b := binary.BigEndian.AppendUint64(nil, 0)
	b = binary.BigEndian.AppendUint32(b, uint32(4+len(m)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(m))
	return append(b, m...)
}

// describeBatches says what a fetched range of record batches holds. The producer's id, which the broker chose, is left out.
func describeBatches(b []byte) string {
	var out bytes.Buffer
	for len(b) >= batchHeader {
		get := binary.BigEndian
		n := int(get.Uint32(b[atLength:])) + atEpoch
		if n < batchHeader {
			return out.String() + "a batch that is shorter than its header"
		}
		if out.Len() > 0 {
			out.WriteString("; ")
		}
		if n > len(b) {
			fmt.Fprintf(&out, "part of offset %d", get.Uint64(b))
			return out.String()
		}
		crc := "good"
		if crc32.Checksum(b[atAttributes:n], castagnoli) != get.Uint32(b[atCRC:]) {
			crc = "wrong"
		}
		attributes := get.Uint16(b[atAttributes:])
		maxTime := fmt.Sprint(int64(get.Uint64(b[atMaxTime:])) - baseTime)
		if attributes&8 != 0 {
			maxTime = "now"
		}
		sum := uint32(0)
		if get.Uint64(b[atProducer:]) == ^uint64(0) && attributes&8 == 0 {
			sum = crc32.ChecksumIEEE(b[atAttributes:n])
		}
		fmt.Fprintf(&out, "offset %d count %d epoch %d bytes %d attributes %d maxtime %s pepoch %d sequence %d crc %s sum %08x", get.Uint64(b),
			get.Uint32(b[atCount:]), int32(get.Uint32(b[atEpoch:])), n, attributes, maxTime, int16(get.Uint16(b[atPEpoch:])), int32(get.Uint32(b[atSequence:])), crc, sum)
		b = b[n:]
	}
	if len(b) > 0 {
		fmt.Fprintf(&out, " and %d bytes", len(b))
	}
	return out.String()
}

// gzipped is a compressed batch of n records.
func gzipped(n int) []byte { return batchSpec{values: values(n), codec: kgo.GzipCompression()}.bytes() }
