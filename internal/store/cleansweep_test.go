package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// The marks of the compaction workload: what is tried may be found after a crash, what is done must be.
type (
	putMark struct {
		log  partitionKey
		puts []put
		done bool
	}
	put struct {
		offset int64
		key    string
		value  []byte // nil for a tombstone
	}
	cleanMark struct{ now int64 } // compaction begins
	clockMark struct{ now int64 } // what the clock may say from now on
)

const (
	keepTombstones = 5000 // delete.retention.ms
	keepAge        = 60_000
)

// keyedWorkload writes keyed records and tombstones, and has them compacted and expired.
type keyedWorkload struct {
	rec  *vfs.Recorder
	fs   vfs.FS
	lies *atomic.Bool // only while nothing but compaction writes
	s    *Store
	r    *rand.Rand
	now  atomic.Int64
	life map[string]int
	next map[partitionKey]int64
	wg   sync.WaitGroup
	errs chan error
}

func (w *keyedWorkload) fail(err error) {
	select {
	case w.errs <- err:
	default:
	}
}

func (w *keyedWorkload) create(name string, partitions int32, configs ...string) {
	life := w.life[name]
	w.rec.Mark(topicMark{name: key(name, life)})
	t, err := w.s.CreateTopic(context.Background(), newTopic(name, partitions, configs...))
	if err != nil {
		w.fail(err)
		return
	}
	w.rec.Mark(topicMark{name: key(name, life), done: true, id: t.ID})
	w.watch(t)
}

// advance moves the clock. The mark comes first: a cleaning that runs beside may look at the clock at once.
func (w *keyedWorkload) advance(ms int64) {
	w.rec.Mark(clockMark{w.now.Load() + ms})
	w.now.Add(ms)
}

func (w *keyedWorkload) watch(t *Topic) {
	for _, l := range t.Partitions {
		l.Watch(&sweepWatcher{w.rec, l, partitionKey{t.Name, w.life[t.Name], l.ID().Partition}})
	}
}

func (w *keyedWorkload) remove(name string) {
	w.wg.Wait()
	m := topicMark{name: key(name, w.life[name]), deleted: true}
	w.rec.Mark(m)
	if err := w.s.DeleteTopic(context.Background(), name); err != nil {
		w.fail(err)
		return
	}
	m.done = true
	w.rec.Mark(m)
	w.life[name]++
}

// produce appends a batch without waiting for the answer.
func (w *keyedWorkload) produce(name string, p int32) {
	k := partitionKey{name, w.life[name], p}
	base, n := w.next[k], 1+w.r.IntN(4)
	o := batch.NoProducer()
	if p == 0 {
		o.ProducerID, o.ProducerEpoch, o.BaseSequence = 4000, 0, int32(base)
	}
	if w.r.IntN(3) == 0 {
		o.Codec = batch.ZSTD
	}
	b := batch.NewBuilder(o)
	m := putMark{log: k}
	for i := range n {
		x := put{offset: base + int64(i), key: fmt.Sprintf("key %d", w.r.IntN(14))}
		if w.r.IntN(4) > 0 {
			x.value = payload(key(name, k.life), p, x.offset, 100+w.r.IntN(300))
		}
		b.Append(w.now.Load(), []byte(x.key), x.value)
		m.puts = append(m.puts, x)
	}
	w.next[k] += int64(n)
	w.rec.Mark(m)
	w.wg.Add(1)
	w.s.Topic(name).Partitions[p].Append(context.Background(), &commitlog.Append{Batch: b.Build(nil), Now: w.now.Load(), Done: func(a *commitlog.Append) {
		defer w.wg.Done()
		if a.Err != nil || a.BaseOffset != base || a.Duplicate {
			w.fail(fmt.Errorf("%v: offset %d instead of %d: %w", k, a.BaseOffset, base, a.Err))
			return
		}
		m.done = true
		w.rec.Mark(m)
	}})
}

func (w *keyedWorkload) clean() {
	w.rec.Mark(cleanMark{w.now.Load()})
	if _, err := w.s.Clean(context.Background()); err != nil {
		w.fail(err)
	}
	if st := w.s.Stats().Compaction; st.Uncleanable > 0 {
		w.fail(fmt.Errorf("%d partitions cannot be compacted", st.Uncleanable))
	}
}

// expire has old segments let go, or moves the log start by itself when to is not negative.
func (w *keyedWorkload) expire(name string, p int32, to int64) {
	w.wg.Wait()
	l := w.s.Topic(name).Partitions[p]
	k := partitionKey{name, w.life[name], p}
	if to < 0 {
		w.rec.Mark(startMark{k, l.HighWatermark(), false})
		w.s.expire(l, w.now.Load())
	} else {
		w.rec.Mark(startMark{k, to, false})
		if err := l.MoveStart(context.Background(), to); err != nil {
			w.fail(err)
			return
		}
	}
	w.rec.Mark(startMark{k, l.Start(), true})
}

var keyedTopics = map[string][]string{
	"k":  {"cleanup.policy=compact", "min.cleanable.dirty.ratio=0.1", "file.delete.delay.ms=0"},
	"kd": {"cleanup.policy=compact,delete", "min.cleanable.dirty.ratio=0.3", "file.delete.delay.ms=15", "retention.ms=60000", "retention.bytes=20000"},
	"r":  {"file.delete.delay.ms=5", "retention.ms=60000", "retention.bytes=12000"},
	"c":  {"cleanup.policy=compact", "min.cleanable.dirty.ratio=0"},
}

func (w *keyedWorkload) run(o Options, rounds int) error {
	o.FS = w.fs
	for round := range rounds {
		s, err := Open(context.Background(), o)
		if err != nil {
			return err
		}
		w.s = s
		if round == 0 {
			for name, p := range map[string]int32{"k": 2, "kd": 1, "r": 1} {
				w.create(name, p, append(keyedTopics[name], fmt.Sprintf("delete.retention.ms=%d", keepTombstones))...)
			}
		} else {
			for _, t := range s.Topics() {
				w.watch(t)
			}
		}
		var cleaning sync.WaitGroup
		for step := range 48 {
			for _, t := range s.Topics() {
				for p := range t.Partitions {
					w.produce(t.Name, int32(p))
				}
			}
			w.advance(int64(w.r.IntN(2000)))
			switch step % 16 {
			case 2:
				w.create("c", 1, append(keyedTopics["c"], fmt.Sprintf("delete.retention.ms=%d", keepTombstones))...)
			case 3, 10:
				w.wg.Wait()
				w.lies.Store(true)
				w.clean()
				w.lies.Store(false)
			case 5:
				cleaning.Go(w.clean) // beside everything else
			case 6, 13:
				w.wg.Wait()
				if err := s.checkpoint(false); err != nil {
					return err
				}
			case 7:
				w.expire("kd", 0, -1)
				w.expire("r", 0, -1)
			case 9:
				w.advance(int64(w.r.IntN(20_000)))
			case 11:
				l := s.Topic("k").Partitions[1]
				w.expire("k", 1, l.Start()+(l.HighWatermark()-l.Start())/3)
			case 12:
				cleaning.Go(w.clean)
			case 14:
				w.remove("c")
			case 15:
				cleaning.Wait()
				w.advance(int64(w.r.IntN(keepAge)))
			}
		}
		w.wg.Wait()
		cleaning.Wait()
		select {
		case err := <-w.errs:
			return err
		default:
		}
		if round%2 == 0 {
			if err := s.Close(); err != nil {
				return err
			}
		} else {
			s.Abort()
		}
	}
	return nil
}

// keyedExpectation is what an image of a crash must and may hold, by the marks.
type keyedExpectation struct {
	expectation
	now    int64
	cleans []int64
	puts   map[partitionKey][]keyedPut // by offset
}

type keyedPut struct {
	put
	cleans int // how many cleanings had begun when it was tried
}

func (e *keyedExpectation) add(m any) {
	switch m := m.(type) {
	case cleanMark:
		e.cleans = append(e.cleans, m.now)
		e.now = max(e.now, m.now)
	case clockMark:
		e.now = max(e.now, m.now)
	case putMark:
		last := m.puts[len(m.puts)-1].offset
		if !m.done {
			for _, p := range m.puts {
				e.puts[m.log] = append(e.puts[m.log], keyedPut{p, len(e.cleans)})
			}
		}
		e.expectation.add(recordMark{log: m.log, offset: last, done: m.done})
	default:
		e.expectation.add(m)
	}
}

// mayBeGone says whether a tombstone's time can be over: a cleaning after it was written gave it its time, and the clock says that this is over, for another one that
// began later. A cleaning beside everything else looks at the clock later than when it begins.
func (e *keyedExpectation) mayBeGone(p keyedPut) bool {
	for i := max(p.cleans-1, 0); i+1 < len(e.cleans); i++ { // one may have been under way
		if e.now >= e.cleans[i]+keepTombstones {
			return true
		}
	}
	return false
}

func (e *keyedExpectation) check(o Options, mem *vfs.Mem, again bool) (err error) {
	o.FS = mem
	if again && len(e.logs) > 0 {
		if err := wholeBut(mem, nil); err != nil {
			return fmt.Errorf("before it is opened: %w", err)
		}
	}
	s, err := Open(context.Background(), o)
	if err != nil {
		return fmt.Errorf("it does not open: %w", err)
	}
	open := true
	defer func() {
		if open {
			s.Abort()
		}
	}()
	if n := len(s.Recovery().Offline); n > 0 {
		return fmt.Errorf("%d partitions are offline: %v", n, s.Recovery().Offline[0])
	}
	if err := e.checkTopics(s, false); err != nil || !again {
		return err
	}
	// It goes on: it is compacted once more, is what it was, and stops cleanly with everything whole and nothing left over.
	if _, err := s.Clean(context.Background()); err != nil {
		return err
	}
	if n := s.Stats().Compaction.Uncleanable; n > 0 {
		return fmt.Errorf("%d partitions cannot be compacted", n)
	}
	now, cleans := e.now, e.cleans
	e.now = o.Now().UnixMilli()
	e.cleans = append(e.cleans, e.now)
	defer func() { e.now, e.cleans = now, cleans }()
	if err := e.checkTopics(s, true); err != nil {
		return fmt.Errorf("after another cleaning: %w", err)
	}
	open = false
	if err := s.Close(); err != nil {
		return err
	}
	return wholeBut(mem, []string{".deleted"})
}

// wholeBut verifies a stopped directory, and that no file but of these endings is left over; nil allows all.
func wholeBut(mem *vfs.Mem, allowed []string) error {
	r, err := Verify(context.Background(), mem, "data", func(Finding) {}, nil)
	for _, f := range r.Findings {
		// The list of leader epochs may be torn until the next checkpoint, and is only for Kafka's tools.
		torn := allowed == nil && strings.HasSuffix(f.File, "leader-epoch-checkpoint")
		if err == nil && !torn {
			err = fmt.Errorf("verify: %v", f)
		}
	}
	if err != nil || allowed == nil {
		return err
	}
	dirs, err := mem.List("data")
	for _, d := range dirs {
		if !d.Dir || strings.HasSuffix(d.Name, deletedSuffix) {
			continue
		}
		files, _ := mem.List(filepath.Join("data", d.Name))
		for _, f := range files {
			if ext := filepath.Ext(f.Name); (ext == ".cleaned" || ext == ".deleted" || ext == ".swap") && !strings.Contains(strings.Join(allowed, " "), ext) {
				return fmt.Errorf("%s is left in %s", f.Name, d.Name)
			}
		}
	}
	return err
}

func (e *keyedExpectation) checkTopics(s *Store, again bool) error {
	found := make(map[string]bool)
	for _, t := range s.Topics() {
		life := 0
		for e.topics[key(t.Name, life+1)] != nil {
			life++
		}
		if st := e.topics[key(t.Name, life)]; life > 0 && !st.done && !e.topics[key(t.Name, life-1)].deleted && e.logs[partitionKey{t.Name, life, 0}] == nil {
			life-- // the deletion of the one before may not have happened
		}
		st := e.topics[key(t.Name, life)]
		if st == nil || st.deleted {
			return fmt.Errorf("topic %s is there; deleted: %v", key(t.Name, life), st != nil)
		}
		found[key(t.Name, life)] = true
		for _, l := range t.Partitions {
			k := partitionKey{t.Name, life, l.ID().Partition}
			if err := e.checkLog(l, k, t.Settings.Compact, again); err != nil {
				return fmt.Errorf("%v: %w", k, err)
			}
		}
	}
	for name, st := range e.topics {
		if st.done && !st.deleting && !found[name] {
			return fmt.Errorf("topic %s is lost", name)
		}
	}
	return nil
}

func (e *keyedExpectation) checkLog(l *commitlog.Log, k partitionKey, compact, again bool) error {
	want := e.logs[k]
	if want == nil {
		want = &logState{}
	}
	b, err := l.Bounds()
	if err != nil {
		return err
	}
	switch {
	case b.HighWatermark < max(want.acked, want.seen):
		return fmt.Errorf("it ends at %d; %d were acknowledged, %d seen", b.HighWatermark, want.acked, want.seen)
	case b.HighWatermark > want.tried:
		return fmt.Errorf("it ends at %d; only %d were written", b.HighWatermark, want.tried)
	case b.Start < want.startDone || b.Start > max(want.startTried, want.startDone):
		return fmt.Errorf("it starts at %d; moved to %d, at most %d", b.Start, want.startDone, want.startTried)
	}
	got, err := readKeyed(l, b.Start)
	if err != nil {
		return err
	}
	latest := make(map[string]keyedPut)
	for _, p := range e.puts[k] {
		if p.offset >= b.HighWatermark {
			break
		}
		if p.offset >= b.Start {
			latest[p.key] = p
		}
		if x, there := got[p.offset]; there && (x.key != p.key || !bytes.Equal(x.value, p.value) || (x.value == nil) != (p.value == nil)) {
			return fmt.Errorf("offset %d holds %q=%.30q", p.offset, x.key, x.value)
		} else if !there && !compact && p.offset >= b.Start {
			return fmt.Errorf("offset %d is lost", p.offset)
		}
	}
	shown := make(map[string]put)
	for o := b.Start; o < b.HighWatermark; o++ {
		if x, ok := got[o]; ok {
			shown[x.key] = x
		}
	}
	for name, p := range latest {
		x, there := shown[name]
		switch {
		case there && x.offset == p.offset:
		case there:
			return fmt.Errorf("%q has the value of offset %d instead of %d", name, x.offset, p.offset)
		case p.value != nil:
			return fmt.Errorf("%q is lost: it had a value at offset %d", name, p.offset)
		case !e.mayBeGone(p):
			return fmt.Errorf("the tombstone of %q at offset %d is gone before its time", name, p.offset)
		}
	}
	if len(shown) > len(latest) {
		return fmt.Errorf("%d keys, %d were written", len(shown), len(latest))
	}
	if !again || k.partition != 0 {
		return nil
	}
	// The last batch is known to be there: a producer that sends it again is told where.
	o := batch.NoProducer()
	o.ProducerID, o.ProducerEpoch, o.BaseSequence = 4000, 0, int32(b.HighWatermark)
	one := batch.NewBuilder(o)
	one.Append(1, []byte("key 0"), []byte("x"))
	a := appendNow(l, one.Build(nil))
	if a.Err != nil || a.BaseOffset != b.HighWatermark {
		return fmt.Errorf("goes on at %d instead of %d: %w", a.BaseOffset, b.HighWatermark, a.Err)
	}
	if a = appendNow(l, one.Build(nil)); a.Err != nil || !a.Duplicate || a.BaseOffset != b.HighWatermark {
		return fmt.Errorf("a batch sent twice: offset %d, duplicate %v: %w", a.BaseOffset, a.Duplicate, a.Err)
	}
	return nil
}

// readKeyed returns all records from an offset on.
func readKeyed(l *commitlog.Log, from int64) (map[int64]put, error) {
	out := make(map[int64]put)
	var s commitlog.Span
	defer s.Release()
	start := from
	for {
		if err := l.Read(&s, from, 64<<10, true); err != nil {
			return out, err
		}
		if s.Size == 0 {
			if hw := s.Bounds.HighWatermark; from < hw {
				return out, fmt.Errorf("nothing is read at %d of %d", from, hw)
			}
			return out, nil
		}
		for rest := bytes.Join(s.Bytes, nil); len(rest) > 0; {
			b, after, err := batch.Next(rest)
			if err != nil {
				return out, err
			}
			rest = after
			for r, err := range b.Records(1 << 20) {
				if err != nil {
					return out, err
				}
				if _, twice := out[r.Offset]; twice {
					return out, fmt.Errorf("offset %d came twice", r.Offset)
				}
				if r.Offset >= start {
					out[r.Offset] = put{r.Offset, string(r.Key), r.Value}
				}
			}
		}
		if s.Next <= from {
			return out, errors.New("a read does not go on")
		}
		from = s.Next
		s.Release()
	}
}

func keyedOptions(fsys vfs.FS, now func() time.Time) Options {
	o := smallOptions(fsys)
	o.segmentBytes, o.SealAfter, o.CleanEvery, o.Now = 2500, time.Millisecond, -1, now
	return o
}

func recordKeyed(t *testing.T, rounds int, seed uint64, lie *liar) (*vfs.Recorder, Options) {
	t.Helper()
	rec := vfs.Record(vfs.NewMem())
	w := &keyedWorkload{
		rec: rec, fs: rec, lies: new(atomic.Bool), r: rand.New(rand.NewPCG(seed, 9)), life: make(map[string]int), next: make(map[partitionKey]int64), errs: make(chan error, 1),
	}
	w.now.Store(1_700_000_000_000)
	if lie != nil {
		lie.FS, lie.on = rec, w.lies
		w.fs = lie
	}
	o := keyedOptions(rec, func() time.Time { return time.UnixMilli(w.now.Load()) })
	if err := w.run(o, rounds); err != nil {
		t.Fatalf("the workload itself: %v", err)
	}
	return rec, o
}

func keyedSweep(rec *vfs.Recorder, o Options, points int) (int, error) {
	total := rec.Count() * 3
	every := max(1, total/max(points, 1))
	if every%3 == 0 {
		every-- // otherwise all crashes would be of one kind
	}
	e := &keyedExpectation{
		expectation: expectation{topics: make(map[string]*topicState), logs: make(map[partitionKey]*logState)}, puts: make(map[partitionKey][]keyedPut), now: 1_700_000_000_000,
	}
	p, marks, checked, n := rec.Replay(), 0, 0, 0
	for more := true; more; {
		all := rec.Marks(p.Index())
		for ; marks < len(all); marks++ {
			e.add(all[marks])
		}
		for i, keep := range []vfs.Keep{vfs.KeepNone, vfs.KeepRandom, vfs.KeepAll} {
			n++
			often := every
			if op := fmt.Sprint(p.Op()); strings.Contains(op, ".cleaned") || strings.Contains(op, "-0/0") || strings.Contains(op, "-1/0") {
				often = max(1, every/4) // where files change their names
				if often%3 == 0 {
					often--
				}
			}
			if n%often != 0 {
				continue
			}
			image := p.CrashAt(vfs.Crash{Keep: keep, Rand: rand.New(rand.NewPCG(uint64(n), uint64(i)))})
			checked++
			later := time.UnixMilli(e.now + 2*keepTombstones)
			o.Now = func() time.Time { return later }
			if err := e.check(o, image, n%(every*3) == 0); err != nil {
				return checked, fmt.Errorf("crash at operation %d (%s), %s: %w", p.Index(), p.Op(), keepNames[keep], err)
			}
		}
		more = p.Next()
	}
	return checked, nil
}

// At every operation on the file system a crash loses no key's value while logs are compacted, old segments go by age and by size, and log starts move: the
// map of latest values is what it was, no deleted key comes back, no offset changes, and the directory is whole.
func TestCompactionCrashSweep(t *testing.T) {
	points := sweepPoints(t, 600)
	checked, ops := 0, 0
	for seed := uint64(1); checked < points; seed++ {
		rec, o := recordKeyed(t, 3, seed, nil)
		n, err := keyedSweep(rec, o, points-checked)
		checked, ops = checked+n, ops+rec.Count()
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
	t.Logf("%d crash points in %d file-system operations: no key lost its value", checked, ops)
}

// Compaction that takes a step before the one that it relies on is durable must be found out by the sweep: otherwise the sweep proves nothing.
func TestCompactionCrashSweepFindsMissingSyncs(t *testing.T) {
	for name, lie := range map[string]*liar{
		"switched before the compacted files are synced":        {file: ".cleaned"},
		"switched before the names of the files are synced":     {dir: "k-0"},
		"renamed before the replacement's frame is on the disk": {file: ".wal"},
	} {
		t.Run(name, func(t *testing.T) {
			rec, o := recordKeyed(t, 2, 1, lie)
			n, err := keyedSweep(rec, o, 4000)
			if err == nil {
				t.Fatalf("%d crash points and no loss was found", n)
			}
			t.Logf("found after %d crash points: %v", n, err)
		})
	}
}
