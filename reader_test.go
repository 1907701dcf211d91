package bobbin

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// aPartition is a partition of a consumer that reads from no cluster: records are given to it by the test.
func aPartition(opts ConsumerOptions, h HandlerFunc) *partition {
	if err := opts.check("t"); err != nil {
		panic(err)
	}
	c := &Consumer{client: &Client{log: slog.New(slog.DiscardHandler)}, topic: "t", opts: opts, handler: h, enough: make(chan struct{}, 1), turn: make(chan struct{}, 1), partitions: make(map[int32]*partition)}
	c.blocks.New = func() any { return new(codec.Block) }
	p := newPartition(c, context.Background(), 0)
	c.partitions[0] = p
	return p
}

// aLog gives a partition's records again.
type aLog struct {
	mu      sync.Mutex
	records []kafka.Record
}

func (l *aLog) Pause(...int32)                                {}
func (l *aLog) Resume(...int32)                               {}
func (l *aLog) Commit(context.Context, map[int32]int64) error { return nil }

func (l *aLog) Read(_ context.Context, _ int32, offset int64) (kafka.Record, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.records[offset], nil
}

// give makes a partition take a batch, and remembers its records.
func (l *aLog) give(p *partition, b kafka.PartitionRecords) {
	l.mu.Lock()
	l.records = append(l.records, b.Records...)
	l.mu.Unlock()
	p.take(b)
}

// packetRecord makes a record of a packet.
func packetRecord(offset int64, stream string, kind codec.Kind, value []byte) kafka.Record {
	h := codec.Header{Kind: kind, Context: codec.NoContext}
	return kafka.Record{Offset: offset, Key: []byte(stream), Value: value, Headers: []kafka.Header{{Key: codec.HeaderKey, Value: h.Append(nil)}}}
}

func rowsValue(times []int64) []byte {
	b := codec.Block{Times: times, Columns: []codec.Column{{Kind: codec.Number, Name: "v", Numbers: make([]float64, len(times))}}}
	for i, t := range times {
		b.Columns[0].Numbers[i] = float64(t)
	}
	v, err := codec.AppendRows(nil, codec.JSON, &b)
	if err != nil {
		panic(err)
	}
	return v
}

func eventValue(id string) []byte {
	v, err := codec.AppendEvent(nil, codec.JSON, &codec.Event{ID: id})
	if err != nil {
		panic(err)
	}
	return v
}

// A view gives its rows in groups of its conditions, and never behind an event that was written after them: as a plain loop over all rows would.
func TestViewsAgainstAPlainLoop(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type packet struct {
			times []int64
			event string
		}
		var packets []packet
		for i := range rapid.IntRange(0, 30).Draw(t, "packets") {
			if rapid.IntRange(0, 5).Draw(t, "kind") == 0 {
				packets = append(packets, packet{event: fmt.Sprint("e", i)})
				continue
			}
			packets = append(packets, packet{times: rapid.SliceOfN(rapid.Int64Range(-20, 20), 1, 8).Draw(t, "times")})
		}
		conds := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Buffer {
			return Buffer{Rows: rapid.IntRange(0, 6).Draw(t, "rows"), Span: time.Duration(rapid.IntRange(0, 15).Draw(t, "span"))}
		}), 1, 3).Draw(t, "conditions")

		model := make([][]string, len(conds))
		for i, cond := range conds {
			var group []int64
			release := func() {
				if len(group) > 0 {
					model[i] = append(model[i], fmt.Sprint(group))
				}
				group = nil
			}
			for _, p := range packets {
				if p.event != "" {
					release()
					model[i] = append(model[i], p.event)
				}
				for _, x := range p.times {
					if len(group) > 0 && cond.Span > 0 && max(slices.Max(group), x)-min(slices.Min(group), x) >= int64(cond.Span) {
						release()
					}
					if group = append(group, x); cond.Rows > 0 && len(group) >= cond.Rows {
						release()
					}
				}
				if cond == (Buffer{}) {
					release()
				}
			}
			release()
		}

		got := make([][]string, len(conds))
		served := make(chan error, 1)
		p := aPartition(ConsumerOptions{}, func(_ context.Context, s *StreamReader) error {
			var views []*View
			for _, cond := range conds {
				views = append(views, s.Buffer(cond, s.Number("v")))
			}
			v := s.Number("v")
			for p, err := range s.Packets() {
				if err != nil {
					served <- err
					return err
				}
				switch p := p.(type) {
				case *Rows:
					var group []int64
					for _, row := range p.All() {
						x, ok := row.Num(v)
						if !ok || Time(x) != row.Time() {
							x = -1000
						}
						group = append(group, int64(x))
					}
					i := slices.Index(views, p.View())
					got[i] = append(got[i], fmt.Sprint(group))
				case *Event:
					for i := range got {
						got[i] = append(got[i], p.ID)
					}
				}
			}
			served <- nil
			return nil
		})
		var batch kafka.PartitionRecords
		for i, x := range packets {
			if x.event != "" {
				batch.Records = append(batch.Records, packetRecord(int64(i), "s", codec.KindEvent, eventValue(x.event)))
			} else {
				batch.Records = append(batch.Records, packetRecord(int64(i), "s", codec.KindRows, rowsValue(x.times)))
			}
		}
		batch.Records = append(batch.Records, packetRecord(int64(len(packets)), "s", codec.KindEnd, codec.AppendEnd(nil, codec.Closed)))
		p.take(batch)
		err := <-served
		p.handlers.Wait()
		if err != nil {
			t.Fatal(err)
		}
		for i := range conds {
			if !slices.Equal(got[i], model[i]) {
				t.Fatalf("view %d, %+v:\n got %v\nwant %v", i, conds[i], got[i], model[i])
			}
		}
		if at, _ := p.position(); at != int64(len(batch.Records)) {
			t.Fatalf("position %d after all %d packets", at, len(batch.Records))
		}
		if p.waiting != 0 {
			t.Fatalf("%d bytes wait after all was read", p.waiting)
		}
	})
}

// Streams share a partition, and their handlers finish in any order, hold rows in buffers, fail and are called again, return early: the position never passes a packet that one of them is not done with,
// and at the end it is behind all of them.
func TestPositionUnderRandomFinishing(t *testing.T) {
	for _, manual := range []bool{false, true} {
		t.Run(fmt.Sprint("manual=", manual), func(t *testing.T) {
			for seed := range uint64(40) {
				checkPosition(t, seed, manual)
			}
		})
	}
}

func checkPosition(t *testing.T, seed uint64, manual bool) {
	const streams, packets = 8, 400
	var mu sync.Mutex
	done := make([]bool, packets) // what a handler has gone past, as it knows itself
	random := rand.New(rand.NewPCG(seed, 1))
	chance := func(n int) bool {
		mu.Lock()
		defer mu.Unlock()
		return random.IntN(n) == 0
	}
	var p *partition
	check := func() {
		at, _ := p.position()
		mu.Lock()
		defer mu.Unlock()
		for o := range at {
			if !done[o] {
				t.Errorf("seed %d: position %d is past %d, which is not done", seed, at, o)
				return
			}
		}
	}
	finish := func(offsets ...int64) {
		mu.Lock()
		defer mu.Unlock()
		for _, o := range offsets {
			done[o] = true
		}
	}
	opts := ConsumerOptions{Group: "g", Commit: CommitPolicy{Manual: manual, Every: -1, Count: -1}, Failure: FailurePolicy{Attempts: 1000, Backoff: time.Nanosecond}}
	boom := errors.New("boom")
	p = aPartition(opts, func(ctx context.Context, s *StreamReader) error {
		buffered := chance(2)
		if buffered {
			s.Buffer(Buffer{Rows: 7})
		}
		v := s.Number("v")
		var held []int64 // gone past, but not committed
		var last []int64
		for packet, err := range s.Packets() {
			if err != nil {
				return err
			}
			// Asking for this packet was to be done with the one before.
			check()
			if chance(60) {
				return boom // nothing of this counts
			}
			var now []int64
			switch x := packet.(type) {
			case *Rows:
				for _, row := range x.All() {
					o, _ := row.Num(v)
					now = append(now, int64(o))
				}
			case *Event:
				o, _ := strconv.ParseInt(x.ID, 10, 64)
				now = append(now, o)
			}
			if manual {
				held = append(held, now...)
				if chance(4) {
					finish(held...)
					held = nil
					_ = s.Commit(ctx) // there is no cluster: what counts is what is done
				}
			} else {
				last = now
				finish(last...)
			}
		}
		finish(held...)
		return nil
	})
	log := &aLog{}
	p.consumer.feed = log
	batch := kafka.PartitionRecords{}
	ended := make(map[string]bool)
	for o := range int64(packets) {
		mu.Lock()
		stream, kind := fmt.Sprint("s", random.IntN(streams)), random.IntN(10)
		mu.Unlock()
		if o >= packets-streams {
			stream = fmt.Sprint("s", packets-1-o)
		}
		switch {
		case o >= packets-streams || kind == 0:
			finish(o) // an end is no packet for the handler
			batch.Records = append(batch.Records, packetRecord(o, stream, codec.KindEnd, codec.AppendEnd(nil, codec.Closed)))
			ended[stream] = true
		case kind < 4:
			batch.Records = append(batch.Records, packetRecord(o, stream, codec.KindEvent, eventValue(strconv.FormatInt(o, 10))))
		default:
			batch.Records = append(batch.Records, packetRecord(o, stream, codec.KindRows, rowsValue([]int64{o})))
		}
		if len(batch.Records) > 20 {
			log.give(p, batch)
			batch.Records = nil
			check()
		}
	}
	log.give(p, batch)
	p.handlers.Wait()
	check()
	if at, _ := p.position(); at != packets {
		t.Errorf("seed %d: position %d at the end, %+v", seed, at, p.ledger.entries)
	}
	if p.waiting != 0 {
		t.Errorf("seed %d: %d bytes wait at the end", seed, p.waiting)
	}
}

// A handler that has gone past a packet and learns then that its partition is taken away was done with it: the commit before the hand-over covers it.
func TestAskingIsDoneAlsoWhenTheAnswerIsTheEnd(t *testing.T) {
	processed, asked := make(chan bool), make(chan error)
	p := aPartition(ConsumerOptions{Group: "g"}, func(_ context.Context, s *StreamReader) error {
		for _, err := range s.Packets() {
			if err != nil {
				asked <- err
				return err
			}
			processed <- true
			<-s.ctx.Done() // taken away while it works on the packet
		}
		return nil
	})
	p.take(kafka.PartitionRecords{Records: []kafka.Record{packetRecord(7, "s", codec.KindEvent, eventValue("e"))}})
	<-processed
	p.cancel(ErrRevoked)
	if err := <-asked; !errors.Is(err, ErrRevoked) {
		t.Error(err)
	}
	p.handlers.Wait()
	if at, _ := p.position(); at != 8 {
		t.Errorf("the position is %d", at)
	}
}

// A packet that names a context which is none is given all the same, and counted.
func TestContextThatIsNoneIsCounted(t *testing.T) {
	got := make(chan Packet, 1)
	p := aPartition(ConsumerOptions{}, func(_ context.Context, s *StreamReader) error {
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			got <- p
		}
		return nil
	})
	log := &aLog{}
	p.consumer.feed = log
	log.records = append(log.records, packetRecord(0, "s", codec.KindContext, []byte("{")), packetRecord(1, "other", codec.KindContext, []byte("{}")))
	for i, named := range []int64{0, 1} {
		r := packetRecord(int64(2+i), fmt.Sprint("s", named), codec.KindEvent, eventValue("e"))
		if named == 0 {
			r.Key = []byte("s")
		}
		h := codec.Header{Kind: codec.KindEvent, Context: named}
		r.Headers[0].Value = h.Append(nil)
		p.take(kafka.PartitionRecords{Records: []kafka.Record{r}})
		if e, ok := (<-got).(*Event); !ok || e.ID != "e" {
			t.Errorf("the packet behind context %d is %v", named, e)
		}
		if n := p.consumer.counts.broken.Load(); n != int64(i)+1 {
			t.Errorf("%d broken packets were counted", n)
		}
	}
	p.cancel(ErrRevoked)
	p.handlers.Wait()
}
