package batch_test

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/batch"
)

// sameVerdict compares validation in pieces, in many sizes, with validation of what was decompressed first. Of what is damaged and above the limit as well, either may be said.
func sameVerdict(t interface{ Fatalf(string, ...any) }, b batch.Batch, r batch.Rules, damaged bool) {
	want := slices.Clone(b)
	wantErr := want.ValidateWhole(r)
	var w *batch.Error
	errors.As(wantErr, &w)
	for _, size := range []int{batch.LeastPiece, 61, 1000, 64 << 10} {
		got := slices.Clone(b)
		err := got.ValidateInPieces(r, size)
		var e *batch.Error
		errors.As(err, &e)
		switch {
		case (err == nil) != (wantErr == nil), err != nil && (e == nil || w == nil || e.Reason != w.Reason && !damaged || !slices.Equal(e.Records, w.Records)):
			t.Fatalf("%v of %d bytes in pieces of %d: %v; whole: %v", b.Compression(), len(b), size, err, wantErr)
		case !bytes.Equal(got, want):
			t.Fatalf("%v in pieces of %d: the batch is corrected to %x, whole to %x", b.Compression(), size, got[:batch.HeaderSize], want[:batch.HeaderSize])
		}
	}
	if wantErr != nil {
		return
	}
	i, all := 0, make([][2]int64, 0, want.Count())
	for rec, err := range want.Records(r.MaxDecompressed) {
		if err != nil {
			t.Fatalf("Records: %v", err)
		}
		all = append(all, [2]int64{rec.Offset, rec.Timestamp})
	}
	if err := want.Stamps(r.MaxDecompressed, func(offset, timestamp int64) bool {
		if i >= len(all) || all[i] != [2]int64{offset, timestamp} {
			t.Fatalf("Stamps: record %d has offset %d and time %d, want %v", i, offset, timestamp, all)
		}
		i++
		return true
	}); err != nil || i != len(all) {
		t.Fatalf("Stamps: %v, %d records of %d", err, i, len(all))
	}
	if err := want.Stamps(r.MaxDecompressed, func(_, _ int64) bool { i--; return false }); err != nil || i != len(all)-1 {
		t.Fatalf("Stamps that end at the first record: %v, %d of them", err, len(all)-i)
	}
}

// The verdict, the records at fault and what is corrected do not depend on how much is decompressed at a time, whatever the batch, its damage or the limit.
func TestTheVerdictDoesNotDependOnThePieces(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		if rapid.Bool().Draw(t, "long") {
			i := rapid.IntRange(0, len(records)-1).Draw(t, "which")
			long := bytes.Repeat([]byte("0123456789"), rapid.IntRange(1, 30_000).Draw(t, "length"))
			switch rapid.IntRange(0, 2).Draw(t, "what") {
			case 0:
				records[i].Key = long
			case 1:
				records[i].Value = long
			default:
				records[i].Headers = append(records[i].Headers, batch.Header{Key: "long", Value: long}, batch.Header{Key: string(long)})
			}
		}
		codec := rapid.SampledFrom(codecs[1:]).Draw(t, "codec")
		plain := build(with(batch.None), records)[batch.HeaderSize:]
		count := len(records)
		switch rapid.IntRange(0, 3).Draw(t, "damage") {
		case 1: // of the records
			i := rapid.IntRange(0, len(plain)-1).Draw(t, "at")
			plain[i] = rapid.Byte().Draw(t, "byte")
		case 2:
			plain = plain[:rapid.IntRange(0, len(plain)).Draw(t, "cut")]
		case 3:
			count += rapid.IntRange(-1, 1).Draw(t, "more")
		}
		b := withBody(codec, count, batch.Compress(codec, plain))
		damaged := rapid.IntRange(0, 3).Draw(t, "damaged") == 3
		if damaged { // what is compressed
			i := rapid.IntRange(batch.HeaderSize, len(b)-1).Draw(t, "at")
			b[i] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			reseal(b)
		}
		r := permissive()
		r.RequireKey = rapid.Bool().Draw(t, "compacted")
		if rapid.Bool().Draw(t, "limited") {
			r.MaxDecompressed = max(0, len(plain)+rapid.IntRange(-2, 2).Draw(t, "limit"))
		}
		sameVerdict(t, b, r, damaged)
	})
}

// FuzzSnappyPieces compares the decoder of pieces with the one of whole blocks, whatever the bytes.
func FuzzSnappyPieces(f *testing.F) {
	f.Add(snappy.Encode(nil, bytes.Repeat([]byte("a record "), 2_000)))
	f.Add(batch.Compress(batch.Snappy, bytes.Repeat([]byte("a record "), 2_000)))
	f.Add([]byte{})
	f.Add([]byte{0})
	f.Add([]byte{10, 4, 'a', 'b', 0x0f, 2, 0, 0, 0, 1, 1})
	f.Fuzz(func(t *testing.T, src []byte) {
		const limit = 1 << 20
		want, wantErr := batch.Decompress(batch.Snappy, src, limit)
		got, err := batch.DecompressInPieces(batch.Snappy, src, limit)
		if (err == nil) != (wantErr == nil) || err == nil && !bytes.Equal(got, want) {
			t.Fatalf("in pieces %d bytes, %v; whole %d bytes, %v", len(got), err, len(want), wantErr)
		}
	})
}

// Also where copies refer far back, as only one encoder makes them, and where the window moves.
func TestLargeSnappyBlocksAreReadInPieces(t *testing.T) {
	dice := rand.New(rand.NewPCG(3, 4))
	noise := make([]byte, 3<<20)
	for i := range noise {
		noise[i] = byte(dice.Uint32())
	}
	plain := slices.Concat(noise[:1<<20], bytes.Repeat(noise[:100_000], 30), noise, noise[:2<<20])
	for name, src := range map[string][]byte{"raw": snappy.Encode(nil, plain), "framed": batch.Compress(batch.Snappy, plain)} {
		got, err := batch.DecompressInPieces(batch.Snappy, src, len(plain))
		if err != nil || !bytes.Equal(got, plain) {
			t.Errorf("%s: %d bytes of %d, %v", name, len(got), len(plain), err)
		}
	}
}

// oneRecord is the body of a batch of one record of n zeros.
func oneRecord(n int) []byte {
	return build(with(batch.None), []batch.Record{{Timestamp: now, Value: make([]byte, n)}})[batch.HeaderSize:]
}

func TestABombTakesNoMemoryInProportionToWhatItHolds(t *testing.T) {
	const size, most = bombSize, 20 << 20 // the window of Zstandard takes 8 MiB, and so do two blocks of LZ4; all that is allocated counts, not what is held at once
	plain := oneRecord(size)
	bombs := map[string]batch.Batch{}
	for _, codec := range codecs[1:] {
		bombs[codec.String()] = withBody(codec, 1, batch.Compress(codec, plain))
	}
	bombs["raw snappy"] = withBody(batch.Snappy, 1, snappy.Encode(nil, plain))
	for name, b := range bombs {
		r := permissive()
		r.MaxDecompressed = 128 << 20
		if n := allocations(func() {
			if err := b.Validate(r); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}); allocationsCount && n > most {
			t.Errorf("%s: %d bytes hold %d, and to validate them allocates %d", name, len(b), size, n)
		}
		if n := allocations(func() {
			if err := b.Stamps(128<<20, func(_, _ int64) bool { return true }); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}); allocationsCount && n > most {
			t.Errorf("%s: to look for a time allocates %d", name, n)
		}
		for _, codec := range codecs[1:] {
			if name != "zstd" && codec != batch.ZSTD { // the others are alike
				continue
			}
			var out []byte
			if n := allocations(func() {
				var err error
				if out, err = b.Recompress(nil, codec, 0, 128<<20, 16<<20); err != nil {
					t.Errorf("%s to %v: %v", name, codec, err)
				}
			}); allocationsCount && n > 3*most {
				t.Errorf("%s to %v: allocates %d", name, codec, n)
			}
			if x := batch.Batch(out); x.Compression() != b.Compression() && (x.Compression() != codec || x.Validate(r) != nil) {
				t.Errorf("%s to %v: %v, %v", name, codec, x.Compression(), x.Validate(r))
			}
		}
		if n := allocations(func() {
			if _, err := b.Recompress(nil, batch.None, 0, 128<<20, 1<<20); !errors.Is(err, batch.ErrTooLarge) {
				t.Errorf("%s to none: %v, want ErrTooLarge", name, err)
			}
		}); allocationsCount && n > most {
			t.Errorf("%s to none: allocates %d", name, n)
		}
		r.MaxDecompressed = size / 2
		if err := b.Validate(r); !errors.Is(err, batch.ErrTooLarge) {
			t.Errorf("%s: %v, want ErrTooLarge", name, err)
		}
	}
}

// A window of Zstandard is memory, so that what asks for a large one may only hold what is taken whole.
func TestAWideWindowOfZstandardIsBounded(t *testing.T) {
	wide := func(n int) batch.Batch {
		var out bytes.Buffer
		w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(64<<20))
		if err != nil {
			t.Fatal(err)
		}
		plain := oneRecord(n)
		w.Write(plain[:100]) // so that the size is not in the header
		w.Flush()
		w.Write(plain[100:])
		w.Close()
		return withBody(batch.ZSTD, 1, out.Bytes())
	}
	r := permissive()
	r.MaxDecompressed = 128 << 20
	for _, n := range []int{1 << 10, 2 << 20, 15 << 20} {
		if err := wide(n).Validate(r); err != nil {
			t.Errorf("%d bytes: %v", n, err)
		}
	}
	if err := wide(17 << 20).Validate(r); !errors.Is(err, batch.ErrTooLarge) {
		t.Errorf("17 MiB: %v, want ErrTooLarge", err)
	}
}
