package batch_test

import (
	"encoding/binary"
	"errors"
	"math"
	"slices"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
)

func TestValidBatchesPassUnchanged(t *testing.T) {
	producer := batch.Options{ProducerID: 4, ProducerEpoch: 0, BaseSequence: 0, Transactional: true}
	for _, codec := range codecs {
		for _, o := range []batch.Options{batch.NoProducer(), producer} {
			o.Codec = codec
			b := make3(o)
			before := slices.Clone(b)
			r := permissive()
			r.RequireKey = true
			if err := b.Validate(r); err != nil {
				t.Errorf("%v: %v", codec, err)
			}
			if !slices.Equal(b, before) {
				t.Errorf("%v: a right batch was changed", codec)
			}
		}
	}
}

// Each refusal, with the reason that the reply to the client follows from.
func TestValidateRefuses(t *testing.T) {
	put16 := func(at int, v uint16) func(batch.Batch) batch.Batch {
		return func(b batch.Batch) batch.Batch { binary.BigEndian.PutUint16(b[at:], v); return reseal(b) }
	}
	put32 := func(at int, v uint32) func(batch.Batch) batch.Batch {
		return func(b batch.Batch) batch.Batch { binary.BigEndian.PutUint32(b[at:], v); return reseal(b) }
	}
	flag := func(bit uint16) func(batch.Batch) batch.Batch {
		return func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint16(b[21:], uint16(b.Attributes())|bit)
			return reseal(b)
		}
	}
	none := func(b batch.Batch) batch.Batch { return b }
	for _, c := range []struct {
		name   string
		change func(batch.Batch) batch.Batch
		rules  func(*batch.Rules)
		want   error
	}{
		{"a length that is not its own", func(b batch.Batch) batch.Batch { return append(b, 0) }, nil, batch.ErrCorrupt},
		{"a part of a header", func(b batch.Batch) batch.Batch { return b[:60] }, nil, batch.ErrCorrupt},
		{"another format", func(b batch.Batch) batch.Batch { b[16] = 1; return b }, nil, batch.ErrMagic},
		{"a base offset", func(b batch.Batch) batch.Batch { b.SetBaseOffset(1); return b }, nil, batch.ErrInvalidRecord},
		{"one byte too many", none, func(r *batch.Rules) { r.MaxBytes = -1 }, batch.ErrTooLarge},
		{"a wrong checksum", func(b batch.Batch) batch.Batch { b[17] ^= 1; return b }, nil, batch.ErrCRC},
		{"a negative last offset delta", put32(23, math.MaxUint32), nil, batch.ErrInvalidRecord},
		{"a last offset delta above the count", put32(23, 3), nil, batch.ErrInvalidRecord},
		{"a last offset delta below the count", put32(23, 1), nil, batch.ErrInvalidRecord},
		{"no records", put32(57, 0), nil, batch.ErrInvalidRecord},
		{"a negative count", put32(57, 1<<31), nil, batch.ErrInvalidRecord},
		{"a control batch", flag(0x20), nil, batch.ErrInvalidRecord},
		{"a delete horizon", flag(0x40), nil, batch.ErrInvalidRecord},
		{"a transaction without a producer", flag(0x10), nil, batch.ErrInvalidRecord},
		{"codec 5", flag(0x05), nil, batch.ErrCodec},
		{"codec 7", flag(0x07), nil, batch.ErrCodec},
		{"a producer without a sequence", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint64(b[43:], 9)
			return put16(51, 0)(b)
		}, nil, batch.ErrInvalidRecord},
		{"a producer without an epoch", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint64(b[43:], 9)
			return put32(53, 0)(b)
		}, nil, batch.ErrInvalidRecord},
		{"bytes behind the records", func(b batch.Batch) batch.Batch { return reseal(append(b, 0)) }, nil, batch.ErrInvalidRecord},
		{"a cut record", func(b batch.Batch) batch.Batch { return reseal(b[:len(b)-1]) }, nil, batch.ErrInvalidRecord},
		{"a record less", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint32(b[57:], 4)
			return put32(23, 3)(b)
		}, nil, batch.ErrInvalidRecord},
		{"a record more", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint32(b[57:], 2)
			return put32(23, 1)(b)
		}, nil, batch.ErrInvalidRecord},
		{"a first offset delta of 1", func(b batch.Batch) batch.Batch { b[64] = 2; return reseal(b) }, nil, batch.ErrInvalidRecord},
		{"a record that is too old", none, func(r *batch.Rules) { r.Now, r.TimestampBefore = now+11, 10 }, batch.ErrTimestamp},
		{"a record from the future", none, func(r *batch.Rules) { r.Now, r.TimestampAfter = now-9, 10 }, batch.ErrTimestamp},
		{"a record from long ago", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint64(b[27:], 1<<63)
			return reseal(b)
		}, func(r *batch.Rules) { r.TimestampBefore = 1 << 60 }, batch.ErrTimestamp},
		{"a record of the end of time", func(b batch.Batch) batch.Batch {
			binary.BigEndian.PutUint64(b[27:], math.MaxInt64-2)
			return reseal(b)
		}, func(r *batch.Rules) { r.TimestampAfter = 1 << 60 }, batch.ErrTimestamp},
		{"nothing, as Snappy", func(b batch.Batch) batch.Batch { return reseal(flag(0x02)(b)[:61]) }, nil, batch.ErrInvalidRecord},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := c.change(make3(with(batch.None)))
			r := permissive()
			if c.rules != nil {
				c.rules(&r)
			}
			if r.MaxBytes < 0 {
				r.MaxBytes = len(b) - 1
			}
			err := b.Validate(r)
			var e *batch.Error
			if !errors.Is(err, c.want) || !errors.As(err, &e) || e.Detail == "" {
				t.Errorf("%v, want %v and a detail", err, c.want)
			}
		})
	}
}

func TestValidateTakesWhatStandsAtTheLimits(t *testing.T) {
	b := make3(with(batch.None)) // now, now+2, now+1
	r := permissive()
	r.MaxBytes, r.MaxDecompressed = len(b), 0
	r.Now, r.TimestampBefore, r.TimestampAfter = now+1, 1, 1
	if err := b.Validate(r); err != nil {
		t.Error(err)
	}
	r.Now, r.TimestampBefore, r.TimestampAfter, r.TimestampType = now+5000, 0, 0, batch.LogAppendTime
	if err := b.Validate(r); err != nil {
		t.Errorf("on a topic with LogAppendTime: %v", err)
	}
	claims := make3(with(batch.None))
	claims.StampAppendTime(now)
	r.TimestampType = batch.CreateTime
	r.Now, r.TimestampBefore, r.TimestampAfter = now+1, 1, 1
	if err := claims.Validate(r); err != nil || claims.TimestampType() != batch.CreateTime || claims.MaxTimestamp() != now+2 || claims.CheckCRC() != nil {
		t.Errorf("a batch that says that a broker gave it its time: %v, %v, %d", err, claims.TimestampType(), claims.MaxTimestamp())
	}
	untimed := build(batch.NoProducer(), []batch.Record{{Timestamp: -1}})
	r.TimestampType = batch.CreateTime
	if err := untimed.Validate(r); err != nil {
		t.Errorf("a record without a timestamp: %v", err)
	}
	control := make3(batch.Options{ProducerID: 3, BaseSequence: -1, Control: true, Transactional: true})
	r = permissive()
	r.AllowControl = true
	if err := control.Validate(r); err != nil {
		t.Errorf("a control batch of the broker: %v", err)
	}
}

func TestEveryRecordAtFaultIsNamed(t *testing.T) {
	for _, codec := range codecs {
		b := build(with(codec), []batch.Record{
			{Timestamp: now, Key: []byte("k")}, {Timestamp: now}, {Timestamp: now - 100, Key: []byte("k")}, {Timestamp: now},
		})
		r := permissive()
		r.RequireKey = true
		check := func(reason error, want ...int) {
			t.Helper()
			var e *batch.Error
			if err := b.Validate(r); !errors.As(err, &e) || !errors.Is(err, reason) {
				t.Fatalf("%v: %v, want %v", codec, err, reason)
			}
			var got []int
			for _, x := range e.Records {
				got = append(got, x.Index)
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v: records %v at fault, want %v", codec, got, want)
			}
		}
		check(batch.ErrInvalidRecord, 1, 3)
		r.TimestampBefore = 99
		check(batch.ErrTimestamp, 1, 2, 3) // one wrong timestamp decides for the batch
	}
}

func TestTheListOfRecordsAtFaultIsBounded(t *testing.T) {
	r := permissive()
	r.RequireKey = true
	var e *batch.Error
	if err := build(with(batch.ZSTD), make([]batch.Record, 100_000)).Validate(r); !errors.As(err, &e) || len(e.Records) != 4096 {
		t.Errorf("%.100v with %d records", err, len(e.Records))
	}
}

// Kafka mends what some clients get wrong, since searching by time relies on it.
func TestAWrongGreatestTimestampIsCorrected(t *testing.T) {
	for _, codec := range codecs {
		b := make3(with(codec))
		right := slices.Clone(b)
		binary.BigEndian.PutUint64(b[35:], now-1)
		reseal(b)
		if err := b.Validate(permissive()); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(b, right) {
			t.Errorf("%v: greatest timestamp %d, checksum %v", codec, b.MaxTimestamp(), b.CheckCRC())
		}
	}
}

func TestMalformedRecordsAreRefused(t *testing.T) {
	for name, body := range map[string]string{
		"nothing":                           "",
		"a length of 6 bytes":               "808080808001",
		"a length of more than 32 bits":     "8080808010 00",
		"a negative length":                 "01",
		"a length of 0":                     "00",
		"a length beyond the batch":         "0e 000000010100",
		"no timestamp":                      "02 00",
		"a timestamp of 11 bytes":           "20 00 8080808080808080808001 00 01 01 00",
		"a timestamp of more than 64 bits":  "1e 00 80808080808080808002 00 01 01 00",
		"a key beyond the record":           "0c 00 00 00 08 01 00",
		"a value beyond the record":         "0c 00 00 00 01 08 00",
		"a negative number of headers":      "0c 00 00 00 01 01 01",
		"more headers than bytes":           "0c 00 00 00 01 01 02",
		"two thousand million headers":      "14 00 00 00 01 01 feffffff0f",
		"a header without a name":           "10 00 00 00 01 01 02 01 01",
		"a header's value beyond the batch": "10 00 00 00 01 01 02 00 10",
		"a byte behind the headers":         "0e 00 00 00 01 01 00 00",
	} {
		b := withBody(batch.None, 1, unhex(body))
		if err := b.Validate(permissive()); !errors.Is(err, batch.ErrInvalidRecord) {
			t.Errorf("Validate of %s: %v, want ErrInvalidRecord", name, err)
		}
		if _, err := collect(b); !errors.Is(err, batch.ErrInvalidRecord) {
			t.Errorf("Records of %s: %v, want ErrInvalidRecord", name, err)
		}
	}
	if err := withBody(batch.None, 1, unhex("0c 00 00 00 01 01 00")).Validate(permissive()); err != nil {
		t.Errorf("the least record: %v", err)
	}
}
