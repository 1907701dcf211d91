package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

func keyed(key string, value []byte) batch.Batch {
	b := batch.NewBuilder(batch.NoProducer())
	b.Append(1_700_000_000_000, []byte(key), value)
	return b.Build(nil)
}

func cleanNow(t testing.TB, s *Store) int {
	t.Helper()
	n, err := s.Clean(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if u := s.Stats().Compaction.Uncleanable; u > 0 {
		t.Fatalf("%d partitions cannot be compacted", u)
	}
	return n
}

// compactedDirectory is a stopped directory with a compacted partition, "k-0", of which every fourth batch is left.
func compactedDirectory(t *testing.T) (*vfs.Mem, map[int64]put) {
	t.Helper()
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	l := mustCreate(t, s, "k", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0").Partitions[0]
	for n := range int64(400) {
		name := fmt.Sprintf("key %d", n)
		if n%4 > 0 {
			name = "again"
		}
		mustAppend(t, l, keyed(name, payload("k", 0, n, damageSize)))
	}
	if cleanNow(t, s) == 0 {
		t.Fatal("nothing was compacted")
	}
	got, err := readKeyed(l, 0)
	if err != nil || len(got) > 200 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	mustClose(t, s)
	return mem, got
}

// Every flipped byte of a compacted segment is found by Verify. One that is read is never served as another record but for the offset of a batch
// that compaction has left room around (docs/decisions/0006).
func TestAFlippedByteOfACompactedSegmentIsFound(t *testing.T) {
	whole, want := compactedDirectory(t)
	for _, name := range walk(t, whole, "data/k-0") {
		if !strings.HasSuffix(name, ".log") && !strings.HasSuffix(name, "index") {
			continue
		}
		info, err := whole.Stat(name)
		if err != nil {
			t.Fatal(err)
		}
		known := knownBytes(t, whole)[name]
		for at := int64(0); at < min(info.Size, known); at += 1 + at/3 {
			mem := whole.Crash(vfs.Crash{Keep: vfs.KeepAll})
			flip(t, mem, name, at)
			if r, err := verifyAll(t, mem); err != nil || len(r.Findings) == 0 {
				t.Fatalf("a flip in %s at %d is not found (%v)", name, at, err)
			}
			s := mustOpen(t, smallOptions(mem))
			if l := s.Topic("k").Partitions[0]; at > 8 {
				got, _ := readKeyed(l, 0)
				for o, x := range got {
					if w := want[o]; x.key != w.key || !bytes.Equal(x.value, w.value) {
						t.Fatalf("a flip in %s at %d: offset %d holds %q=%.20q", name, at, o, x.key, x.value)
					}
				}
			}
			s.Abort()
		}
	}
}

// Repair cuts a damaged compacted partition in front of the damage, and the directory is whole again and goes on.
func TestRepairOfACompactedPartition(t *testing.T) {
	for _, offset := range []bool{false, true} {
		mem, _ := compactedDirectory(t)
		name, at := "data/k-0/00000000000000000000.log", int64(5000)
		if offset { // of the first batch: which one is wrong cannot be told
			at = 7
		}
		flip(t, mem, name, at)
		r, err := Repair(context.Background(), smallOptions(mem))
		if err != nil || len(r.Losses) != 1 || len(r.Losses[0].Kept) == 0 {
			t.Fatalf("%+v, %v", r, err)
		}
		if r, err := verifyAll(t, mem); err != nil || len(r.Findings) > 0 {
			t.Fatalf("after the repair: %v, %v", r.Findings, err)
		}
		s := mustOpen(t, smallOptions(mem))
		l := s.Topic("k").Partitions[0]
		if hw := l.HighWatermark(); hw != r.Losses[0].End {
			t.Fatalf("it ends at %d, %+v", hw, r.Losses[0])
		}
		if _, err := readKeyed(l, l.Start()); err != nil {
			t.Fatal(err)
		}
		mustAppend(t, l, keyed("more", []byte("x")))
		mustClose(t, s)
	}
}

// A partition with a damaged segment is left alone by compaction, and said so; the others are compacted and it goes on serving what is whole.
func TestAPartitionThatCannotBeCompactedHoldsUpNoOther(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	tp := mustCreate(t, s, "k", 2, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0")
	for n := range int64(200) {
		for p, l := range tp.Partitions {
			mustAppend(t, l, keyed("one", payload("k", int32(p), n, damageSize)))
		}
	}
	mustClose(t, s)
	flip(t, mem, "data/k-1/00000000000000000000.log", 3000)
	o := smallOptions(mem)
	o.Log = logTo(t)
	s = mustOpen(t, o)
	defer mustClose(t, s)
	for range 2 {
		if _, err := s.Clean(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	st := s.Stats().Compaction
	if st.Uncleanable != 1 || st.Cleanings != 1 || st.Segments < 3 || st.RecordsLeft >= st.Records {
		t.Fatalf("%+v", st)
	}
	if s.Err() != nil {
		t.Fatal(s.Err())
	}
	a, b := s.Topic("k").Partitions[0], s.Topic("k").Partitions[1]
	if got, err := readKeyed(a, 0); err != nil || len(got) > 80 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	var corrupt *commitlog.CorruptError
	if got, err := readKeyed(b, 0); !errors.As(err, &corrupt) || len(got) == 0 {
		t.Fatalf("the damaged one: %d records, %v", len(got), err)
	}
	for _, name := range walk(t, mem, "data/k-1") {
		if strings.HasSuffix(name, ".cleaned") {
			t.Errorf("%s is left", name)
		}
	}
	mustAppend(t, b, keyed("one", []byte("x")))
}

// What bounds compaction can be changed while the broker runs: how fast it reads and writes, also the log that is compacted at the moment, and how often it looks.
func TestCompactionFollowsChangedSettings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := smallOptions(vfs.NewMem())
		o.segmentBytes = 4000
		s := mustOpen(t, o)
		defer s.Abort()
		change := func(name, value string) {
			t.Helper()
			if err := s.AlterBroker(context.Background(), true, setting(name, value)); err != nil {
				t.Fatal(err)
			}
		}
		change("log.cleaner.backoff.ms", "3600000")
		pass(time.Minute) // the first look, which was due after 15 s, is over
		l := mustCreate(t, s, "k", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0").Partitions[0]
		fill := func() {
			for n := range int64(100) {
				mustAppend(t, l, keyed("again", payload("k", 0, n, 200)))
			}
		}
		took := func() time.Duration {
			before := s.Stats().Compaction.Cleanings
			fill()
			began := time.Now()
			cleanNow(t, s)
			if s.Stats().Compaction.Cleanings == before { // it may be the store's own look, which this one has waited for
				t.Fatal("nothing was compacted")
			}
			return time.Since(began)
		}
		if d := took(); d > time.Second {
			t.Errorf("compaction without a bound took %v", d)
		}
		change("log.cleaner.io.max.bytes.per.second", "1000")
		if d := took(); d < 10*time.Second {
			t.Errorf("compaction of 20 kB at 1,000 bytes a second took %v", d)
		}
		change("log.cleaner.io.max.bytes.per.second", "1e9")
		if d := took(); d > time.Second {
			t.Errorf("compaction at 1 GB a second took %v", d)
		}
		change("log.cleaner.io.max.bytes.per.second", "1") // a mistake, which must not hold compaction up for hours
		slow := s.Stats().Compaction.Cleanings
		fill()
		ended := make(chan error, 1)
		go func() {
			_, err := s.Clean(context.Background())
			ended <- err
		}()
		pass(10 * time.Second)
		if s.Stats().Compaction.Cleanings > slow {
			t.Error("20 kB were compacted in ten seconds at 1 byte a second")
		}
		change("log.cleaner.io.max.bytes.per.second", "1e9")
		pass(time.Second)
		select {
		case err := <-ended:
			if err != nil || s.Stats().Compaction.Cleanings == slow {
				t.Errorf("nothing was compacted: %v", err)
			}
		default:
			t.Fatal("compaction still keeps to the bound of before")
		}
		// When one segment follows another the logs are looked at, too early for a topic with a lag; the next look is by the setting.
		change("log.cleaner.backoff.ms", "5000")
		late := mustCreate(t, s, "late", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0", "min.compaction.lag.ms=3000").Partitions[0]
		for range 100 {
			b := batch.NewBuilder(batch.NoProducer())
			b.Append(s.now(), []byte("again"), bytes.Repeat([]byte("x"), 200))
			mustAppend(t, late, b.Build(nil))
		}
		before := s.Stats().Compaction.Cleanings
		pass(2 * time.Second)
		if n := s.Stats().Compaction.Cleanings - before; n > 0 {
			t.Errorf("%d rounds of compaction before the lag was over", n)
		}
		pass(5 * time.Second)
		if n := s.Stats().Compaction.Cleanings - before; n == 0 {
			t.Error("nobody looked after log.cleaner.backoff.ms")
		}
	})
}

// Readers, producers, deletes of records, checkpoints and compaction go on beside each other: every reader sees the records in the order of their offsets, each as it
// was written, and after the last cleaning each key has its last value.
func TestCompactionBesideEverythingElse(t *testing.T) {
	mem := vfs.NewMem()
	o := smallOptions(mem)
	o.segmentBytes, o.CleanEvery = 4000, time.Millisecond
	s := mustOpen(t, o)
	tp := mustCreate(t, s, "k", 2, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0", "file.delete.delay.ms=1")
	mustCreate(t, s, "gone", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0")
	name := func(n int64) string { return fmt.Sprintf("key %d", n*n%17) }
	value := func(p int32, n int64) []byte { return payload("k", p, n, 200) }
	const records = 1200
	stop := make(chan struct{})
	var writers, others sync.WaitGroup
	errs := make(chan error, 16)
	check := func(l *commitlog.Log) error {
		got, err := readKeyed(l, l.Start())
		var out *commitlog.OffsetError
		if errors.As(err, &out) {
			return nil // the log start has passed it
		}
		for n, x := range got {
			if x.key != name(n) || !bytes.Equal(x.value, value(l.ID().Partition, n)) {
				return fmt.Errorf("offset %d holds %q=%.20q", n, x.key, x.value)
			}
		}
		return err
	}
	for p, l := range tp.Partitions {
		writers.Go(func() {
			for n := range int64(records) {
				if a := appendNow(l, keyed(name(n), value(int32(p), n))); a.Err != nil || a.BaseOffset != n {
					errs <- fmt.Errorf("offset %d instead of %d: %w", a.BaseOffset, n, a.Err)
					return
				}
				if n == records/2 && p == 1 {
					if err := l.MoveStart(context.Background(), n/2); err != nil {
						errs <- err
					}
				}
			}
		})
		for range 2 {
			others.Go(func() {
				for {
					if err := check(l); err != nil {
						errs <- fmt.Errorf("%v: %w", l.ID(), err)
						return
					}
					if st, err := l.OffsetForTime(1_700_000_000_000, 1<<20); err != nil || st.Offset < l.Start()-1 && st.Offset >= 0 {
						errs <- fmt.Errorf("look-up by time: %+v, %w", st, err)
						return
					}
					select {
					case <-stop:
						return
					default:
					}
				}
			})
		}
	}
	others.Go(func() {
		for n := int64(0); ; n++ {
			select {
			case <-stop:
				return
			default:
			}
			if l := s.Topic("gone"); n == 300 {
				if err := s.DeleteTopic(context.Background(), "gone"); err != nil {
					errs <- err
				}
			} else if l != nil {
				appendNow(l.Partitions[0], keyed("x", make([]byte, 300)))
			}
			if n%50 == 0 {
				if err := s.checkpoint(false); err != nil {
					errs <- err
				}
			}
		}
	})
	writers.Wait()
	close(stop)
	others.Wait()
	select {
	case err := <-errs:
		t.Fatal(err)
	default:
	}
	cleanNow(t, s)
	if st := s.Stats().Compaction; st.Cleanings < 3 {
		t.Fatalf("%+v", st)
	}
	for range 2 {
		for p, l := range s.Topic("k").Partitions {
			if err := check(l); err != nil {
				t.Fatal(err)
			}
			got, _ := readKeyed(l, l.Start())
			last := make(map[string]int64)
			for n := range int64(records) {
				last[name(n)] = n
			}
			for k, n := range last {
				if x, ok := got[n]; n >= l.Start() && (!ok || x.key != k) {
					t.Fatalf("partition %d: %s at offset %d is lost", p, k, n)
				}
			}
			if len(got) > records/2 {
				t.Fatalf("partition %d: %d records are left", p, len(got))
			}
		}
		mustClose(t, s)
		s = mustOpen(t, o)
	}
	mustClose(t, s)
}

// A full disk makes compaction wait, takes nothing away, and marks nobody.
func TestAFullDiskMakesCompactionWait(t *testing.T) {
	mem := vfs.NewMem()
	rule := &vfs.Rule{Op: vfs.OpSync, Name: "*.log.1.cleaned", Times: 1, Err: syscall.ENOSPC}
	s := mustOpen(t, smallOptions(vfs.WithFaults(mem, rule)))
	defer mustClose(t, s)
	l := mustCreate(t, s, "k", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0").Partitions[0]
	for n := range int64(100) {
		mustAppend(t, l, keyed("one", payload("k", 0, n, damageSize)))
	}
	if n := cleanNow(t, s); n != 0 {
		t.Fatalf("%d rounds on a full disk", n)
	}
	if got, err := readKeyed(l, 0); err != nil || len(got) != 100 {
		t.Fatalf("%d records, %v", len(got), err)
	}
	if n := cleanNow(t, s); n != 1 {
		t.Fatalf("%d rounds when there is room", n)
	}
	if got, err := readKeyed(l, 0); err != nil || len(got) > 60 || got[99].key != "one" {
		t.Fatalf("%d records, %v", len(got), err)
	}
}

// A sync of compacted files that fails ends the broker's service, and what was acknowledged is found by the next start.
func TestAFailedSyncOfCompactedFilesEndsTheService(t *testing.T) {
	mem := vfs.NewMem()
	rule := &vfs.Rule{Op: vfs.OpSync, Name: "*.log.1.cleaned", Times: 1, Err: errors.New("input/output error")}
	s := mustOpen(t, smallOptions(vfs.WithFaults(mem, rule)))
	l := mustCreate(t, s, "k", 1, "cleanup.policy=compact", "min.cleanable.dirty.ratio=0").Partitions[0]
	for n := range int64(100) {
		mustAppend(t, l, keyed("one", payload("k", 0, n, damageSize)))
	}
	if _, err := s.Clean(context.Background()); err != nil {
		t.Fatal(err)
	}
	<-s.Failed()
	if a := appendNow(l, keyed("one", nil)); a.Err == nil {
		t.Fatal("a record is acknowledged after a failed sync")
	}
	mem = mem.Crash(vfs.Crash{Keep: vfs.KeepNone})
	s.Abort()
	s = mustOpen(t, smallOptions(mem))
	defer mustClose(t, s)
	if got, err := readKeyed(s.Topic("k").Partitions[0], 0); err != nil || len(got) != 100 {
		t.Fatalf("%d records, %v", len(got), err)
	}
}

// The dirtiest log is compacted first, none that is not dirty enough or not old enough, and one that is overdue whatever its ratio.
func TestWhichLogsAreCompacted(t *testing.T) {
	now := int64(1_700_000_000_000)
	o := smallOptions(vfs.NewMem())
	o.Now = func() time.Time { return time.UnixMilli(now) }
	s := mustOpen(t, o)
	defer mustClose(t, s)
	fill := func(l *commitlog.Log, n int) {
		for range n {
			mustAppend(t, l, keyed("one", make([]byte, 1000)))
		}
	}
	log := func(name string, configs ...string) *commitlog.Log {
		return mustCreate(t, s, name, 1, append(configs, "cleanup.policy=compact")...).Partitions[0]
	}
	plain := log("plain")
	young := log("young", "min.compaction.lag.ms=60000")
	lazy := log("lazy", "min.cleanable.dirty.ratio=1")
	overdue := log("overdue", "min.cleanable.dirty.ratio=1", "max.compaction.lag.ms=1000")
	other := mustCreate(t, s, "other", 1).Partitions[0]
	for _, l := range []*commitlog.Log{plain, young, lazy, overdue, other} {
		fill(l, 100)
	}
	records := func(l *commitlog.Log) int {
		got, err := readKeyed(l, 0)
		if err != nil {
			t.Fatal(err)
		}
		return len(got)
	}
	all := map[*commitlog.Log]bool{}
	if got := s.dirtiest(all); got != plain {
		t.Fatalf("%v is compacted first", got.ID())
	}
	cleanNow(t, s)
	if records(plain) > 30 || records(young) != 100 || records(lazy) != 100 || records(overdue) != 100 || records(other) != 100 {
		t.Fatalf("left: %d, %d, %d, %d, %d", records(plain), records(young), records(lazy), records(overdue), records(other))
	}
	if cleanNow(t, s) != 0 {
		t.Fatal("a log that is clean was compacted")
	}
	now += 2000
	cleanNow(t, s)
	if records(overdue) > 30 || records(young) != 100 || records(lazy) != 100 {
		t.Fatalf("after two seconds: %d, %d, %d", records(overdue), records(young), records(lazy))
	}
	now += 60_000
	cleanNow(t, s)
	if records(young) > 30 || records(lazy) != 100 {
		t.Fatalf("after a minute: %d, %d", records(young), records(lazy))
	}
	for n := range 200 { // nothing of it goes
		mustAppend(t, plain, keyed(fmt.Sprint(n), make([]byte, 1000)))
	}
	cleanNow(t, s)
	fill(plain, 60)
	before := records(plain)
	if cleanNow(t, s); records(plain) != before {
		t.Fatal("a log was compacted of which less than half is dirty")
	}
	fill(plain, 200)
	before = records(plain)
	if cleanNow(t, s); records(plain) > before-200 {
		t.Fatal("a log was not compacted of which more than half is dirty")
	}
}

// A directory whose last checkpoint is of format 1, which knew no compaction, opens and goes on.
func TestACheckpointOfFormat1IsRead(t *testing.T) {
	mem := vfs.NewMem()
	s := mustOpen(t, smallOptions(mem))
	l := mustCreate(t, s, "a", 1).Partitions[0]
	for n := range int64(50) {
		mustAppend(t, l, makeBatch(batch.None, payload("a", 0, n, 1000)))
	}
	mustClose(t, s)
	numbers, _, err := listCheckpoints(mem, "data")
	if err != nil {
		t.Fatal(err)
	}
	ck, err := readCheckpoint(mem, "data", numbers[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := vfs.WriteFileSync(mem, checkpointName("data", ck.number), encodeFormat1(ck)); err != nil {
		t.Fatal(err)
	}
	s = mustOpen(t, smallOptions(mem))
	if !s.Recovery().Clean || s.Recovery().Checkpoint != ck.number {
		t.Fatalf("%+v", s.Recovery())
	}
	wantValues(t, s.Topic("a").Partitions[0], 50, 1000)
	mustClose(t, s)
	if r, err := verifyAll(t, mem); err != nil || len(r.Findings) > 0 {
		t.Fatalf("%v, %v", r.Findings, err)
	}
}

// encodeFormat1 is what wrote checkpoints before compaction.
func encodeFormat1(c *checkpoint) []byte {
	le := binary.LittleEndian
	none := *c
	none.logs = nil
	b := none.encode()
	b = b[:len(b)-4]
	le.PutUint32(b[12:], 1)
	b = le.AppendUint32(b, uint32(len(c.logs)))
	for i := range c.logs {
		l := c.logs[i]
		segments := l.Segments
		l.Segments, l.Producers = nil, nil
		head := appendLog(nil, &l)
		b = append(b, head[:len(head)-4-16-4]...) // without the number of segments, the cleanings and the producers' length
		b = le.AppendUint32(b, uint32(len(segments)))
		for j := range segments {
			b = append(b, commitlog.AppendSegment(nil, &segments[j])[:segmentSize1]...)
		}
		b = appendBytes(b, c.logs[i].Producers)
	}
	seal(b)
	return b
}
