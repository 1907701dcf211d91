package streams

import (
	"cmp"
	"container/heap"
	"context"
	"fmt"
	"math"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// window is how many bytes of packets a replay holds, to bring streams into the order of their times.
const window = 64 << 20

// ReplayOptions say what is replayed, and how fast.
type ReplayOptions struct {
	Topic, To string
	Streams   []string // all when empty
	From      kafka.Place
	Speed     float64 // times as fast as it was recorded; 0: as fast as it goes
	Follow    bool    // go on with what comes behind the end, as it comes
	Window    int64   // bytes; 64 MiB when 0
	Progress  func(Replayed)
}

// Replayed is what a replay did.
type Replayed struct {
	Streams      int // that were written
	Rows, Events int64
	Late         int64 // packets that were written behind those of other streams with later times, since they stood too far behind in the topic
	Foreign      int64 // records that are no packets, which are left out
	Broken       int64 // packets that cannot be read, which are left out
	Done, Total  int64 // records that were read, of so many
	Timed        bool  // First and Last are known
	First, Last  int64 // times of what was written
	Written      int64 // packets in the other topic
	Acked        int64 // of these
	Failed       int64 // of these
}

// replay is a Replay under way.
type replay struct {
	o       ReplayOptions
	source  *kafka.Client
	out     *outlets
	writing context.Context // lasts longer than the caller's
	pace    pace
	only    map[string]bool
	lanes   []*lane
	threads map[place]*thread
	queue   queue
	blocks  []*codec.Block  // that are free
	next    map[int32]int64 // the offset behind what was read
	reached int64           // the latest key that was written
	done    Replayed
}

// Replay writes the streams of a topic to another one that is there, up to what is the end now, in the order of the times of their rows and events. Packets of one stream keep their order; contexts come first. Packets are
// those of the source; with a speed their rows are written one by one, as a source of these would. It returns what was done also with an error: that of the other topic, or why the source cannot be read, or that of ctx, after what was written was given some time
// to be acknowledged.
func Replay(ctx context.Context, source *kafka.Client, target *bobbin.Client, o ReplayOptions) (Replayed, error) {
	buffer := bobbin.Buffer{}
	if o.Speed == 0 {
		buffer.Rows = codec.MaxRows // packets end where they ended
	}
	writing, end := lasting(ctx)
	defer end()
	x := &replay{
		o: o, source: source, writing: writing, out: newOutlets(writing, target, o.To, buffer), pace: pace{speed: o.Speed}, threads: make(map[place]*thread),
		next: make(map[int32]int64), reached: math.MinInt64,
	}
	for _, id := range o.Streams {
		if x.only == nil {
			x.only = make(map[string]bool)
		}
		x.only[id] = true
	}
	defer x.closeLanes()
	err := x.open(ctx)
	if err == nil {
		err = x.past(ctx)
	}
	if err == nil && o.Follow {
		err = x.follow(ctx)
	}
	settling := writing
	if err != nil {
		limited, cancel := context.WithTimeout(writing, settleTime)
		defer cancel()
		settling = limited
	}
	err = first(err, x.out.close(settling))
	x.count()
	return x.done, err
}

// open begins to read each partition.
func (x *replay) open(ctx context.Context) error {
	if err := x.out.open(); err != nil {
		return err
	}
	bounds, err := x.source.Offsets(ctx, x.o.Topic)
	if err != nil {
		return err
	}
	share := cmp.Or(x.o.Window, window) / int64(max(len(bounds), 1))
	for _, b := range bounds {
		x.next[b.Partition] = b.End
		r, err := x.source.NewReader(ctx, kafka.ReaderOptions{Topic: x.o.Topic, Partitions: []int32{b.Partition}, From: x.o.From, UntilEnd: true})
		if err != nil {
			return err
		}
		x.done.Total += b.End - b.Start
		x.lanes = append(x.lanes, &lane{partition: b.Partition, reader: r, share: max(share, 2)})
	}
	return nil
}

func (x *replay) closeLanes() {
	for _, l := range x.lanes {
		if !l.over {
			l.reader.Close()
		}
	}
}

// past writes what there is.
func (x *replay) past(ctx context.Context) error {
	for {
		for _, l := range x.lanes {
			if err := x.fill(ctx, l); err != nil {
				return err
			}
		}
		if len(x.queue) == 0 {
			if !x.stuck() {
				return nil
			}
			continue
		}
		t := x.queue[0]
		horizon := int64(math.MaxInt64)
		if key := t.items[0].key; key > math.MinInt64 { // else nothing with a time was met yet
			if err := x.pace.wait(ctx, key); err != nil {
				return err
			}
			horizon = x.pace.horizon(key)
		}
		if err := x.give(t, horizon); err != nil {
			return err
		}
		if x.o.Progress != nil {
			x.count()
			x.o.Progress(x.done)
		}
	}
}

// stuck makes way when lanes are full of packets without a time: they wait no longer for one. It says whether there is anything to do.
func (x *replay) stuck() bool {
	more := false
	for _, l := range x.lanes {
		if l.held > 0 {
			x.openEnds(l)
		}
		more = more || l.held > 0 || !l.over
	}
	return more
}

// follow writes what comes behind the end.
func (x *replay) follow(ctx context.Context) error {
	r, err := x.source.NewReader(ctx, kafka.ReaderOptions{Topic: x.o.Topic, Starts: x.next})
	if err != nil {
		return err
	}
	defer r.Close()
	l := &lane{share: math.MaxInt64, over: true}
	for {
		batch, err := r.Poll(ctx, 500)
		if err != nil {
			return err
		}
		for i := range batch {
			x.done.Total++
			x.hang(l, &batch[i])
			t := x.threads[place{batch[i].Partition, string(batch[i].Key)}]
			for t != nil && len(t.items) > 0 {
				if !t.items[0].keyed {
					t.key(len(t.items)-1, max(t.last, x.reached))
					x.enqueue(t)
				}
				if err := x.give(t, math.MaxInt64); err != nil {
					return err
				}
			}
		}
		if x.o.Progress != nil {
			x.count()
			x.o.Progress(x.done)
		}
	}
}

// enqueue puts a thread into the queue when the turn of its first item is known.
func (x *replay) enqueue(t *thread) {
	if t.at < 0 && len(t.items) > 0 && t.items[0].keyed {
		heap.Push(&x.queue, t)
	}
}

// give writes the first item of a thread, of rows those up to the horizon.
func (x *replay) give(t *thread, horizon int64) error {
	it := &t.items[0]
	if it.key < x.reached && it.from == 0 && it.packet.Header.Kind != codec.KindContext && it.packet.Header.Kind != codec.KindEnd {
		x.done.Late++
	}
	x.reached = max(x.reached, it.key)
	whole, err := x.write(x.writing, t, it, horizon)
	if err != nil {
		return fmt.Errorf("stream %.80q, offset %d of partition %d of %s: %w", t.id, it.packet.Offset, it.packet.Partition, x.o.Topic, err)
	}
	if !whole {
		heap.Fix(&x.queue, t.at)
		return nil
	}
	ended := it.packet.Header.Kind == codec.KindEnd
	t.lane.held -= it.size
	if it.block != nil && len(x.blocks) < 1000 {
		x.blocks = append(x.blocks, it.block)
	}
	t.items[0] = item{}
	t.items = t.items[1:]
	heap.Remove(&x.queue, t.at)
	x.enqueue(t)
	if len(t.items) == 0 {
		if t.items = nil; ended {
			delete(x.threads, t.place)
		}
	}
	return nil
}

func (x *replay) write(ctx context.Context, t *thread, it *item, horizon int64) (whole bool, err error) {
	p := &it.packet
	if p.Header.Kind == codec.KindEnd {
		return true, x.out.end(ctx, t.id, bobbin.End(p.End)+bobbin.Closed)
	}
	if p.Header.Kind == codec.KindContext {
		return true, x.out.context(ctx, t.id, t.format(), p.Context)
	}
	o, err := x.out.outlet(ctx, t.id)
	if err != nil {
		return false, err
	}
	if o == nil { // what it is was said before the place where we began
		c, err := contextAt(ctx, x.source, x.o.Topic, t.id, t.partition, p.Header.Context)
		if err == nil {
			err = x.out.context(ctx, t.id, p.Header.Format, &c)
		}
		if err == nil {
			o, err = x.out.outlet(ctx, t.id)
		}
		if err != nil {
			return false, err
		}
	}
	if p.Header.Kind == codec.KindEvent {
		x.done.Events++
		x.time(p.Event.Time)
		return true, o.s.Emit(ctx, bobbin.Event{Time: bobbin.Time(p.Event.Time), ID: p.Event.ID, Value: p.Event.Value, Tags: p.Event.Tags})
	}
	to := it.from
	for to < len(p.Rows.Times) && (to == it.from || p.Rows.Times[to] <= horizon) {
		x.time(p.Rows.Times[to])
		to++
	}
	x.done.Rows += int64(to - it.from)
	if err := o.rows(ctx, p.Rows, it.from, to); err != nil {
		return false, err
	}
	if x.o.Speed == 0 {
		if err := o.s.Send(ctx); err != nil {
			return false, err
		}
	}
	it.from = to
	if to < len(p.Rows.Times) {
		it.key = max(it.key, p.Rows.Times[to])
		return false, nil
	}
	return true, nil
}

// format is how the next rows or events that wait are written.
func (t *thread) format() codec.Format {
	for i := range t.items {
		if h := t.items[i].packet.Header; h.Kind == codec.KindRows || h.Kind == codec.KindEvent {
			return h.Format
		}
	}
	return codec.JSON
}

func (x *replay) time(t int64) {
	if !x.done.Timed {
		x.done.Timed, x.done.First, x.done.Last = true, t, t
		return
	}
	x.done.First, x.done.Last = min(x.done.First, t), max(x.done.Last, t)
}

func (x *replay) block() *codec.Block {
	n := len(x.blocks)
	if n == 0 {
		return new(codec.Block)
	}
	b := x.blocks[n-1]
	x.blocks = x.blocks[:n-1]
	return b
}

// count takes over what the other topic says.
func (x *replay) count() {
	x.done.Streams = x.out.opened
	x.done.Written, x.done.Acked, x.done.Failed = x.out.stats()
}
