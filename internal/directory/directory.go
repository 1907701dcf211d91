package directory

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Directory knows and keeps the partitions of one topic's streams. Its methods are safe for concurrent use.
type Directory struct {
	client    *kafka.Client
	producer  *kafka.Producer
	topic     string
	retention int64 // of the topic, in ms
	log       *slog.Logger

	ctx    context.Context
	cancel context.CancelFunc
	work   sync.WaitGroup
	closed sync.Once

	mu      sync.Mutex
	m       *machine
	waiting map[string]*waiting
	ready   chan struct{} // closed when everything was read for the first time
	failed  error         // what ended it
	ended   chan struct{} // closed then
}

// waiting are those who wait for one stream to be opened.
type waiting struct {
	n         int
	done      chan struct{}
	partition int32
	err       error
}

const (
	opPlace = "find the partition of stream"
	opEnd   = "end stream"

	housekeeping = time.Hour
	retryEvery   = time.Minute
	sweepBatch   = 500 // streams that are looked at before others get their turn
)

// Open reads the directory of a topic's streams. It makes the directory's topic when there is none.
func Open(ctx context.Context, client *kafka.Client, topic string, log *slog.Logger) (*Directory, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	t, err := client.Topic(ctx, topic)
	if err != nil {
		return nil, err
	}
	if err := prepare(ctx, client, log); err != nil {
		return nil, err
	}
	kept, err := retention(ctx, client, topic, log)
	if err != nil {
		return nil, err
	}
	feed, err := client.NewFeed(ctx, kafka.FeedOptions{Topic: Topic})
	if err != nil {
		return nil, err
	}
	producer, err := client.NewProducer(kafka.ProducerOptions{Compression: "none"}) // the records are few and small
	if err != nil {
		feed.Close()
		return nil, err
	}
	d := &Directory{
		client: client, producer: producer, topic: topic, retention: kept, log: log,
		m: newMachine(topic, t.ID, newClaim), waiting: make(map[string]*waiting), ready: make(chan struct{}), ended: make(chan struct{}),
	}
	d.ctx, d.cancel = context.WithCancel(context.Background())
	d.work.Go(func() { d.tail(feed) })
	select {
	case <-d.ready:
	case <-d.ended:
		d.Close()
		return nil, d.failed
	case <-ctx.Done():
		d.Close()
		return nil, &kafka.Error{Op: "read the stream directory of topic", Topic: topic, Kind: kafka.Interrupted, Err: ctx.Err()}
	}
	d.work.Go(d.keep)
	return d, nil
}

func newClaim() string {
	b := make([]byte, 16)
	rand.Read(b)
	return base64.RawURLEncoding.EncodeToString(b)
}

// Place returns the partition of a stream: the one that it has, or want when it has none; then the stream has it from now on, for all who ask. It is stored when Place
// returns. A stream stays placed until End and the topic's retention are over. When ctx ends before, nothing is promised.
func (d *Directory) Place(ctx context.Context, stream string, want int32) (int32, error) {
	if err := check(opPlace, stream); err != nil {
		return 0, err
	}
	if want < 0 {
		return 0, &kafka.Error{Op: opPlace, Topic: stream, Kind: kafka.Invalid, Err: fmt.Errorf("partition %d is negative", want)}
	}
	d.mu.Lock()
	if d.failed != nil {
		d.mu.Unlock()
		return 0, d.failed
	}
	if p, open := d.m.place(stream, want); open {
		d.mu.Unlock()
		return p, nil
	}
	w := d.waiting[stream]
	if w == nil {
		w = &waiting{done: make(chan struct{})}
		d.waiting[stream] = w
	}
	w.n++
	t := d.takeLocked()
	d.mu.Unlock()
	d.do(t)
	select {
	case <-w.done:
		return w.partition, w.err
	case <-d.ended:
		return 0, d.failed
	case <-ctx.Done():
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if w.n--; w.n == 0 && d.waiting[stream] == w {
		delete(d.waiting, stream)
		d.m.abandon(stream)
	}
	return 0, &kafka.Error{Op: opPlace, Topic: stream, Kind: kafka.Interrupted, Err: ctx.Err()}
}

// End says that a stream that was placed has ended, so that its place may go after the topic's retention. It is stored when End returns. A stream that is not open here is
// no error.
func (d *Directory) End(ctx context.Context, stream string) error {
	if err := check(opEnd, stream); err != nil {
		return err
	}
	d.mu.Lock()
	if d.failed != nil {
		d.mu.Unlock()
		return d.failed
	}
	open := d.m.end(stream, time.Now().UnixMilli())
	t := d.takeLocked()
	d.mu.Unlock()
	if !open {
		d.do(t)
		return nil
	}
	stored := make(chan error, 1)
	last := len(t.writes) - 1
	end := t.writes[last]
	t.writes = t.writes[:last]
	d.do(t)
	d.write(end, func(err error) { stored <- err })
	select {
	case err := <-stored:
		return err
	case <-d.ended:
		return d.failed
	case <-ctx.Done():
		return &kafka.Error{Op: opEnd, Topic: stream, Kind: kafka.Interrupted, Err: ctx.Err()}
	}
}

func check(op, stream string) error {
	if len(stream) == 0 || len(stream) > 1024 || !utf8.ValidString(stream) {
		return &kafka.Error{Op: op, Topic: stream[:min(len(stream), 40)], Kind: kafka.Invalid, Err: errors.New("a stream's id has 1 to 1,024 bytes of UTF-8")}
	}
	return nil
}

// Close ends the Directory. Streams that are open keep their places.
func (d *Directory) Close() error {
	d.closed.Do(func() {
		d.fail(&kafka.Error{Op: "use the stream directory of topic", Topic: d.topic, Kind: kafka.Interrupted, Err: errors.New("it is closed")})
		d.cancel()
		d.work.Wait()
		d.producer.Close()
	})
	return nil
}

// fail ends everything for all who wait.
func (d *Directory) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.failed == nil {
		d.failed = err
		close(d.ended)
	}
}

// tail reads the directory, from its start and for ever.
func (d *Directory) tail(feed *kafka.Feed) {
	defer func() { feed.Close() }()
	d.mark()
	for {
		batches, err := feed.Poll(d.ctx)
		if d.ctx.Err() != nil {
			return
		}
		if err != nil {
			d.fail(denied(err))
			return
		}
		if !d.read(batches) {
			d.log.Warn("the stream directory was compacted faster than it was read; reading it again", "topic", d.topic)
			feed.Close()
			if feed, err = d.reopen(); err != nil {
				d.fail(err)
				return
			}
			d.mark()
		}
	}
}

// reopen starts to read from the start, as soon as the cluster lets it.
func (d *Directory) reopen() (*kafka.Feed, error) {
	for {
		feed, err := d.client.NewFeed(d.ctx, kafka.FeedOptions{Topic: Topic})
		if kind := kafka.KindOf(err); kind != kafka.Unreachable && kind != kafka.Timeout {
			return feed, err
		}
		select {
		case <-d.ctx.Done():
			return nil, err
		case <-time.After(time.Second):
		}
	}
}

// mark writes a record into every partition, so that there is one to be read and with it the end.
func (d *Directory) mark() {
	name := openKind + "/" + newClaim()
	for p := range int32(partitions) {
		d.write(write{partition: p, key: name}, func(err error) {
			if err != nil {
				d.fail(denied(err))
			}
		})
	}
}

// read gives the machine what was read, and does what comes of it.
func (d *Directory) read(batches []kafka.PartitionRecords) bool {
	d.mu.Lock()
	whole := true
	for _, b := range batches {
		records := make([]record, len(b.Records))
		for i, r := range b.Records {
			records[i] = record{offset: r.Offset, time: r.Time.UnixMilli(), key: string(r.Key), value: r.Value}
		}
		if !d.m.read(b.Partition, records, b.Next, b.End) {
			d.m.forget()
			whole = false
			break
		}
	}
	if d.m.ready() {
		select {
		case <-d.ready:
		default:
			close(d.ready)
		}
	}
	t := d.takeLocked()
	d.mu.Unlock()
	d.do(t)
	return whole
}

// pending is what is to be done without the lock.
type pending struct {
	writes []write
	moved  []decision
}

// takeLocked tells those who wait what was decided, and returns the rest.
func (d *Directory) takeLocked() pending {
	var t pending
	var decided []decision
	t.writes, decided = d.m.take()
	for _, x := range decided {
		if x.was.id != "" && x.was.partition != x.claim.partition {
			t.moved = append(t.moved, x)
		}
		d.answerLocked(x.stream, x.claim.partition, nil)
	}
	return t
}

func (d *Directory) answerLocked(stream string, partition int32, err error) {
	if w := d.waiting[stream]; w != nil {
		delete(d.waiting, stream)
		w.partition, w.err = partition, err
		close(w.done)
	}
}

// do writes records in their order. It waits only while too much is on its way.
func (d *Directory) do(t pending) {
	for _, x := range t.moved {
		d.log.Error("a stream that is open has another partition now: its place was given away while this program slept", "topic", d.topic, "stream", x.stream,
			"before", x.was.partition, "now", x.claim.partition)
	}
	for _, w := range t.writes {
		d.write(w, func(err error) {
			switch {
			case err == nil || d.ctx.Err() != nil:
			case w.claims == "":
				d.log.Warn("a record of the stream directory was not written; it is swept up later", "key", w.key, "err", err)
			default:
				d.mu.Lock()
				defer d.mu.Unlock()
				if d.m.failed(w.claims, w.id) {
					d.answerLocked(w.claims, 0, err)
				}
			}
		})
	}
}

func (d *Directory) write(w write, done func(error)) {
	r := kafka.Record{Topic: Topic, Partition: w.partition, Key: []byte(w.key), Value: w.value}
	d.producer.SendTo(d.ctx, r, func(_ kafka.Record, err error) { done(err) })
}

// keep looks after what is old: it deletes what nobody needs, at first and every hour, renews claims before they get too old, and tries again what could not be written.
func (d *Directory) keep() {
	d.sweep()
	again, old := time.NewTicker(retryEvery), time.NewTicker(housekeeping)
	defer again.Stop()
	defer old.Stop()
	for {
		select {
		case <-d.ctx.Done():
			return
		case <-again.C:
			d.with(func() { d.m.retry(true) })
		case <-old.C:
			d.sweep()
			d.with(func() {
				for _, name := range d.m.due(time.Now().UnixMilli()) {
					d.m.renew(name)
				}
			})
		}
	}
}

// with has the machine do something, and does what comes of it.
func (d *Directory) with(f func()) {
	d.mu.Lock()
	f()
	t := d.takeLocked()
	d.mu.Unlock()
	d.do(t)
}

// sweep deletes what nobody needs, a little at a time.
func (d *Directory) sweep() {
	d.mu.Lock()
	names, former := d.m.names(), d.m.former()
	d.mu.Unlock()
	for len(names) > 0 && d.ctx.Err() == nil {
		n := min(len(names), sweepBatch)
		d.with(func() {
			r := rules{now: time.Now().UnixMilli(), retention: d.retention, lease: lease}
			for _, name := range names[:n] {
				d.m.sweep(name, r)
			}
		})
		names = names[n:]
	}
	if len(former) == 0 {
		return
	}
	// A topic that was read about and is not the one that the cluster has now is gone for good: ids do not come back.
	t, err := d.client.Topic(d.ctx, d.topic)
	if err != nil || t.ID == "" || t.ID != d.m.topicID {
		return
	}
	d.do(pending{writes: former})
}
