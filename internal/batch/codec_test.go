package batch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/batch"
)

var theirCodecs = map[batch.Codec]kgo.CompressionCodec{
	batch.None: kgo.NoCompression(), batch.Gzip: kgo.GzipCompression(), batch.Snappy: kgo.SnappyCompression(),
	batch.LZ4: kgo.Lz4Compression(), batch.ZSTD: kgo.ZstdCompression(),
}

// theirs encodes records as another client does.
func theirs(t *rapid.T, codec batch.Codec, records []batch.Record) batch.Batch {
	var body []byte
	first, greatest := records[0].Timestamp, int64(-1)
	for i, r := range records {
		x := kmsg.Record{TimestampDelta64: r.Timestamp - first, OffsetDelta: int32(i), Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			x.Headers = append(x.Headers, kmsg.Header(h))
		}
		x.Length = int32(len(x.AppendTo(nil)) - 1) // its length of 0 takes a byte
		body = x.AppendTo(body)
		greatest = max(greatest, r.Timestamp)
	}
	if codec != batch.None {
		c, err := kgo.DefaultCompressor(theirCodecs[codec])
		if err != nil {
			t.Fatal(err)
		}
		packed, used := c.Compress(new(bytes.Buffer), body)
		codec, body = batch.Codec(used), slices.Clone(packed)
	}
	x := kmsg.RecordBatch{
		Length: int32(batch.HeaderSize - batch.LogOverhead + len(body)), PartitionLeaderEpoch: -1, Magic: 2, Attributes: int16(codec),
		LastOffsetDelta: int32(len(records) - 1), FirstTimestamp: first, MaxTimestamp: greatest,
		ProducerID: -1, ProducerEpoch: -1, FirstSequence: -1, NumRecords: int32(len(records)), Records: body,
	}
	raw := x.AppendTo(nil)
	binary.BigEndian.PutUint32(raw[batch.CRCOffset:], crc32.Checksum(raw[batch.BodyOffset:], crc32.MakeTable(crc32.Castagnoli)))
	return raw
}

// readByThem decodes a batch as another client does.
func readByThem(t *rapid.T, b batch.Batch) []batch.Record {
	var x kmsg.RecordBatch
	if err := x.ReadFrom(b); err != nil {
		t.Fatal(err)
	}
	body, err := kgo.DefaultDecompressor().Decompress(x.Records, kgo.CompressionCodecType(x.Attributes&7))
	if err != nil {
		t.Fatal(err)
	}
	var all []batch.Record
	for range x.NumRecords {
		var r kmsg.Record
		n, width := binary.Varint(body)
		if err := r.ReadFrom(body[:width+int(n)]); err != nil {
			t.Fatal(err)
		}
		body = body[width+int(n):]
		out := batch.Record{Offset: x.FirstOffset + int64(r.OffsetDelta), Timestamp: x.FirstTimestamp + r.TimestampDelta64, Key: r.Key, Value: r.Value}
		for _, h := range r.Headers {
			out.Headers = append(out.Headers, batch.Header(h))
		}
		all = append(all, out)
	}
	return all
}

func TestOtherClientsBatchesAreRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		b := theirs(t, rapid.SampledFrom(codecs).Draw(t, "codec"), records)
		if err := b.Validate(permissive()); err != nil {
			t.Fatal(err)
		}
		got, err := collect(b)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(records, got, wholeBytes); d != "" {
			t.Fatal("-want +got:\n" + d)
		}
	})
}

func TestOtherClientsReadWhatIsBuilt(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		o := with(rapid.SampledFrom(codecs).Draw(t, "codec"))
		o.Level = rapid.IntRange(-1, 22).Draw(t, "level")
		b := build(o, records)
		if err := b.Validate(permissive()); err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(records, readByThem(t, b), wholeBytes); d != "" {
			t.Fatal("-want +got:\n" + d)
		}
	})
}

func TestRecompressionChangesNothingButTheCodec(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		records := drawRecords(t)
		from, to := rapid.SampledFrom(codecs).Draw(t, "from"), rapid.SampledFrom(codecs).Draw(t, "to")
		o := with(from)
		o.ProducerID, o.ProducerEpoch, o.BaseSequence, o.Transactional = 8, 1, 5, true
		b := build(o, records)
		before := slices.Clone(b)
		out, err := b.Recompress([]byte("before"), to, rapid.IntRange(-1, 22).Draw(t, "level"), plenty, plenty)
		if err != nil || string(out[:6]) != "before" || !bytes.Equal(b, before) {
			t.Fatalf("%v, %.6q, source unchanged: %v", err, out, bytes.Equal(b, before))
		}
		x, rest, err := batch.Next(out[6:])
		if err != nil || len(rest) > 0 || x.Compression() != to {
			t.Fatalf("%v, %d bytes left, %v", err, len(rest), x.Compression())
		}
		if err := x.Validate(permissive()); err != nil {
			t.Fatal(err)
		}
		got, err := collect(x)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(records, got, wholeBytes); d != "" {
			t.Fatal("-want +got:\n" + d)
		}
		// What is not the codec, the length or the checksum is the same, byte for byte.
		header, want := slices.Clone(x[:batch.HeaderSize]), slices.Clone(b[:batch.HeaderSize])
		for _, h := range []batch.Batch{header, want} {
			clear(h[8:12])
			clear(h[17:21])
			h[22] &^= 7
		}
		if !bytes.Equal(header, want) {
			t.Fatalf("header\n%x\nwant\n%x", header, want)
		}
	})
}

func TestRecompressionRefuses(t *testing.T) {
	b := make3(with(batch.Gzip))
	for name, c := range map[string]struct {
		b     batch.Batch
		codec batch.Codec
		limit int
		want  error
	}{
		"an unknown codec":         {b, 5, plenty, batch.ErrCodec},
		"an unknown source":        {withBody(6, 1, nil), batch.LZ4, plenty, batch.ErrCodec},
		"more than the limit":      {b, batch.LZ4, 10, batch.ErrTooLarge},
		"what is not compressed":   {withBody(batch.ZSTD, 1, []byte("not zstd")), batch.LZ4, plenty, batch.ErrInvalidRecord},
		"a negative record number": {withBody(batch.ZSTD, -1, nil), batch.LZ4, plenty, batch.ErrInvalidRecord},
	} {
		out, err := c.b.Recompress([]byte("kept"), c.codec, 0, c.limit, plenty)
		if !errors.Is(err, c.want) || string(out) != "kept" {
			t.Errorf("%s: %q, %v, want %v", name, out, err, c.want)
		}
	}
}

func TestLimitOfDecompressionIsExact(t *testing.T) {
	for _, size := range []int{100, 1000, 64 << 10, 300_000, 2 << 20} {
		value := make([]byte, size)
		for i := range value {
			value[i] = byte(rand.IntN(4)) // compresses, and not to nothing
		}
		plain := len(build(with(batch.None), []batch.Record{{Value: value}})) - batch.HeaderSize
		for _, codec := range codecs[1:] {
			b := build(with(codec), []batch.Record{{Timestamp: now, Value: value}})
			r := permissive()
			r.MaxDecompressed = plain
			if err := b.Validate(r); err != nil {
				t.Errorf("%v, %d bytes: %v", codec, size, err)
			}
			r.MaxDecompressed--
			if err := b.Validate(r); !errors.Is(err, batch.ErrTooLarge) {
				t.Errorf("%v, %d bytes with a limit one below: %v, want ErrTooLarge", codec, size, err)
			}
		}
	}
}

// Snappy without Kafka's framing is sent by some clients.
func TestRawSnappyIsRead(t *testing.T) {
	plain := make3(with(batch.None))
	b := withBody(batch.Snappy, 3, snappy.Encode(nil, plain[batch.HeaderSize:]))
	if err := b.Validate(permissive()); err != nil {
		t.Fatal(err)
	}
	want, _ := collect(plain)
	got, err := collect(b)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error("-want +got:\n" + d)
	}
}

func TestDamagedCompressionIsRefused(t *testing.T) {
	for _, codec := range codecs[1:] {
		whole := make3(with(codec))
		for n := batch.HeaderSize; n < len(whole); n++ {
			b := reseal(slices.Clone(whole[:n]))
			if err := b.Validate(permissive()); !errors.Is(err, batch.ErrInvalidRecord) {
				t.Errorf("%v cut to %d of %d bytes: %v, want ErrInvalidRecord", codec, n, len(whole), err)
			}
		}
	}
	dependent := make3(with(batch.LZ4))
	dependent[batch.HeaderSize+4] &^= 0x20
	if err := reseal(dependent).Validate(permissive()); !errors.Is(err, batch.ErrInvalidRecord) {
		t.Errorf("dependent blocks of LZ4: %v", err)
	}
}

// bomb is n zeros, compressed as far as the codec goes.
func bomb(t testing.TB, codec batch.Codec, n int) []byte {
	t.Helper()
	var out bytes.Buffer
	zeros := make([]byte, 1<<20)
	fill := func(w interface {
		Write([]byte) (int, error)
		Close() error
	}) {
		for range n / len(zeros) {
			if _, err := w.Write(zeros); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	switch codec {
	case batch.Gzip:
		fill(gzip.NewWriter(&out))
	case batch.LZ4:
		fill(lz4.NewWriter(&out))
	case batch.ZSTD:
		w, err := zstd.NewWriter(&out, zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		fill(w)
	case batch.Snappy:
		block := snappy.Encode(nil, zeros)
		out.WriteString("\x82SNAPPY\x00\x00\x00\x00\x01\x00\x00\x00\x01")
		for range n / len(zeros) {
			out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(block))))
			out.Write(block)
		}
	}
	return out.Bytes()
}

func TestBombsTakeNoMoreMemoryThanTheLimit(t *testing.T) {
	const limit = 8 << 20
	for _, codec := range codecs[1:] {
		b := withBody(codec, 1, bomb(t, codec, 128<<20))
		r := permissive()
		r.MaxDecompressed = limit
		allocated := allocations(func() {
			if err := b.Validate(r); !errors.Is(err, batch.ErrTooLarge) {
				t.Errorf("%v: %v, want ErrTooLarge", codec, err)
			}
		})
		t.Logf("%v: %d bytes hold 128 MiB, %d KiB allocated", codec, len(b), allocated>>10)
		if allocated > 4*limit { // all that was allocated, not what was held at once
			t.Errorf("%v: %d bytes allocated with a limit of %d", codec, allocated, limit)
		}
	}
}

// What the bytes only claim costs nothing.
func TestClaimedSizesTakeNoMemory(t *testing.T) {
	for name, b := range map[string]batch.Batch{
		"a Snappy block of 4 GiB less 1":               withBody(batch.Snappy, 1, unhex("ffffffff0f 00")),
		"a Snappy block of 60 MiB":                     withBody(batch.Snappy, 1, unhex("80808020 00")),
		"a framed Snappy block":                        withBody(batch.Snappy, 1, unhex("82534e41505059000000000100000001 ffffffff 00")),
		"a Zstandard frame of 60 MiB":                  withBody(batch.ZSTD, 1, unhex("28b52ffd a0 0000c003 010000")),
		"a Zstandard window of 128 MiB":                withBody(batch.ZSTD, 1, unhex("28b52ffd 00 88 010000")),
		"a Zstandard window beyond 128 MiB":            withBody(batch.ZSTD, 1, unhex("28b52ffd 00 a8 010000")),
		"an empty Zstandard frame, then one of 60 MiB": withBody(batch.ZSTD, 1, unhex("28b52ffd 20 00 010000 28b52ffd a0 0000c003 010000")),
		"two thousand million records":                 withBody(batch.None, 1<<31-1, nil),
		"two thousand million packed ones":             withBody(batch.Gzip, 1<<31-1, bomb(t, batch.Gzip, 0)),
		"a record with thousands of headers":           withBody(batch.None, 1, unhex("0e 00 00 00 01 01 feff03")),
	} {
		allocated := allocations(func() {
			if err := b.Validate(permissive()); err == nil {
				t.Errorf("%s: no error", name)
			}
			if _, err := collect(b); err == nil {
				t.Errorf("%s: no error of Records", name)
			}
		})
		if allocated > 8<<20 { // what so few bytes could hold, and not what they claim
			t.Errorf("%s: %d bytes allocated", name, allocated)
		}
	}
}

func allocations(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestValidateOfPlainRecordsDoesNotAllocate(t *testing.T) {
	b := make3(with(batch.None))
	r := permissive()
	if n := testing.AllocsPerRun(100, func() {
		if err := b.Validate(r); err != nil {
			t.Fatal(err)
		}
	}); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkValidate(b *testing.B) {
	for _, codec := range codecs {
		for _, size := range []int{1 << 10, 100} {
			b.Run(fmt.Sprintf("%v/1MiB-of-%dB", codec, size), func(b *testing.B) {
				builder := batch.NewBuilder(with(codec))
				words := rand.New(rand.NewPCG(1, 2))
				value := make([]byte, size)
				for builder.Size() < 1<<20 {
					for i := range value {
						value[i] = "abcdefgh"[words.IntN(8)]
					}
					builder.Append(now, nil, value)
				}
				x, r := builder.Bytes(), permissive()
				b.SetBytes(int64(builder.Size()))
				b.ReportAllocs()
				for b.Loop() {
					if err := x.Validate(r); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
