package batch_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin/internal/batch"
)

// golden is written by hand after the protocol's page on the message format; its checksum was computed bit by bit.
var golden = unhex(`
	0000000000000005  00000044  00000003  02  499dcc1e
	0010  00000001  0000018bcfe56800  0000018bcfe5680a
	00000000000003e9  0002  0000000a  00000002
	10  00 00 00  02 6b  02 76  00
	12  00 14 02  01     00     02  02 68 01`)

func unhex(s string) batch.Batch {
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		panic(err)
	}
	return b
}

var goldenRecords = []batch.Record{
	{Offset: 5, Timestamp: now, Key: []byte("k"), Value: []byte("v")},
	{Offset: 6, Timestamp: now + 10, Value: []byte{}, Headers: []batch.Header{{Key: "h"}}},
}

func TestGoldenBytesAreRead(t *testing.T) {
	x, rest, err := batch.Next(golden)
	if err != nil || len(rest) != 0 {
		t.Fatalf("Next: %v, %d bytes left", err, len(rest))
	}
	if err := x.CheckCRC(); err != nil {
		t.Fatal(err)
	}
	header := x[:batch.HeaderSize] // alone
	got := []any{
		header.BaseOffset(), header.Length(), header.LeaderEpoch(), header.Magic(), header.CRC(), header.Attributes(), header.Compression(),
		header.TimestampType(), header.Transactional(), header.Control(), header.HasDeleteHorizon(), header.LastOffsetDelta(),
		header.FirstTimestamp(), header.MaxTimestamp(), header.ProducerID(), header.ProducerEpoch(), header.BaseSequence(),
		header.LastSequence(), header.Count(), header.LastOffset(), header.NextOffset(),
	}
	want := []any{
		int64(5), int32(68), int32(3), int8(2), uint32(0x499dcc1e), int16(16), batch.None,
		batch.CreateTime, true, false, false, int32(1),
		int64(now), int64(now + 10), int64(1001), int16(2), int32(10),
		int32(11), int32(2), int64(6), int64(7),
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error("header (-want +got):\n" + d)
	}
	records, err := collect(x)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(goldenRecords, records); d != "" {
		t.Error("records (-want +got):\n" + d)
	}
}

func TestGoldenBytesAreWritten(t *testing.T) {
	got := build(batch.Options{
		BaseOffset: 5, LeaderEpoch: 3, ProducerID: 1001, ProducerEpoch: 2, BaseSequence: 10, Transactional: true,
	}, goldenRecords)
	if !bytes.Equal(got, golden) {
		t.Errorf("got\n%x\nwant\n%x", got, golden)
	}
}

func TestEveryChangedByteIsFoundOrNotCovered(t *testing.T) {
	for _, codec := range codecs {
		b := make3(with(codec))
		for at := range b {
			for bit := range 8 {
				c := slices.Clone(b)
				c[at] ^= 1 << bit
				found := c.CheckCRC() != nil
				// Base offset, length, leader epoch and format stand before the checksum.
				if covered := at >= batch.CRCOffset; found != covered {
					t.Fatalf("%v: bit %d of byte %d: found %v, want %v", codec, bit, at, found, covered)
				}
			}
		}
	}
}

func TestNextAsksForMoreAtEveryCut(t *testing.T) {
	two := append(slices.Clone(golden), golden...)
	for n := range two {
		b := two[:n]
		if n >= len(golden) {
			var err error
			if _, b, err = batch.Next(b); err != nil {
				t.Fatalf("first batch of %d bytes: %v", n, err)
			}
		}
		if _, rest, err := batch.Next(b); !errors.Is(err, batch.ErrShort) || len(rest) != len(b) {
			t.Fatalf("Next of %d bytes: %v, %d bytes left, want ErrShort and all of them", len(b), err, len(rest))
		}
	}
}

func TestNextRefusesWhatIsNoBatch(t *testing.T) {
	for _, c := range []struct {
		name string
		at   int
		b    []byte
		want error
	}{
		{"format 1", 16, []byte{1}, batch.ErrMagic},
		{"format 3", 16, []byte{3}, batch.ErrMagic},
		{"a small message of format 0", 8, []byte{0, 0, 0, 14, 0, 0, 0, 0, 0}, batch.ErrMagic},
		{"length 48", 8, []byte{0, 0, 0, 48}, batch.ErrCorrupt},
		{"length 0", 8, []byte{0, 0, 0, 0}, batch.ErrCorrupt},
		{"a negative length", 8, []byte{0xff, 0xff, 0xff, 0xff}, batch.ErrCorrupt},
		{"a size beyond 2 GiB", 8, []byte{0x7f, 0xff, 0xff, 0xff}, batch.ErrCorrupt},
		{"a length of 2 GiB less the overhead", 8, []byte{0x7f, 0xff, 0xff, 0xf3}, batch.ErrShort},
	} {
		b := slices.Clone(golden)
		copy(b[c.at:], c.b)
		if _, _, err := batch.Next(b); !errors.Is(err, c.want) {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
	}
}

func TestSequencesGoOnAtZeroAfterTheLast(t *testing.T) {
	for _, c := range []struct{ base, want int32 }{
		{0, 2}, {math.MaxInt32 - 2, math.MaxInt32}, {math.MaxInt32 - 1, 0}, {math.MaxInt32, 1}, {-1, -1},
	} {
		o := batch.NoProducer()
		o.BaseSequence = c.base
		if got := make3(o).LastSequence(); got != c.want {
			t.Errorf("three records from sequence %d end at %d, want %d", c.base, got, c.want)
		}
	}
}

func TestPlaceInTheLogIsOutsideTheChecksum(t *testing.T) {
	b := slices.Clone(golden)
	b.SetBaseOffset(1 << 40)
	b.SetLeaderEpoch(77)
	if b.BaseOffset() != 1<<40 || b.LeaderEpoch() != 77 || b.LastOffset() != 1<<40+1 {
		t.Errorf("base %d, epoch %d, last %d", b.BaseOffset(), b.LeaderEpoch(), b.LastOffset())
	}
	if err := b.CheckCRC(); err != nil {
		t.Error(err)
	}
}

func TestAppendTimeIsOfAllRecords(t *testing.T) {
	for _, codec := range codecs {
		b := make3(with(codec))
		b.StampAppendTime(now + 99)
		if err := b.CheckCRC(); err != nil {
			t.Fatal(err)
		}
		if b.TimestampType() != batch.LogAppendTime || b.MaxTimestamp() != now+99 || b.Compression() != codec {
			t.Errorf("%v: %v, %d, %v", codec, b.TimestampType(), b.MaxTimestamp(), b.Compression())
		}
		all, err := collect(b)
		if err != nil || len(all) != 3 {
			t.Fatalf("%v: %d records, %v", codec, len(all), err)
		}
		for _, r := range all {
			if r.Timestamp != now+99 {
				t.Errorf("%v: record %d has timestamp %d", codec, r.Offset, r.Timestamp)
			}
		}
		again := slices.Clone(b)
		again.StampAppendTime(now + 99)
		if !bytes.Equal(again, b) {
			t.Errorf("%v: stamping the same time changes the batch", codec)
		}
	}
}

// Compaction leaves batches with some of their records, and empty ones that keep a producer's sequence.
func TestCompactedBatchesAreReadAndNotTakenFromClients(t *testing.T) {
	empty := batch.NewBuilder(batch.Options{BaseOffset: 40, BaseSequence: 7}).Bytes()
	empty[26] = 4 // last offset delta
	reseal(empty)
	if len(empty) != batch.HeaderSize || empty.LastOffset() != 44 || empty.LastSequence() != 11 {
		t.Fatalf("%d bytes, last offset %d, last sequence %d", len(empty), empty.LastOffset(), empty.LastSequence())
	}
	for _, codec := range codecs {
		empty[22] = byte(codec)
		reseal(empty)
		x, _, err := batch.Next(empty)
		if err != nil {
			t.Fatal(err)
		}
		if all, err := collect(x); err != nil || len(all) > 0 {
			t.Errorf("%v: %d records, %v", codec, len(all), err)
		}
	}
	gaps := slices.Clone(golden)
	gaps[26] = 9  // last offset delta
	gaps[73] = 16 // the second record's offset delta: 8
	reseal(gaps)
	all, err := collect(gaps)
	if err != nil || len(all) != 2 || all[1].Offset != 13 {
		t.Errorf("%v, %v", all, err)
	}
	for name, b := range map[string]batch.Batch{"empty": empty, "with gaps": gaps} {
		b.SetBaseOffset(0)
		if err := b.Validate(permissive()); !errors.Is(err, batch.ErrInvalidRecord) {
			t.Errorf("%s: %v, want ErrInvalidRecord", name, err)
		}
	}
}

func TestBuilderIsUsedAgain(t *testing.T) {
	b := batch.NewBuilder(with(batch.LZ4))
	b.Append(now, nil, []byte("first"))
	if b.Count() != 1 || b.Size() <= batch.HeaderSize {
		t.Errorf("count %d, size %d", b.Count(), b.Size())
	}
	first := b.Bytes()
	b.Reset(with(batch.None))
	if b.Count() != 0 || b.Size() != batch.HeaderSize {
		t.Errorf("after Reset: count %d, size %d", b.Count(), b.Size())
	}
	b.Append(now+1, nil, []byte("second"))
	both := b.Build(first)
	for _, want := range []string{"first", "second"} {
		x, rest, err := batch.Next(both)
		if err != nil {
			t.Fatal(err)
		}
		both = rest
		all, err := collect(x)
		if err != nil || len(all) != 1 || string(all[0].Value) != want {
			t.Errorf("%v, %v, want %s", all, err, want)
		}
	}
}

func TestCodecsHaveKafkasNames(t *testing.T) {
	for i, name := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		c, err := batch.ParseCodec(name)
		if err != nil || int(c) != i || c.String() != name {
			t.Errorf("ParseCodec(%q) = %d (%v), %v", name, c, c, err)
		}
	}
	if c, err := batch.ParseCodec("uncompressed"); err != nil || c != batch.None {
		t.Errorf("uncompressed: %v, %v", c, err)
	}
	for _, name := range []string{"", "GZIP", "producer", "codec 5"} {
		if _, err := batch.ParseCodec(name); !errors.Is(err, batch.ErrCodec) {
			t.Errorf("ParseCodec(%q): %v, want ErrCodec", name, err)
		}
	}
}
