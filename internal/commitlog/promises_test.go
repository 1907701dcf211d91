package commitlog

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// counter is a watcher.
type counter struct{ n atomic.Int64 }

func (c *counter) Advanced() { c.n.Add(1) }

// A watcher is told of every move of the high watermark and of the log start, of the end, and of nothing before a batch is durable.
func TestWatchersAreTold(t *testing.T) {
	w := new(manual)
	eng, stop := newEngine(newMem(t), w, 1<<20)
	defer stop()
	l := eng.New(testID, testConfig, 0)
	var a, b counter
	l.Watch(&a)
	l.Watch(&b)
	want := func(what string, na, nb int64) {
		t.Helper()
		if a.n.Load() != na || b.n.Load() != nb {
			t.Fatalf("%s: told %d and %d times, want %d and %d", what, a.n.Load(), b.n.Load(), na, nb)
		}
	}
	appendTo(l, records(batch.NoProducer(), 0, 10, 1))
	want("appended", 0, 0)
	w.commit(1)
	want("durable", 1, 1)
	l.Unwatch(&b)
	store(t, l, w, records(batch.NoProducer(), 1, 10, 1))
	want("one has gone", 2, 1)
	moved := make(chan error, 1)
	go func() { moved <- l.MoveStart(context.Background(), 1) }()
	for w.waiting() == 0 {
		runtime.Gosched()
	}
	w.commit(1)
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	want("log start moved", 3, 1)
	l.Delete()
	want("deleted", 4, 1)
}

// A batch that is sent again while the first is not durable is answered with the first, and not before it; a failure is the answer to both.
func TestDuplicatesWaitForTheFirst(t *testing.T) {
	o := batch.NoProducer()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = 7, 0, 0
	for _, failure := range []error{nil, errors.New("the disk failed")} {
		w := new(manual)
		eng, stop := newEngine(newMem(t), w, 1<<20)
		l := eng.New(testID, testConfig, 0)
		first, answered := appendTo(l, records(o, 0, 10, 5, 6))
		again, answeredAgain := appendTo(l, records(o, 0, 10, 5, 6))
		select {
		case <-answeredAgain:
			t.Fatal("a duplicate is answered before the first is durable")
		default:
		}
		if failure == nil {
			w.commit(1)
		} else {
			w.fail(failure)
		}
		<-answered
		<-answeredAgain
		if first.Err != failure || again.Err != failure || !again.Duplicate || again.BaseOffset != first.BaseOffset {
			t.Fatalf("first %+v, again %+v", first, again)
		}
		if failure == nil {
			late, done := appendTo(l, records(o, 0, 10, 5, 6))
			<-done
			if late.Err != nil || !late.Duplicate || late.BaseOffset != 0 || l.HighWatermark() != 2 {
				t.Fatalf("%+v, high watermark %d", late, l.HighWatermark())
			}
		}
		if w.waiting() != 0 || eng.Memory() > int64(len(first.Batch)) {
			t.Fatalf("%d entries wait, %d bytes are held", w.waiting(), eng.Memory())
		}
		stop()
	}
}

// When memory for the tails is used up, a producer waits until its time is up or something was written behind; readers do not.
func TestAFullTailSlowsProducersOnly(t *testing.T) {
	release := make(chan struct{})
	rule := &vfs.Rule{Op: vfs.OpWrite, Name: "*.log", Times: -1, Delay: func() { <-release }}
	w := new(manual)
	const limit = 64 << 10
	eng, stop := newEngine(vfs.WithFaults(newMem(t), rule), w, limit)
	defer stop()
	l := eng.New(testID, testConfig, 0)
	size := int64(len(records(batch.NoProducer(), 0, 4000, 1)))
	n := int64(0)
	for ; eng.Memory()+size <= limit; n++ {
		store(t, l, w, records(batch.NoProducer(), n, 4000, 1))
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	refused := &Append{Batch: records(batch.NoProducer(), n, 4000, 1), Done: func(*Append) {}}
	l.Append(ctx, refused)
	if !errors.Is(refused.Err, ErrMemory) {
		t.Fatalf("with %d bytes in use: %v", eng.Memory(), refused.Err)
	}
	var s Span
	for o := range n {
		if err := l.Read(&s, o, 1, true); err != nil || s.Next != o+1 {
			t.Fatalf("read at %d: %d, %v", o, s.Next, err)
		}
		s.Release()
	}
	answer := make(chan *Append, 1)
	waiting := &Append{Batch: records(batch.NoProducer(), n, 4000, 1), Done: func(a *Append) { answer <- a }}
	go l.Append(context.Background(), waiting)
	close(release)
	for {
		select {
		case a := <-answer:
			if a.Err != nil || a.BaseOffset != n {
				t.Fatalf("offset %d, %v", a.BaseOffset, a.Err)
			}
			return
		default:
			w.commit(1)
			runtime.Gosched()
		}
	}
}

// The indexes of a segment are what Kafka's rule makes of its batches: an entry in front of a batch when more than index.interval.bytes came since the
// last one, and in the time index when the largest timestamp has grown.
func TestIndexEntriesAreKafkas(t *testing.T) {
	mem, w := newMem(t), new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	defer stop()
	cfg := *testConfig
	cfg.SegmentBytes, cfg.IndexInterval = 1<<30, 4096
	l := eng.New(testID, &cfg, 0)
	var index, times []byte
	since, pos, top, topOffset, indexed := int64(0), int64(0), int64(-1), int64(-1), int64(-1)
	for i := range int64(120) {
		ts := 1000 + i%7*10 + i/3
		a := store(t, l, w, records(batch.NoProducer(), i*2, int(i*37%1500), ts, ts-5))
		last := a.BaseOffset + 1
		if ts > top {
			top, topOffset = ts, last
		}
		if since > 4096 {
			index = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(index, uint32(last)), uint32(pos))
			if top > indexed {
				times = binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(times, uint64(top)), uint32(topOffset))
				indexed = top
			}
			since = 0
		}
		since += int64(len(a.Batch))
		pos += int64(len(a.Batch))
	}
	if err := l.Settle(240); err != nil {
		t.Fatal(err)
	}
	for suffix, want := range map[string][]byte{"index": index, "timeindex": times} {
		got, err := vfs.ReadFile(mem, "data/t-4/00000000000000000000."+suffix)
		if err != nil || !bytes.Equal(got, want) || len(got) == 0 {
			t.Errorf("%s: %x\nwant %x (%v)", suffix, got, want, err)
		}
	}
}

// readsFS counts the ways in which a segment's file is read, and the reads of its index.
type readsFS struct {
	vfs.FS
	ordinary, once, direct, index atomic.Int64
	fail                          atomic.Bool   // the next direct read
	takes                         time.Duration // a direct read
	under, most, largest          atomic.Int64  // direct reads: now, at once, and in bytes
}

func (f *readsFS) Open(name string, mode vfs.Mode) (vfs.File, error) {
	file, err := f.FS.Open(name, mode)
	if err != nil {
		return nil, err
	}
	return &countedFile{file, f}, nil
}

type countedFile struct {
	vfs.File
	fs *readsFS
}

func (f *countedFile) ReadAt(p []byte, off int64) (int, error) {
	switch {
	case f.Direct():
		if f.fs.direct.Add(1); f.fs.fail.Swap(false) {
			return 0, syscall.EIO
		}
		f.fs.most.Store(max(f.fs.most.Load(), f.fs.under.Add(1)))
		f.fs.largest.Store(max(f.fs.largest.Load(), int64(len(p))))
		time.Sleep(f.fs.takes)
		defer f.fs.under.Add(-1)
	case strings.HasSuffix(f.Name(), suffixIndex):
		f.fs.index.Add(1)
	case len(p) > batch.HeaderSize:
		f.fs.ordinary.Add(1)
	}
	return f.File.ReadAt(p, off)
}

func (f *countedFile) ReadOnceAt(p []byte, off int64) (int, error) {
	f.fs.once.Add(1)
	return f.File.ReadOnceAt(p, off)
}

// The first two who read a segment leave nothing in the page cache, and the next one does. Large pieces go past it, but for what was written through it.
func TestThePageCacheIsForWhatIsReadAgain(t *testing.T) {
	const n, large = 100, 2 * directBytes
	mem, w := &readsFS{FS: newMem(t)}, new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	cfg := *testConfig
	cfg.SegmentBytes = 1 << 30
	l := eng.New(testID, &cfg, 0)
	for i := range int64(n) {
		store(t, l, w, records(batch.NoProducer(), i, 9000, 1000+i))
	}
	c, _, _ := l.Capture(0)
	if err := l.Settle(c.RecoveryPoint); err != nil {
		t.Fatal(err)
	}
	read := func(l *Log, pass string, piece int, want *atomic.Int64) {
		t.Helper()
		for _, count := range []*atomic.Int64{&mem.ordinary, &mem.once, &mem.direct} {
			count.Store(0)
		}
		r := &reader{t: t, l: l, piece: piece}
		for r.at < n {
			r.next()
			r.span = Span{} // as one who does not go on, so that nothing is read ahead
		}
		if all := mem.ordinary.Load() + mem.once.Load() + mem.direct.Load(); want.Load() != all || all == 0 {
			t.Errorf("%s: %d ordinary reads, %d past the cache, %d direct", pass, mem.ordinary.Load(), mem.once.Load(), mem.direct.Load())
		}
	}
	l.segments[0].cached.Store(l.segments[0].Size)
	read(l, "written through the cache", large, &mem.once)
	stop()
	for piece, past := range map[int]*atomic.Int64{directBytes / 2: &mem.once, large: &mem.direct} {
		l, stop = restored(t, mem, w, c)
		read(l, "first", piece, past)
		read(l, "second", piece, past)
		read(l, "third", piece, &mem.ordinary)
		stop()
	}
}

// What a start left that did not get as far as its checkpoint is not a part of the segment that is made anew: with the partition's metadata, and without.
func TestASegmentIsMadeOfNothingOlder(t *testing.T) {
	for _, metadata := range []bool{true, false} {
		mem, w := newMem(t), new(manual)
		if err := mem.MkdirAll("data/t-4"); err != nil {
			t.Fatal(err)
		}
		left := map[string][]byte{suffixLog: make([]byte, 100000), suffixIndex: make([]byte, 800), suffixTimeIndex: make([]byte, 1200)}
		for suffix, b := range left {
			if err := vfs.WriteFileSync(mem, segmentFile("data/t-4", 0, suffix), b); err != nil {
				t.Fatal(err)
			}
		}
		if metadata {
			if err := vfs.WriteFileSync(mem, "data/t-4/"+metadataFile, encodeMetadata(testID)); err != nil {
				t.Fatal(err)
			}
		}
		eng, stop := newEngine(mem, w, 64<<20)
		l := eng.New(testID, testConfig, 0)
		a := store(t, l, w, records(batch.NoProducer(), 0, 900, 1000))
		if err := l.Settle(1); err != nil {
			t.Fatal(err)
		}
		stop()
		got, err := vfs.ReadFile(mem, segmentFile("data/t-4", 0, suffixLog))
		if err != nil || !bytes.Equal(got, a.Batch) {
			t.Errorf("metadata %v: the segment has %d bytes, want the %d of its batch (%v)", metadata, len(got), len(a.Batch), err)
		}
		for _, suffix := range []string{suffixIndex, suffixTimeIndex} {
			if b, err := vfs.ReadFile(mem, segmentFile("data/t-4", 0, suffix)); err == nil && len(b) > 0 {
				t.Errorf("metadata %v: %s has %d bytes of before", metadata, suffix, len(b))
			}
		}
	}
}

// A reader that goes on with its span does not look into the index again, and reads what others do: also when a batch is larger than its pieces.
func TestAReaderThatGoesOnKnowsItsPlace(t *testing.T) {
	const piece = 50000
	mem, w := &readsFS{FS: newMem(t)}, new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	defer stop()
	cfg := *testConfig
	cfg.SegmentBytes = 1 << 20
	l := eng.New(testID, &cfg, 0)
	for i := range int64(200) {
		size := 9000
		if i == 150 {
			size = 2 * piece
		}
		store(t, l, w, records(batch.NoProducer(), i, size, 1000+i))
	}
	if err := l.Settle(200); err != nil {
		t.Fatal(err)
	}
	var s Span
	var looked []int64 // offsets for which the index was read
	for at := int64(0); at < 200; {
		mem.index.Store(0)
		if err := l.Read(&s, at, piece, true); err != nil || s.Next <= at {
			t.Fatalf("offset %d: %d, %v", at, s.Next, err)
		}
		if mem.index.Load() > 0 {
			looked = append(looked, at)
		}
		got := bytes.Join(s.Bytes, nil)
		s.Release()
		var fresh Span
		if err := l.Read(&fresh, at, piece, true); err != nil || !bytes.Equal(got, bytes.Join(fresh.Bytes, nil)) {
			t.Fatalf("offset %d: another reader reads something else, %v", at, err)
		}
		at = fresh.Next
		fresh.Release()
	}
	if bases := l.Segments(); len(looked) != len(bases)+1 || !slices.Contains(looked, 150) {
		t.Errorf("%d segments; the index was read for offsets %v, want one for each segment and the large batch at 150", len(bases), looked)
	}
}

// A reader holds no more memory than for what it has read: that of a larger response, which is used again, is for large ones.
func TestAReadHoldsWhatItReads(t *testing.T) {
	for _, n := range []int{1, readUnit, readUnit + 1, 1 << 20, 1<<20 + 2*vfs.BlockSize, 40 << 20} {
		putBuffer(getBuffer(3 << 20))
		putBuffer(getBuffer(1 << 20))
		p := getBuffer(n)
		if len(*p) != n || cap(*p) >= n+readUnit {
			t.Errorf("for %d bytes: a buffer of %d of %d", n, len(*p), cap(*p))
		}
		putBuffer(p)
	}
}

// Whatever happens to the files of a segment, a read returns what was written or an error, and never panics.
func FuzzReadOfADamagedSegment(f *testing.F) {
	mem, w := newMem(f), new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	l := eng.New(testID, testConfig, 0)
	var want [][]byte
	for i := range int64(40) {
		b := records(batch.NoProducer(), i, int(i*97%900), 1000+i)
		store(f, l, w, b)
		want = append(want, bytes.Clone(b))
	}
	c, _, _ := l.Capture(0)
	if err := l.Settle(c.RecoveryPoint); err != nil {
		f.Fatal(err)
	}
	stop()
	suffixes := []string{suffixLog, suffixIndex, suffixTimeIndex}
	f.Add(uint8(0), uint16(8), []byte{0xff, 0xff, 0xff, 0xff})
	f.Add(uint8(0), uint16(0), []byte{0, 0, 0, 0, 0, 0, 0, 1})
	f.Add(uint8(0), uint16(500), []byte("x"))
	f.Add(uint8(1), uint16(4), []byte{0, 0, 0, 1})
	f.Add(uint8(2), uint16(0), []byte{0x7f})
	f.Fuzz(func(t *testing.T, file uint8, at uint16, b []byte) {
		image := mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
		spoilt, err := image.Open(segmentFile("data/t-4", c.Segments[int(file/3)%len(c.Segments)].Base, suffixes[file%3]), vfs.ReadWrite)
		if err != nil {
			t.Fatal(err)
		}
		if size, _ := spoilt.Size(); size > 0 && len(b) > 0 {
			at := int64(at) % size
			if _, err := spoilt.WriteAt(b[:min(int64(len(b)), size-at)], at); err != nil {
				t.Fatal(err)
			}
		}
		spoilt.Close()
		eng, stop := newEngine(image, w, 1<<20)
		defer stop()
		l, err := eng.Restore(c, testConfig, 0)
		if err != nil {
			t.Fatal(err)
		}
		if err := l.Cut(); err != nil {
			t.Fatal(err)
		}
		var s Span
		for o := range int64(len(want)) {
			err := l.Read(&s, o, 3000, true)
			var corrupt *CorruptError
			if err != nil {
				if !errors.As(err, &corrupt) {
					t.Fatalf("offset %d: %v", o, err)
				}
				continue
			}
			if got := bytes.Join(s.Bytes, nil); len(got) == 0 || !bytes.Equal(got, bytes.Join(want[o:s.Next], nil)) {
				t.Fatalf("offset %d: %d bytes that were not written there", o, len(got))
			}
			s.Release()
		}
		stamp, err := l.OffsetForTime(1020, 1<<20)
		if err == nil && (stamp.Timestamp != 1000+stamp.Offset || stamp.Offset < 20) {
			t.Fatalf("the first record at 1020 or later: %+v", stamp)
		}
		l.Close()
	})
}

// A partition that nobody writes to costs less than 2 KB, whether it ever held a record or not.
func TestAnIdlePartitionIsSmall(t *testing.T) {
	const n = 10_000
	w := new(manual)
	eng, stop := newEngine(newMem(t), w, 1<<20)
	defer stop()
	logs := make([]*Log, n)
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	for i := range logs {
		logs[i] = eng.New(ID{Topic: "t", Partition: int32(i)}, testConfig, 0)
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := int64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%d bytes for a partition that never held a record", each)
	if each > 2000 {
		t.Errorf("%d bytes", each)
	}
	for i := range logs {
		c := Checkpoint{ID: ID{Topic: "t", Partition: int32(i)}, RecoveryPoint: 10, Epochs: []EpochStart{{0, 0}}, Segments: []SegmentInfo{{Size: 100, MaxTimestamp: 5, IndexedTime: -1}}}
		c.Producers = logs[i].producers.AppendSnapshot(nil)
		l, err := eng.Restore(c, testConfig, 0)
		if err != nil {
			t.Fatal(err)
		}
		logs[i] = l
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	each = int64(after.HeapAlloc-before.HeapAlloc) / n
	t.Logf("%d bytes for one with a segment", each)
	if each > 2000 {
		t.Errorf("%d bytes with a segment", each)
	}
	runtime.KeepAlive(logs)
}

// A segment that is complete in its file before it ends gets the last entry of its time index all the same, and no start has to make the index again.
func TestTheLastIndexEntryOfACompleteSegmentIsWritten(t *testing.T) {
	mem, w := newMem(t), new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	defer stop()
	cfg := *testConfig
	cfg.SegmentBytes = 3000
	l := eng.New(testID, &cfg, 0)
	for i := range int64(3) {
		store(t, l, w, records(batch.NoProducer(), i, 2000, 1000+i)) // each ends the segment of the one before
		if err := l.Settle(l.HighWatermark()); err != nil {
			t.Fatal(err)
		}
	}
	c, _, _ := l.Capture(0)
	if err := l.Settle(c.RecoveryPoint); err != nil {
		t.Fatal(err)
	}
	if in := Inspect(mem, "data/t-4", c); len(in.Damage) > 0 || in.Segments != 3 || in.IndexEntries == 0 {
		t.Fatalf("%+v", in)
	}
}

// A replay gives every batch the segment that it had, also when other settings have come into force since.
func TestReplayDoesNotDependOnSettings(t *testing.T) {
	mem, w := newMem(t), new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	l := eng.New(testID, testConfig, 0)
	for i := range int64(60) {
		cfg := *testConfig
		cfg.SegmentBytes = 500 + i%7*1000
		l.SetConfig(&cfg)
		store(t, l, w, records(batch.NoProducer(), i, 400, 1000+i))
	}
	want := l.Segments()
	stop()
	eng, stop = newEngine(mem, w, 64<<20)
	defer stop()
	again := eng.New(testID, testConfig, 0)
	for _, f := range w.frames {
		if err := again.Replay(f, 0); err != nil {
			t.Fatal(err)
		}
	}
	if got := again.Segments(); !slices.Equal(got, want) || len(want) < 8 {
		t.Fatalf("%v\nwant %v", got, want)
	}
}

// A write-ahead log of before there were frames that say where segments begin is replayed too, also when retention had let the first of them go.
func TestAnOlderWriteAheadLogIsReplayed(t *testing.T) {
	mem, w := newMem(t), new(manual)
	eng, stop := newEngine(mem, w, 64<<20)
	l := eng.New(testID, testConfig, 0)
	store(t, l, w, records(batch.NoProducer(), 0, 4000, 1000))
	c, _, _ := l.Capture(0)
	if err := l.Settle(1); err != nil {
		t.Fatal(err)
	}
	for i := range int64(19) {
		store(t, l, w, records(batch.NoProducer(), 1+i, 4000, 1001+i))
	}
	if err := l.Settle(20); err != nil {
		t.Fatal(err)
	}
	moved := make(chan error, 1)
	go func() { moved <- l.MoveStart(context.Background(), 10) }()
	for w.waiting() == 0 {
		runtime.Gosched()
	}
	w.commit(1)
	if err := <-moved; err != nil {
		t.Fatal(err)
	}
	stop()
	l, stop = restored(t, mem, w, c)
	defer stop()
	for _, f := range w.frames[1:] {
		if f.Kind == KindFirstBatch {
			f.Kind = KindBatch
		}
		if f.Kind == KindLogStart {
			l.ReplayStart(f.Offset)
		} else if err := l.Replay(f, 0); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Cut(); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		var s Span
		for o := int64(10); o < 20; o++ {
			if err := l.Read(&s, o, 1, true); err != nil || batch.Batch(s.Bytes[0]).BaseOffset() != o {
				t.Fatalf("offset %d: %v", o, err)
			}
			s.Release()
		}
		if err := l.Settle(20); err != nil {
			t.Fatal(err)
		}
	}
}

// What stands in the write-ahead log as a replacement of segments is taken or refused, and never panics; what is taken is written as it was read.
func FuzzReplacement(f *testing.F) {
	r := replacement{number: 3, bases: []int64{5, 9, 20}, end: 31, cleanedTo: 30, seg: SegmentInfo{Base: 5, Size: 100, MaxTimestamp: 7, MaxTimeOffset: 8, FirstTime: 9, IndexedTime: -1, Index: 1, TimeIndex: 2, Cleaning: 3, Heads: 4}}
	f.Add(int64(3), r.encode())
	f.Add(int64(4), r.encode())
	f.Add(int64(0), []byte{replacementFormat})
	f.Add(int64(3), append(r.encode(), 0))
	f.Fuzz(func(t *testing.T, number int64, b []byte) {
		r, err := decodeReplacement(wal.Frame{Kind: KindCleaned, Offset: number, Payload: b})
		if err == nil && !bytes.Equal(r.encode(), b) {
			t.Fatalf("%x became %x", b, r.encode())
		}
		w := new(manual)
		eng, stop := newEngine(newMem(t), w, 1<<20)
		defer stop()
		l := eng.New(testID, testConfig, 0)
		for i := range int64(9) {
			store(t, l, w, records(batch.NoProducer(), i, 4000, 1000+i))
		}
		before := l.Segments()
		if err := l.ReplayCleaned(wal.Frame{Kind: KindCleaned, Offset: number, Payload: b}); err != nil && !slices.Equal(l.Segments(), before) {
			t.Fatal("what is refused changes the log")
		}
	})
}

// Compaction keeps to the bytes a second that it may read and write, and stops waiting when it must end.
func TestCompactionKeepsToItsPace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := pace{perSecond: func() float64 { return 1 << 20 }}
		began := time.Now()
		for range 100 {
			if err := p.took(context.Background(), 1<<20/10, func() error { return nil }); err != nil {
				t.Fatal(err)
			}
		}
		if d := time.Since(began); d < 9*time.Second || d > 11*time.Second {
			t.Fatalf("10 MiB at 1 MiB a second took %v", d)
		}
		over := errors.New("over")
		began = time.Now()
		if err := p.took(context.Background(), 1<<30, func() error { return over }); err != over || time.Since(began) > time.Second {
			t.Fatalf("%v after %v", err, time.Since(began))
		}
	})
}
