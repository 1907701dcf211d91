package batch_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"math"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/batch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const now = 1_700_000_000_000

const plenty = 64 << 20

var codecs = []batch.Codec{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.ZSTD}

// permissive refuses only what is wrong everywhere.
func permissive() batch.Rules {
	return batch.Rules{
		MaxBytes: math.MaxInt32, MaxDecompressed: plenty, Now: now, TimestampBefore: batch.NoLimit, TimestampAfter: batch.NoLimit,
	}
}

// make3 is a valid batch of three records.
func make3(o batch.Options) batch.Batch {
	b := batch.NewBuilder(o)
	b.Append(now, []byte("key"), []byte("value"))
	b.Append(now+2, []byte("key"), nil, batch.Header{Key: "h", Value: []byte("x")}, batch.Header{Key: "null"})
	b.Append(now+1, []byte{}, []byte{})
	return b.Bytes()
}

func with(codec batch.Codec) batch.Options {
	o := batch.NoProducer()
	o.Codec = codec
	return o
}

// reseal gives a batch that was changed by hand the length and the checksum that fit.
func reseal(b batch.Batch) batch.Batch {
	binary.BigEndian.PutUint32(b[8:], uint32(len(b)-batch.LogOverhead))
	binary.BigEndian.PutUint32(b[batch.CRCOffset:], crc32.Checksum(b[batch.BodyOffset:], crc32.MakeTable(crc32.Castagnoli)))
	return b
}

// withBody is a batch whose records are these bytes, whatever they are.
func withBody(codec batch.Codec, count int, body []byte) batch.Batch {
	b := slices.Clone(make3(with(batch.None))[:batch.HeaderSize])
	binary.BigEndian.PutUint16(b[21:], uint16(codec))
	binary.BigEndian.PutUint32(b[23:], uint32(count-1))
	binary.BigEndian.PutUint32(b[57:], uint32(count))
	return reseal(append(b, body...))
}

func collect(b batch.Batch) ([]batch.Record, error) {
	var all []batch.Record
	for r, err := range b.Records(plenty) {
		if err != nil {
			return all, err
		}
		all = append(all, r)
	}
	return all, nil
}

// wholeBytes compares bytes at once; null is not empty.
var wholeBytes = cmp.Comparer(func(a, b []byte) bool { return (a == nil) == (b == nil) && bytes.Equal(a, b) })

// drawRecords gives records with offsets from 0, and with nil, empty, small and large parts.
func drawRecords(t *rapid.T) []batch.Record {
	part := rapid.OneOf(
		rapid.Just([]byte(nil)),
		rapid.SliceOfN(rapid.Byte(), 0, 40),
		rapid.Map(rapid.IntRange(1, 70_000), func(n int) []byte { return bytes.Repeat([]byte("record "), n/7+1)[:n] }),
	)
	first := rapid.Int64Range(0, 2*now).Draw(t, "first timestamp")
	all := make([]batch.Record, rapid.IntRange(1, 30).Draw(t, "records"))
	for i := range all {
		r := batch.Record{
			Offset: int64(i), Timestamp: max(first+rapid.Int64Range(-1<<40, 1<<40).Draw(t, "delta"), -1),
			Key: part.Draw(t, "key"), Value: part.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 3).Draw(t, "headers") {
			r.Headers = append(r.Headers, batch.Header{Key: rapid.StringN(0, 5, -1).Draw(t, "name"), Value: part.Draw(t, "header")})
		}
		all[i] = r
	}
	return all
}

func build(o batch.Options, records []batch.Record) batch.Batch {
	b := batch.NewBuilder(o)
	for _, r := range records {
		b.Append(r.Timestamp, r.Key, r.Value, r.Headers...)
	}
	return b.Bytes()
}
