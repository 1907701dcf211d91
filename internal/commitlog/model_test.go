package commitlog

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"pgregory.net/rapid"
)

// modelBatch is a batch as the model knows it.
type modelBatch struct {
	base, last int64
	epoch      int32
	bytes      []byte
	times      []int64
}

// model is a dumb partition: a slice of batches, of which the first so many are acknowledged.
type model struct {
	batches   []modelBatch
	committed int
	start     int64
	epoch     int32
}

func (m *model) next() int64 {
	if n := len(m.batches); n > 0 {
		return m.batches[n-1].last + 1
	}
	return 0
}

func (m *model) high() int64 {
	if m.committed > 0 {
		return m.batches[m.committed-1].last + 1
	}
	return 0
}

// at is the index of the acknowledged batch that holds an offset.
func (m *model) at(offset int64) int {
	return slices.IndexFunc(m.batches[:m.committed], func(b modelBatch) bool { return b.last >= offset })
}

func (m *model) forTime(ok func(ts int64) bool) Stamp {
	for _, b := range m.batches[:m.committed] {
		for i, ts := range b.times {
			if o := b.base + int64(i); o >= m.start && ok(ts) {
				return Stamp{Offset: o, Timestamp: ts}
			}
		}
	}
	return noStamp
}

// pair is a log and its model, under test.
type pair struct {
	*rapid.T
	tb      testing.TB
	mem     *vfs.Mem
	w       *manual
	eng     *Engine
	close   func()
	l       *Log
	m       model
	replays int // frames before it are known to the last capture
	saved   Checkpoint
	span    Span  // of all reads, as a session has it
	next    int64 // where the last one ended
}

// A partition is a list of batches: whatever is appended, acknowledged, written behind, deleted and restarted, every read, look-up by time and by leader
// epoch answers as the list does.
func TestLogIsAListOfBatches(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		p := &pair{T: rt, tb: t, mem: newMem(t), w: new(manual)}
		p.eng, p.close = newEngine(p.mem, p.w, 64<<20)
		defer func() { p.close() }()
		p.l = p.eng.New(testID, testConfig, 0)
		for range rapid.IntRange(1, 60).Draw(rt, "steps") {
			switch rapid.IntRange(0, 11).Draw(rt, "op") {
			case 0, 1, 2, 3:
				p.append()
			case 4, 5:
				p.commit(rapid.IntRange(1, 6).Draw(rt, "n"))
			case 6:
				p.check("write behind", p.eng.writeBehind(p.l, p.m.high(), rapid.Bool().Draw(rt, "whole")))
			case 7:
				p.moveStart()
			case 8:
				p.m.epoch++
				p.l.SetEpoch(p.m.epoch)
			case 9:
				p.capture()
			case 10:
				p.reopen()
			}
			p.look()
		}
	})
}

func (p *pair) check(what string, err error) {
	if err != nil {
		p.Fatalf("%s: %v", what, err)
	}
}

func (p *pair) append() {
	n, size := rapid.IntRange(1, 4).Draw(p.T, "records"), rapid.IntRange(0, 3000).Draw(p.T, "size")
	var times []int64
	for range n {
		times = append(times, rapid.Int64Range(1000, 1100).Draw(p.T, "time"))
	}
	b := records(batch.NoProducer(), p.m.next(), size, times...)
	a, _ := appendTo(p.l, b)
	if a.Err != nil || a.BaseOffset != p.m.next() {
		p.Fatalf("append at %d: offset %d, %v", p.m.next(), a.BaseOffset, a.Err)
	}
	p.m.batches = append(p.m.batches, modelBatch{a.BaseOffset, a.BaseOffset + int64(n) - 1, p.m.epoch, b, times})
}

func (p *pair) commit(n int) {
	p.w.commit(n)
	p.m.committed = min(p.m.committed+n, len(p.m.batches))
}

func (p *pair) moveStart() {
	p.commit(len(p.m.batches))
	to := rapid.Int64Range(p.m.start, p.m.high()).Draw(p.T, "start")
	done := make(chan error, 1)
	go func() { done <- p.l.MoveStart(context.Background(), to) }()
	for open := true; open; {
		select {
		case err := <-done:
			p.check("move start", err)
			open = false
		default:
			p.w.commit(1)
		}
	}
	p.m.start = max(p.m.start, to)
}

// capture is what a checkpoint does.
func (p *pair) capture() {
	p.commit(len(p.m.batches))
	c, _, ok := p.l.Capture(0)
	if !ok {
		return
	}
	p.check("settle", p.l.Settle(c.RecoveryPoint))
	p.saved, p.replays = c, len(p.w.frames)
}

// reopen is a kill and a start from the last checkpoint.
func (p *pair) reopen() {
	p.commit(len(p.m.batches))
	p.close()
	p.mem = p.mem.Crash(vfs.Crash{Keep: vfs.KeepAll})
	p.eng, p.close = newEngine(p.mem, p.w, 64<<20)
	p.l = p.eng.New(testID, testConfig, 0)
	if p.replays > 0 {
		var err error
		p.l, err = p.eng.Restore(p.saved, testConfig, 0)
		p.check("restore", err)
	}
	for _, f := range p.w.frames[p.replays:] {
		if f.Kind == KindLogStart {
			p.l.ReplayStart(f.Offset)
			continue
		}
		p.check("replay", p.l.Replay(f, 0))
	}
	p.check("cut", p.l.Cut())
	p.l.SetEpoch(p.m.epoch)
}

// look asks everything there is to ask.
func (p *pair) look() {
	m := &p.m
	b, err := p.l.Bounds()
	p.check("bounds", err)
	if want := (Bounds{Start: m.start, HighWatermark: m.high(), LastStable: m.high(), Next: m.next(), Epoch: m.epoch}); b != want {
		p.Fatalf("bounds %+v, want %+v", b, want)
	}
	offset := rapid.Int64Range(-1, m.next()+1).Draw(p.T, "offset")
	for range 3 { // and go on
		p.read(offset, rapid.IntRange(0, 30000).Draw(p.T, "max"), rapid.Bool().Draw(p.T, "atLeastOne"))
		offset = p.next
	}

	ts := rapid.Int64Range(999, 1101).Draw(p.T, "ts")
	got, err := p.l.OffsetForTime(ts, 1<<20)
	if want := m.forTime(func(t int64) bool { return t >= ts }); err != nil || got != want {
		p.Fatalf("first record at %d or later: %+v, want %+v (%v)", ts, got, want, err)
	}
	if o := rapid.Int64Range(0, m.next()).Draw(p.T, "epoch of"); o >= m.start && o < m.high() {
		if got, want := p.l.EpochAt(o), m.batches[m.at(o)].epoch; got != want {
			p.Fatalf("epoch of offset %d: %d, want %d", o, got, want)
		}
	}
}

func (p *pair) read(offset int64, most int, atLeastOne bool) {
	s, m := &p.span, &p.m
	defer s.Release()
	err := p.l.Read(s, offset, most, atLeastOne)
	p.next = s.Next
	if offset < m.start || offset > m.next() {
		var out *OffsetError
		if !errors.As(err, &out) {
			p.Fatalf("read at %d of %d to %d: %v", offset, m.start, m.next(), err)
		}
		return
	}
	p.check("read", err)
	if offset >= m.high() {
		if s.Size > 0 {
			p.Fatalf("read at %d shows %d bytes behind the high watermark %d", offset, s.Size, m.high())
		}
		return
	}
	i := m.at(offset)
	got := bytes.Join(s.Bytes, nil)
	if len(got) != s.Size {
		p.Fatalf("a span of %d bytes says %d", len(got), s.Size)
	}
	if first := len(m.batches[i].bytes); first > most && !atLeastOne && len(got) == 0 {
		return
	} else if len(got) < first || len(got) > max(most, first) {
		p.Fatalf("read at %d: %d bytes of at most %d; the first batch has %d", offset, len(got), most, first)
	}
	for len(got) > 0 {
		want := m.batches[i]
		if i >= m.committed || !bytes.HasPrefix(got, want.bytes) || batch.Batch(got).BaseOffset() != want.base {
			p.Fatalf("read at %d: another batch than %d to %d", offset, want.base, want.last)
		}
		got = got[len(want.bytes):]
		i++
	}
	if want := m.batches[i-1].last + 1; s.Next != want {
		p.Fatalf("read at %d: go on at %d, want %d", offset, s.Next, want)
	}
}
