package commitlog

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"pgregory.net/rapid"
)

// kept is a record as the dumb model knows it.
type kept struct {
	offset, ts int64
	key, value []byte // nil for none
	batch      *keptBatch
}

// keptBatch is what the model knows of a batch.
type keptBatch struct {
	base, last int64
	producer   int64
	horizon    int64 // 0: none yet
}

// compacted is a compacted log and its model: a list of records, from which a cleaning takes what the rules say.
type compacted struct {
	*rapid.T
	mem     *vfs.Mem
	w       *manual
	eng     *Engine
	stop    func()
	l       *Log
	cfg     *Config
	cleaner *Cleaner
	now     int64

	records []kept
	batches []*keptBatch
	next    int64
	start   int64
	seq     map[int64]int32
	cleaned int64 // up to which offset
	saved   Checkpoint
	replays int
}

const (
	tombstoneAge = 1000
	smallLag     = 300
)

// A compacted partition is a list of records from which each cleaning takes those that have a later one of their key, those without a key, and tombstones
// whose time is over: whatever is written, deleted, cleaned, moved and restarted, each read, look-up by time and producer answers as the list does.
func TestCompactedLogIsWhatTheRulesLeave(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		cfg := &Config{
			SegmentBytes: rapid.Int64Range(200, 3000).Draw(rt, "segment.bytes"), SegmentAge: 1 << 40, RetentionBytes: -1, RetentionAge: -1, IndexInterval: 500,
			Compaction: Compaction{Enabled: true, DirtyRatio: 0, MaxLag: 1 << 40, DeleteRetention: tombstoneAge},
		}
		if rapid.Bool().Draw(rt, "min lag") {
			cfg.Compaction.MinLag = smallLag
		}
		c := &compacted{T: rt, mem: newMem(t), w: new(manual), cfg: cfg, now: 10_000, seq: make(map[int64]int32)}
		c.open()
		defer func() { c.stop() }()
		c.l = c.eng.New(testID, cfg, 0)
		for range rapid.IntRange(1, 120).Draw(rt, "steps") {
			switch rapid.IntRange(0, 12).Draw(rt, "op") {
			case 0, 1, 2, 3, 4, 5:
				c.write()
			case 6, 7, 8:
				c.clean()
			case 9:
				c.now += rapid.Int64Range(0, 3*tombstoneAge).Draw(rt, "time")
			case 10:
				c.capture()
			case 11:
				c.reopen()
			case 12:
				c.moveStart()
			}
			c.look()
		}
	})
}

func (c *compacted) open() {
	c.eng, c.stop = newEngine(c.mem, c.w, 64<<20)
	c.cleaner = c.eng.NewCleaner(CleanerOptions{
		KeyBytes: rapid.SampledFrom([]int64{80, 1 << 20}).Draw(c.T, "table"), BufferBytes: 1000, MaxBatch: 1 << 20, MaxDecompressed: 1 << 20,
	}, func() float64 { return 0 })
}

func (c *compacted) must(what string, err error) {
	if err != nil {
		c.Fatalf("%s: %v", what, err)
	}
}

func (c *compacted) write() {
	o := batch.NoProducer()
	o.Codec = rapid.SampledFrom([]batch.Codec{batch.None, batch.None, batch.ZSTD}).Draw(c.T, "codec")
	if id := rapid.Int64Range(-2, 2).Draw(c.T, "producer"); id >= 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = id, 0, c.seq[id]
	}
	if rapid.IntRange(0, 4).Draw(c.T, "append time") == 0 {
		o.TimestampType = batch.LogAppendTime
	}
	b := &keptBatch{base: c.next, producer: o.ProducerID}
	builder := batch.NewBuilder(o)
	n := rapid.IntRange(1, 4).Draw(c.T, "records")
	first := len(c.records)
	for i := range n {
		r := kept{offset: c.next + int64(i), ts: c.now - rapid.Int64Range(0, 500).Draw(c.T, "age"), batch: b}
		if k := rapid.IntRange(0, 8).Draw(c.T, "key"); k > 0 {
			r.key = fmt.Appendf(nil, "k%d", k)
		}
		if rapid.IntRange(0, 3).Draw(c.T, "tombstone") > 0 {
			r.value = fmt.Appendf(nil, "%d;%s", r.offset, bytes.Repeat([]byte("x"), rapid.IntRange(0, 300).Draw(c.T, "size")))
		}
		builder.Append(r.ts, r.key, r.value)
		c.records = append(c.records, r)
	}
	raw := batch.Batch(builder.Build(nil))
	if o.TimestampType == batch.LogAppendTime {
		for i := first; i < len(c.records); i++ {
			c.records[i].ts = raw.MaxTimestamp()
		}
	}
	done := make(chan struct{})
	a := &Append{Batch: raw, Now: c.now, Done: func(*Append) { close(done) }}
	c.l.Append(context.Background(), a)
	c.w.commit(1 << 30)
	<-done
	c.must("append", a.Err)
	if a.BaseOffset != c.next {
		c.Fatalf("offset %d instead of %d", a.BaseOffset, c.next)
	}
	if o.ProducerID >= 0 {
		c.seq[o.ProducerID] += int32(n)
	}
	c.next += int64(n)
	b.last = c.next - 1
	c.batches = append(c.batches, b)
}

// pump makes durable what is appended until fn is done.
func (c *compacted) pump(fn func()) {
	done := make(chan struct{})
	go func() { defer close(done); fn() }()
	for {
		select {
		case <-done:
			return
		default:
			c.w.commit(1)
		}
	}
}

func (c *compacted) clean() {
	var did Cleaned
	var err error
	c.pump(func() { did, err = c.cleaner.Clean(context.Background(), c.l, c.now) })
	c.must("clean", err)
	if did.Segments == 0 {
		return
	}
	if did.To <= did.From || did.From != max(c.cleaned, c.start) {
		c.Fatalf("cleaned from %d to %d; cleaned to %d before", did.From, did.To, c.cleaned)
	}
	latest := make(map[string]int64)
	for _, r := range c.records {
		if r.key != nil && r.offset >= did.From && r.offset < did.To {
			latest[string(r.key)] = r.offset
		}
	}
	c.records = slices.DeleteFunc(c.records, func(r kept) bool {
		later, dirty := latest[string(r.key)]
		switch {
		case r.offset >= did.To:
			return false
		case r.key == nil, dirty && r.offset < later:
			return true
		}
		return r.value == nil && r.batch.horizon > 0 && c.now >= r.batch.horizon
	})
	for _, r := range c.records { // horizons, as the headers must say them
		if r.value == nil && r.batch.horizon == 0 {
			if b := c.header(r.batch); b != nil && b.HasDeleteHorizon() {
				r.batch.horizon = c.now + tombstoneAge
			} else if r.offset < did.To && r.offset >= c.start {
				c.Fatalf("the batch of offset %d has a tombstone and no horizon", r.offset)
			}
		}
	}
	c.cleaned = did.To
	// The last batch of each producer and the last of the round are there, if only their headers.
	last := make(map[int64]*keptBatch)
	for _, b := range c.batches {
		if b.producer >= 0 {
			last[b.producer] = b
		}
		if b.last == did.To-1 {
			last[-1] = b
		}
	}
	for id, b := range last {
		if b.base >= c.start && c.header(b) == nil {
			c.Fatalf("batch %d to %d is gone, the last of producer %d or of the round", b.base, b.last, id)
		}
	}
}

// header is a batch of the log, or nil when it is gone.
func (c *compacted) header(b *keptBatch) batch.Batch {
	var s Span
	if b.last < c.start {
		return nil
	}
	c.must("read", c.l.Read(&s, max(b.base, c.start), 1, true))
	defer s.Release()
	if s.Size == 0 {
		return nil
	}
	x := batch.Batch(bytes.Clone(s.Bytes[0]))
	if x.BaseOffset() != b.base || x.LastOffset() != b.last {
		return nil
	}
	return x
}

func (c *compacted) moveStart() {
	to := rapid.Int64Range(c.start, c.next).Draw(c.T, "start")
	var err error
	c.pump(func() { err = c.l.MoveStart(context.Background(), to) })
	c.must("move start", err)
	c.start = to
}

func (c *compacted) capture() {
	saved, _, ok := c.l.Capture(0)
	if !ok {
		return
	}
	c.must("settle", c.l.Settle(saved.RecoveryPoint))
	c.saved, c.replays = saved, len(c.w.frames)
}

func (c *compacted) reopen() {
	c.stop()
	c.mem = c.mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
	c.open()
	c.l = c.eng.New(testID, c.cfg, 0)
	if c.replays > 0 {
		var err error
		c.l, err = c.eng.Restore(c.saved, c.cfg, 0)
		c.must("restore", err)
	}
	for _, f := range c.w.frames[c.replays:] {
		switch f.Kind {
		case KindLogStart:
			c.l.ReplayStart(f.Offset)
		case KindCleaned:
			c.must("replay", c.l.ReplayCleaned(f))
		default:
			c.must("replay", c.l.Replay(f, 0))
		}
	}
	c.must("cut", c.l.Cut())
}

// look compares all that can be read.
func (c *compacted) look() {
	var want []kept
	for _, r := range c.records {
		if r.offset >= c.start {
			want = append(want, r)
		}
	}
	for at, from := 0, rapid.Int64Range(c.start, c.next).Draw(c.T, "from"); ; {
		var s Span
		c.must("read", c.l.Read(&s, from, rapid.IntRange(0, 5000).Draw(c.T, "max"), true))
		if s.Size == 0 {
			if slices.IndexFunc(want, func(r kept) bool { return r.offset >= from }) >= 0 && from < c.l.HighWatermark() {
				c.Fatalf("nothing to read at %d", from)
			}
			break
		}
		if at == 0 {
			for at < len(want) && want[at].offset < from {
				at++
			}
		}
		for rest := bytes.Join(s.Bytes, nil); len(rest) > 0; {
			b, after, err := batch.Next(rest)
			c.must("next", errors.Join(err, b.CheckCRC()))
			rest = after
			for r, err := range b.Records(1 << 20) {
				c.must("record", err)
				if r.Offset < from || r.Offset < c.start {
					continue
				}
				if at == len(want) || r.Offset != want[at].offset || r.Timestamp != want[at].ts || !bytes.Equal(r.Key, want[at].key) ||
					(r.Value == nil) != (want[at].value == nil) || !bytes.Equal(r.Value, want[at].value) {
					c.Fatalf("offset %d holds %q=%.20q at %d; want %+v", r.Offset, r.Key, r.Value, r.Timestamp, want[min(at, len(want)):])
				}
				at++
			}
		}
		if s.Next <= from {
			c.Fatalf("a read at %d goes on at %d", from, s.Next)
		}
		from = s.Next
		s.Release()
		if from >= c.next {
			if at < len(want) {
				c.Fatalf("offset %d is lost", want[at].offset)
			}
			break
		}
	}
	ts := rapid.Int64Range(9000, c.now+1).Draw(c.T, "ts")
	stamp, top := noStamp, noStamp
	for _, r := range want {
		if r.ts >= ts && stamp.Offset < 0 {
			stamp = Stamp{r.offset, r.ts}
		}
		if r.ts > top.Timestamp {
			top = Stamp{r.offset, r.ts}
		}
	}
	if got, err := c.l.OffsetForTime(ts, 1<<20); err != nil || got != stamp {
		c.Fatalf("first record at %d or later: %+v, want %+v (%v)", ts, got, stamp, err)
	}
	if c.start == 0 { // as in Kafka, a segment's largest timestamp may be that of a deleted record
		if got, err := c.l.MaxTimestamp(1 << 20); err != nil || got != top {
			c.Fatalf("largest timestamp: %+v, want %+v (%v)", got, top, err)
		}
	}
}
