package producers_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/producers"
)

// partition is a State with the rest of a partition that the tests need: offsets and a clock.
type partition struct {
	state producers.State
	next  int64 // offset
	now   int64
}

// produce does what a broker does with a client's batch of count records.
func (p *partition) produce(id int64, epoch int16, first int32, count int32) (producers.Verdict, error) {
	b := producers.Batch{
		ProducerID: id, Epoch: epoch,
		FirstSequence: first, LastSequence: int32((int64(first) + int64(count) - 1) % (1 << 31)),
		MaxTimestamp: p.now - 5, Now: p.now,
	}
	v, err := p.state.Check(b)
	if err != nil || v.Duplicate {
		return v, err
	}
	b.BaseOffset, b.LastOffset = p.next, p.next+int64(count)-1
	p.state.Apply(b)
	p.next += int64(count)
	return producers.Verdict{BaseOffset: b.BaseOffset, LastOffset: b.LastOffset, Timestamp: b.MaxTimestamp}, nil
}

// marker does what a broker does with a transaction marker.
func (p *partition) marker(id int64, epoch int16) {
	p.state.Apply(producers.Batch{
		ProducerID: id, Epoch: epoch, FirstSequence: -1, LastSequence: -1,
		BaseOffset: p.next, LastOffset: p.next, MaxTimestamp: p.now, Now: p.now, Transactional: true, Control: true,
	})
	p.next++
}

func (p *partition) String() string {
	var b strings.Builder
	for q := range p.state.All() {
		fmt.Fprintf(&b, "producer %d epoch %d: last sequence %d, offset %d, timestamp %d, used at %d\n",
			q.ID, q.Epoch, q.LastSequence, q.LastOffset, q.LastTimestamp, q.LastUse)
	}
	if p.state.Len() == 0 {
		b.WriteString("no producers\n")
	}
	return b.String()
}

func TestRules(t *testing.T) {
	datadriven.Walk(t, "testdata/rules", func(t *testing.T, path string) {
		p := &partition{next: 100, now: 1000}
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			arg := func(name string) (n int64) {
				d.ScanArgs(t, name, &n)
				return n
			}
			switch d.Cmd {
			case "produce":
				v, err := p.produce(arg("id"), int16(arg("epoch")), int32(arg("seq")), int32(arg("records")))
				switch {
				case err != nil:
					return err.Error() + "\n"
				case v.Duplicate:
					return fmt.Sprintf("duplicate of offsets %d to %d, timestamp %d\n", v.BaseOffset, v.LastOffset, v.Timestamp)
				}
				return fmt.Sprintf("stored at offsets %d to %d\n", v.BaseOffset, v.LastOffset)
			case "marker":
				p.marker(arg("id"), int16(arg("epoch")))
				return p.String()
			case "clock":
				p.now = arg("now")
				return ""
			case "expire":
				return fmt.Sprintf("forgot %d\n", p.state.Expire(p.now, arg("age")))
			case "restart":
				s, err := producers.DecodeSnapshot(p.state.AppendSnapshot(nil))
				if err != nil {
					return err.Error() + "\n"
				}
				p.state = s
				return p.String()
			case "show":
				return p.String()
			}
			t.Fatalf("unknown command %q", d.Cmd)
			return ""
		})
	})
}

// record is one stored batch of the model, which keeps them all.
type record struct {
	id           int64
	epoch        int16
	first, count int32
	base         int64
	marker       bool
}

// expect says what the rules ask for, by looking at everything that was ever stored.
func expect(history []record, id int64, epoch int16, first, count int32) (duplicateOf *record, reason error) {
	var mine []record
	for _, r := range history {
		if r.id == id {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return nil, nil
	}
	stored := mine[len(mine)-1].epoch
	var batches []record // of the stored epoch, since it began
	for i := len(mine) - 1; i >= 0 && mine[i].epoch == stored; i-- {
		if !mine[i].marker {
			batches = append(batches, mine[i])
		}
	}
	switch {
	case epoch < stored:
		return nil, producers.ErrInvalidEpoch
	case epoch > stored && first == 0:
		return nil, nil
	case epoch > stored:
		return nil, producers.ErrOutOfOrderSequence
	}
	for i, r := range batches {
		if i < 5 && r.first == first && r.count == count {
			return &r, nil
		}
	}
	want := int64(0)
	if len(batches) > 0 {
		want = (int64(batches[0].first) + int64(batches[0].count)) % (1 << 31)
	}
	if int64(first) != want {
		return nil, producers.ErrOutOfOrderSequence
	}
	return nil, nil
}

// TestStateIsTheHistory compares the State with a model that remembers every batch, over random producers that go on,
// repeat themselves, leave gaps, wrap and raise their epochs; restarts from a snapshot at any time change nothing.
func TestStateIsTheHistory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := &partition{}
		var history []record
		for range rapid.IntRange(1, 80).Draw(t, "steps") {
			p.now += rapid.Int64Range(0, 10).Draw(t, "elapsed")
			id := rapid.Int64Range(0, 2).Draw(t, "id")
			epoch := int16(rapid.IntRange(0, 2).Draw(t, "epoch"))
			switch rapid.IntRange(0, 9).Draw(t, "what") {
			case 0:
				s, err := producers.DecodeSnapshot(p.state.AppendSnapshot(nil))
				if err != nil {
					t.Fatal(err)
				}
				p.state = s
				continue
			case 1:
				// A marker of a lower epoch is never written.
				if _, err := expect(history, id, epoch, 0, 1); !errors.Is(err, producers.ErrInvalidEpoch) {
					history = append(history, record{id: id, epoch: epoch, base: p.next, marker: true})
					p.marker(id, epoch)
				}
				continue
			}
			first := rapid.SampledFrom([]int32{0, 1, 2, 5, math.MaxInt32 - 2, math.MaxInt32 - 1, math.MaxInt32}).Draw(t, "first")
			count := rapid.Int32Range(1, 3).Draw(t, "count")
			for i := len(history) - 1; i >= 0; i-- { // mostly something that fits: a repetition, or what follows
				if h := history[i]; h.id == id && !h.marker && rapid.Bool().Draw(t, "repeat or continue") {
					epoch, first, count = h.epoch, h.first, h.count
					if rapid.Bool().Draw(t, "continue") {
						first = int32((int64(h.first) + int64(h.count)) % (1 << 31))
					}
					break
				}
			}
			original, reason := expect(history, id, epoch, first, count)
			base := p.next
			v, err := p.produce(id, epoch, first, count)
			switch {
			case reason != nil:
				if !errors.Is(err, reason) {
					t.Fatalf("producer %d epoch %d sequence %d: got %+v, %v, want %v", id, epoch, first, v, err, reason)
				}
			case err != nil:
				t.Fatalf("producer %d epoch %d sequence %d: %v", id, epoch, first, err)
			case original != nil:
				if !v.Duplicate || v.BaseOffset != original.base || v.LastOffset != original.base+int64(count)-1 {
					t.Fatalf("producer %d epoch %d sequence %d: got %+v, want the duplicate of %d", id, epoch, first, v, original.base)
				}
			default:
				if v.Duplicate || v.BaseOffset != base {
					t.Fatalf("producer %d epoch %d sequence %d: got %+v, want it stored at %d", id, epoch, first, v, base)
				}
				history = append(history, record{id: id, epoch: epoch, first: first, count: count, base: base})
			}
		}
	})
}

// Apply takes whatever a log holds: no batch makes it, or what follows, fail.
func TestApplyIsTotal(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s producers.State
		for range rapid.IntRange(0, 30).Draw(t, "batches") {
			s.Apply(producers.Batch{
				ProducerID:    rapid.Int64Range(-2, 3).Draw(t, "id"),
				Epoch:         rapid.Int16().Draw(t, "epoch"),
				FirstSequence: rapid.Int32().Draw(t, "first"),
				LastSequence:  rapid.Int32().Draw(t, "last"),
				BaseOffset:    rapid.Int64().Draw(t, "base"),
				LastOffset:    rapid.Int64().Draw(t, "end"),
				MaxTimestamp:  rapid.Int64().Draw(t, "timestamp"),
				Now:           rapid.Int64().Draw(t, "now"),
				Control:       rapid.Bool().Draw(t, "control"),
			})
		}
		snapshot := s.AppendSnapshot(nil)
		again, err := producers.DecodeSnapshot(snapshot)
		if err != nil {
			t.Fatal(err)
		}
		if got := again.AppendSnapshot(nil); string(got) != string(snapshot) {
			t.Fatalf("snapshot of the snapshot differs:\n%x\n%x", got, snapshot)
		}
	})
}

func TestBatchesWithoutASequencePass(t *testing.T) {
	p := &partition{}
	for range 3 {
		if v, err := p.produce(-1, -1, -1, 1); err != nil || v.Duplicate {
			t.Fatalf("a batch that is not idempotent: %+v, %v", v, err)
		}
	}
	if p.state.Len() != 0 {
		t.Fatalf("%d producers known, want none", p.state.Len())
	}
	if _, err := p.produce(3, 0, -1, 1); !errors.Is(err, producers.ErrOutOfOrderSequence) {
		t.Fatalf("an idempotent batch without a sequence: %v, want %v", err, producers.ErrOutOfOrderSequence)
	}
}

func TestErrorCarriesTheNumbers(t *testing.T) {
	p := &partition{}
	if _, err := p.produce(9, 4, 0, 10); err != nil {
		t.Fatal(err)
	}
	_, err := p.produce(9, 4, 12, 1)
	e, ok := errors.AsType[*producers.Error](err)
	if !ok {
		t.Fatalf("got %v, want a *producers.Error", err)
	}
	want := producers.Error{Reason: producers.ErrOutOfOrderSequence, ProducerID: 9, Epoch: 4, FirstSequence: 12, StoredEpoch: 4, LastSequence: 9}
	if *e != want {
		t.Fatalf("got %+v, want %+v", *e, want)
	}
}

func TestCheckAndApplyDoNotAllocate(t *testing.T) {
	p := &partition{}
	next := int32(0)
	if n := testing.AllocsPerRun(1000, func() {
		if _, err := p.produce(1, 0, next, 3); err != nil {
			t.Fatal(err)
		}
		next += 3
	}); n != 0 {
		t.Fatalf("%v allocations for a batch of a known producer, want 0", n)
	}
}

func TestSnapshotOfANewerFormat(t *testing.T) {
	if _, err := producers.DecodeSnapshot([]byte{2, 0, 0, 0, 0}); !errors.Is(err, producers.ErrNewer) {
		t.Fatalf("got %v, want %v", err, producers.ErrNewer)
	}
}

func TestSnapshotCutAnywhereIsRefused(t *testing.T) {
	p := &partition{}
	for i := range int32(7) {
		p.produce(1, 0, i, 1)
		p.produce(2, int16(i), 0, 1)
	}
	p.marker(3, 1)
	whole := p.state.AppendSnapshot(nil)
	for n := range whole {
		if _, err := producers.DecodeSnapshot(whole[:n]); !errors.Is(err, producers.ErrMalformed) {
			t.Fatalf("first %d of %d bytes: %v, want %v", n, len(whole), err, producers.ErrMalformed)
		}
	}
	if _, err := producers.DecodeSnapshot(append(whole, 0)); !errors.Is(err, producers.ErrMalformed) {
		t.Fatalf("one byte more: %v, want %v", err, producers.ErrMalformed)
	}
}

// FuzzDecodeSnapshot: what is accepted is exactly what would be written again.
func FuzzDecodeSnapshot(f *testing.F) {
	p := &partition{now: 7}
	f.Add(p.state.AppendSnapshot(nil))
	p.produce(1, 0, 0, 3)
	f.Add(p.state.AppendSnapshot(nil))
	for i := range int32(6) {
		p.produce(2, 1, math.MaxInt32-2+i, 1)
	}
	p.marker(4, 2)
	f.Add(p.state.AppendSnapshot(nil))
	f.Add([]byte{1, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		s, err := producers.DecodeSnapshot(b)
		if err != nil {
			if !errors.Is(err, producers.ErrMalformed) && !errors.Is(err, producers.ErrNewer) {
				t.Fatalf("error without a reason: %v", err)
			}
			return
		}
		if again := s.AppendSnapshot(nil); string(again) != string(b) {
			t.Fatalf("accepted\n%x\nand writes\n%x", b, again)
		}
	})
}
