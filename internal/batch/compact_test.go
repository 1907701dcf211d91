package batch_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"pgregory.net/rapid"
)

// failer is a test, or one of many tries of a property.
type failer interface{ Fatal(args ...any) }

// everyRecord is all records of a batch.
func everyRecord(t failer, b batch.Batch) (all []batch.Record) {
	for r, err := range b.Records(1 << 20) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, r)
	}
	return all
}

// What compaction leaves of a batch is the records that were to stay, with their offsets, timestamps, keys, values and headers; the batch's own offsets,
// sequences and codec; the greatest timestamp of what is left; and a horizon when it has a tombstone and had none.
func TestCompactLeavesWhatIsToStay(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		o := batch.Options{
			Codec: batch.Codec(rapid.IntRange(0, 4).Draw(rt, "codec")), BaseOffset: rapid.Int64Range(0, 1<<40).Draw(rt, "base"), LeaderEpoch: 3,
			ProducerID: 77, ProducerEpoch: 2, BaseSequence: rapid.Int32().Draw(rt, "sequence") & 0x7fffffff,
		}
		if rapid.Bool().Draw(rt, "append time") {
			o.TimestampType = batch.LogAppendTime
		}
		n := rapid.IntRange(1, 12).Draw(rt, "records")
		builder := batch.NewBuilder(o)
		for range n {
			var key, value []byte
			if rapid.Bool().Draw(rt, "has key") {
				key = rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(rt, "key")
			}
			if rapid.Bool().Draw(rt, "has value") {
				value = rapid.SliceOfN(rapid.Byte(), 0, 300).Draw(rt, "value")
			}
			builder.Append(rapid.Int64Range(0, 1<<45).Draw(rt, "time"), key, value, batch.Header{Key: "h", Value: value})
		}
		b := batch.Batch(builder.Build(nil))
		before := everyRecord(rt, b)
		stay := make(map[int64]bool)
		for i := range n {
			stay[o.BaseOffset+int64(i)] = rapid.Bool().Draw(rt, "stays")
		}
		keepEmpty, horizon := rapid.Bool().Draw(rt, "keep empty"), rapid.Int64Range(1, 1<<45).Draw(rt, "horizon")
		c := batch.Compaction{Keep: func(o int64, _, _ []byte) bool { return stay[o] }, KeepEmpty: keepEmpty, Horizon: horizon, MaxDecompressed: 1 << 20}
		out, kept, err := b.Compact([]byte("before"), c)
		if err != nil || !bytes.HasPrefix(out, []byte("before")) {
			rt.Fatal(err)
		}
		var want []batch.Record
		greatest, tombstone := int64(-1), false
		for _, r := range before {
			if stay[r.Offset] {
				want = append(want, r)
				greatest, tombstone = max(greatest, r.Timestamp), tombstone || r.Value == nil
			}
		}
		if kept != len(want) {
			rt.Fatalf("%d records stay, want %d", kept, len(want))
		}
		if out = out[len("before"):]; kept == 0 && !keepEmpty {
			if len(out) > 0 {
				rt.Fatal("something is left of nothing")
			}
			return
		}
		x, rest, err := batch.Next(out)
		if err = errors.Join(err, x.CheckCRC()); err != nil || len(rest) > 0 {
			rt.Fatal(err)
		}
		got := everyRecord(rt, x)
		if len(got) != len(want) {
			rt.Fatalf("%d records, want %d", len(got), len(want))
		}
		for i := range got {
			g, w := got[i], want[i]
			if g.Offset != w.Offset || g.Timestamp != w.Timestamp || !bytes.Equal(g.Key, w.Key) || (g.Key == nil) != (w.Key == nil) ||
				!bytes.Equal(g.Value, w.Value) || (g.Value == nil) != (w.Value == nil) || len(g.Headers) != 1 || g.Headers[0].Key != "h" {
				rt.Fatalf("record %d: %+v, want %+v", i, g, w)
			}
		}
		if x.BaseOffset() != b.BaseOffset() || x.LastOffset() != b.LastOffset() || x.ProducerID() != 77 || x.ProducerEpoch() != 2 ||
			x.BaseSequence() != b.BaseSequence() || x.LastSequence() != b.LastSequence() || x.LeaderEpoch() != 3 || x.TimestampType() != b.TimestampType() {
			rt.Fatalf("the header is another one: %v, want %v", x[:batch.HeaderSize], b[:batch.HeaderSize])
		}
		if o.TimestampType == batch.LogAppendTime || kept == 0 {
			greatest = b.MaxTimestamp()
		}
		if x.MaxTimestamp() != greatest || x.HasDeleteHorizon() != tombstone || tombstone && x.FirstTimestamp() != horizon {
			rt.Fatalf("greatest timestamp %d, want %d; horizon %v (%d), want %v (%d)", x.MaxTimestamp(), greatest, x.HasDeleteHorizon(), x.FirstTimestamp(), tombstone, horizon)
		}
		// Again, with all to stay, nothing changes: the horizon is stamped once.
		c.Keep, c.Horizon, c.KeepEmpty = func(int64, []byte, []byte) bool { return true }, horizon+5, true
		if again, _, err := x.Compact(nil, c); err != nil || !bytes.Equal(again, x) {
			rt.Fatalf("a second time it changes: %v", err)
		}
	})
}
