package batch_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
)

func seed(f *testing.F) {
	f.Add([]byte(golden))
	f.Add([]byte(golden[:40]))
	for _, codec := range codecs {
		f.Add([]byte(make3(with(codec))))
		f.Add([]byte(withBody(codec, 2, []byte("\x10\x00\x00\x00\x02k\x02v\x00"))))
	}
	f.Add([]byte(batch.NewBuilder(batch.NoProducer()).Bytes()))
	f.Add([]byte(withBody(batch.Snappy, 1, unhex("82534e41505059000000000100000001 00000002 0000"))))
}

// Whatever the bytes are, Next goes forward by whole batches or stops, and the header of what it gives can be read.
func FuzzNext(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for len(b) > 0 {
			x, rest, err := batch.Next(b)
			if err != nil {
				if len(rest) != len(b) || x != nil {
					t.Fatalf("an error, and %d of %d bytes are left", len(rest), len(b))
				}
				return
			}
			if len(x) < batch.HeaderSize || len(x)+len(rest) != len(b) || int(x.Length())+batch.LogOverhead != len(x) || x.Magic() != 2 {
				t.Fatalf("a batch of %d bytes from %d, %d left", len(x), len(b), len(rest))
			}
			_, _, _ = x.LastSequence(), x.Compression().String(), x.CheckCRC()
			b = rest
		}
	})
}

// Whatever the bytes are, Records ends, and stays within the batch's offsets and the limit.
func FuzzRecords(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, _, err := batch.Next(b)
		if err != nil {
			return
		}
		const limit = 1 << 20
		n, size := 0, 0
		for r, err := range x.Records(limit) {
			if err != nil {
				var e *batch.Error
				if !errors.As(err, &e) {
					t.Fatalf("%T: %v", err, err)
				}
				return
			}
			if delta := r.Offset - x.BaseOffset(); delta < 0 || delta > int64(x.LastOffsetDelta()) {
				t.Fatalf("offset %d in a batch from %d to %d", r.Offset, x.BaseOffset(), x.LastOffset())
			}
			n++
			size += len(r.Key) + len(r.Value)
		}
		if n != int(x.Count()) || size > max(limit, len(x)) {
			t.Fatalf("%d of %d records, %d bytes", n, x.Count(), size)
		}
	})
}

// What Validate accepts is read to its end, and stays so with any codec.
func FuzzValidate(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		x, _, err := batch.Next(b)
		if err != nil {
			return
		}
		x = slices.Clone(x)
		x.SetBaseOffset(0)
		reseal(x) // otherwise the checksum hides what is behind it
		r := permissive()
		r.MaxDecompressed = 1 << 20
		if err := x.Validate(r); err != nil {
			var e *batch.Error
			if !errors.As(err, &e) {
				t.Fatalf("%T: %v", err, err)
			}
			return
		}
		all, err := collect(x)
		if err != nil || len(all) != int(x.Count()) {
			t.Fatalf("accepted, and %d of %d records are read: %v", len(all), x.Count(), err)
		}
		for _, codec := range codecs {
			y, err := x.Recompress(nil, codec, 0, r.MaxDecompressed, plenty)
			if err != nil {
				t.Fatalf("%v: %v", codec, err)
			}
			if err := batch.Batch(y).Validate(r); err != nil {
				t.Fatalf("%v: accepted, and refused after Recompress: %v", codec, err)
			}
		}
	})
}
