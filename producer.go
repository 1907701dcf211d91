package bobbin

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/directory"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Format is how packets of rows and events are written. Readers take both.
type Format uint8

// The formats.
const (
	JSON   Format = iota // readable with every tool
	Binary               // compact, and many times as fast
)

// Placement is how an opened stream gets its partition.
type Placement uint8

// The placements.
const (
	// Pinned streams keep their partition also when the topic gets more of them: the first open writes it into the directory, a compacted topic named
	// _bobbin_streams, which is made when it is missing.
	Pinned Placement = iota
	// Hashed streams are where Kafka's own clients put a key. Nothing is written for it, and a topic that gets more partitions loses the order of its streams.
	Hashed
)

// Buffer says when collected rows are written, or given to a reader, as one packet: when one of its conditions holds. The zero Buffer has none.
type Buffer struct {
	Rows int           // there are so many
	Span time.Duration // the next row is so far from another one in its own time; it starts the next packet. For readers only
	Age  time.Duration // the first of them has waited for so long
}

// ProducerOptions of a Producer. The zero value, or nil, is JSON to pinned streams.
type ProducerOptions struct {
	Format    Format
	Placement Placement
	Repeat    time.Duration // how old a stream's context may be before it is written again with the next packet; 30 s when 0
}

// StreamOptions say what a stream is when it is opened. They change nothing of one that is open already.
type StreamOptions struct {
	Properties Properties
	Buffer     Buffer            // of rows; 1,000 rows or 10 ms when none is given, {Rows: 1} for each row on its own
	Tags       map[string]string // of each row and event that does not set them itself
	Epoch      Time              // added to the time of each row and event
}

// MaxStreamID is the longest id of a stream, in bytes.
const maxStreamID = 1024

// The defaults of a write buffer, and the size at which its rows are written whatever it says.
const (
	defaultRows = 1000
	defaultAge  = 10 * time.Millisecond
	packetBytes = 256 << 10
)

// Producer writes streams into one topic. Its methods are safe for concurrent use.
type Producer struct {
	client    *Client
	topic     string
	format    codec.Format
	repeat    time.Duration
	kafka     *kafka.Producer
	directory *directory.Directory // nil for hashed placement
	buffers   sync.Pool            // of *[]byte, the values of packets under way
	counts    producerCounts

	working context.Context // ends with the producer
	stop    context.CancelFunc
	flusher sync.WaitGroup
	wake    chan struct{} // to the flusher; capacity 1

	mu         sync.Mutex
	streams    map[string]*Stream
	due        []*Stream // whose rows are old enough
	partitions int
	counted    time.Time // when partitions was asked for
	closed     bool
}

// ProducerStats count what a Producer did since it was made.
type ProducerStats struct {
	Topic     string
	Streams   int   // that are open
	Packets   int64 // that were written, of all kinds
	Rows      int64 // in them
	Bytes     int64 // their values, before compression
	Acked     int64 // packets that the cluster has acknowledged
	RowsAcked int64 // rows in these
	Failed    int64 // packets that were given up
	Waiting   int64 // packets that are not answered yet
}

type producerCounts struct{ packets, rows, bytes, acked, rowsAcked, failed atomic.Int64 }

// Producer makes a producer for a topic that is there. It reads the stream directory first, and gives up on a cluster that has not answered after delivery.timeout.ms (two minutes), or when the client is closed.
// ctx of its streams' calls bounds these; the producer lasts until it or the client is closed.
func (c *Client) Producer(topic string, opts *ProducerOptions) (*Producer, error) {
	const op = "write to topic"
	o := ProducerOptions{}
	if opts != nil {
		o = *opts
	}
	switch {
	case topic == "":
		return nil, &Error{Op: op, Err: invalidf("the topic has no name")}
	case o.Format > Binary:
		return nil, &Error{Op: op, Topic: topic, Err: invalidf("format %d is neither JSON nor Binary", o.Format)}
	case o.Placement > Hashed:
		return nil, &Error{Op: op, Topic: topic, Err: invalidf("placement %d is neither Pinned nor Hashed", o.Placement)}
	case o.Repeat < 0:
		return nil, &Error{Op: op, Topic: topic, Err: invalidf("a context cannot be repeated every %v", o.Repeat)}
	}
	if o.Repeat == 0 {
		o.Repeat = 30 * time.Second
	}
	ctx, started, err := c.start()
	if err != nil {
		return nil, &Error{Op: op, Topic: topic, Err: err}
	}
	defer started()
	k, err := c.kafka.NewProducer(kafka.ProducerOptions{})
	if err != nil {
		return nil, fail(op, topic, "", err)
	}
	p := &Producer{client: c, topic: topic, format: codec.Format(o.Format), repeat: o.Repeat, kafka: k, streams: make(map[string]*Stream), wake: make(chan struct{}, 1)}
	p.buffers.New = func() any { return new([]byte) }
	p.working, p.stop = context.WithCancel(context.Background())
	if err := p.start(ctx, o); err != nil {
		p.stop()
		k.Close()
		return nil, err
	}
	p.flusher.Go(p.flushDue)
	if err := c.add(p); err != nil {
		return nil, errors.Join(&Error{Op: op, Topic: topic, Err: err}, p.Close(p.working))
	}
	return p, nil
}

// start looks at the topic, and opens its directory.
func (p *Producer) start(ctx context.Context, o ProducerOptions) error {
	const op = "write to topic"
	if _, err := p.countPartitions(ctx); err != nil {
		return fail(op, p.topic, "", err)
	}
	if o.Placement == Pinned {
		d, err := directory.Open(ctx, p.client.kafka, p.topic, p.client.log)
		if err != nil {
			return fail(op, p.topic, "", err)
		}
		p.directory = d
	}
	return nil
}

// countPartitions asks how many partitions the topic has, not more often than every few seconds.
func (p *Producer) countPartitions(ctx context.Context) (int, error) {
	p.mu.Lock()
	n, at := p.partitions, p.counted
	p.mu.Unlock()
	if n > 0 && time.Since(at) < 3*time.Second {
		return n, nil
	}
	t, err := p.client.kafka.Topic(ctx, p.topic)
	if err != nil {
		return 0, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.partitions, p.counted = len(t.Partitions), time.Now()
	return p.partitions, nil
}

// Stream opens a stream, or returns the one that is open in this producer. Readers learn of it by its first packet, the context, which is written at once.
// An id has 1 to 1,024 bytes of UTF-8. The stream lasts until it, the producer or the client is closed; ctx bounds the opening only.
func (p *Producer) Stream(ctx context.Context, id string, opts *StreamOptions) (*Stream, error) {
	const op = "open stream"
	o := StreamOptions{}
	if opts != nil {
		o = *opts
	}
	if err := checkStream(id, &o); err != nil {
		return nil, &Error{Op: op, Topic: p.topic, Stream: id, Err: err}
	}
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, &Error{Op: op, Topic: p.topic, Stream: id, Err: ErrClosed}
		}
		s := p.streams[id]
		opener := s == nil
		if opener {
			s = newStream(p, id, o)
			p.streams[id] = s
		}
		p.mu.Unlock()
		if opener {
			s.open(ctx)
		}
		select {
		case <-s.opened:
		case <-ctx.Done():
			return nil, &Error{Op: op, Topic: p.topic, Stream: id, Err: context.Cause(ctx)}
		}
		switch {
		case s.openErr == nil:
			return s, nil
		case opener || ctx.Err() != nil:
			return nil, fail(op, p.topic, id, s.openErr)
		}
		// The one that opened it gave up, perhaps for its own reasons: now it is our turn.
	}
}

// Lookup returns a stream that is open in this producer.
func (p *Producer) Lookup(id string) (*Stream, bool) {
	p.mu.Lock()
	s := p.streams[id]
	p.mu.Unlock()
	if s == nil {
		return nil, false
	}
	select {
	case <-s.opened:
		return s, s.openErr == nil
	default:
		return nil, false
	}
}

func checkStream(id string, o *StreamOptions) error {
	switch {
	case id == "":
		return invalidf("a stream's id is empty")
	case len(id) > maxStreamID:
		return invalidf("a stream's id has %d bytes, more than %d", len(id), maxStreamID)
	case !utf8.ValidString(id):
		return invalidf("a stream's id is not UTF-8")
	case o.Buffer.Rows < 0 || o.Buffer.Age < 0:
		return invalidf("a buffer of %d rows and %v", o.Buffer.Rows, o.Buffer.Age)
	case o.Buffer.Span != 0:
		return invalidf("a write buffer has rows and age, no span")
	case o.Buffer.Rows > codec.MaxRows:
		return invalidf("a packet has at most %d rows", codec.MaxRows)
	}
	for name := range o.Tags {
		if err := checkName(name); err != nil {
			return err
		}
	}
	if o.Buffer == (Buffer{}) {
		o.Buffer = Buffer{Rows: defaultRows, Age: defaultAge}
	}
	if o.Buffer.Rows == 0 {
		o.Buffer.Rows = codec.MaxRows
	}
	return nil
}

// checkName checks the name of a parameter, a tag or an event.
func checkName(name string) error {
	if name == "" || len(name) > codec.MaxName || !utf8.ValidString(name) {
		return invalidf("the name %.40q does not have 1 to %d bytes of UTF-8", name, codec.MaxName)
	}
	return nil
}

// Publish writes a record as it is, to the partition of its key as Kafka's clients choose it, or to any when it has none. Partition, Offset and Err do not count.
// It returns when the cluster has acknowledged it.
func (p *Producer) Publish(ctx context.Context, r *Raw) error {
	rec := kafka.Record{Topic: p.topic, Time: r.Written, Key: r.Key, Value: r.Value}
	for _, h := range r.Headers {
		rec.Headers = append(rec.Headers, kafka.Header{Key: h.Key, Value: h.Value})
	}
	answered := make(chan error, 1)
	p.counts.packets.Add(1)
	p.counts.bytes.Add(int64(len(r.Value)))
	p.kafka.Send(ctx, rec, func(_ kafka.Record, err error) {
		p.count(err)
		answered <- err
	})
	select {
	case err := <-answered:
		return fail("publish to topic", p.topic, "", tooLarge(err, len(r.Value)))
	case <-ctx.Done():
		return &Error{Op: "publish to topic", Topic: p.topic, Err: context.Cause(ctx), Hint: "it may be stored all the same"}
	}
}

// count keeps the books of an answer.
func (p *Producer) count(err error) {
	if err != nil {
		p.counts.failed.Add(1)
	} else {
		p.counts.acked.Add(1)
	}
}

// Flush writes the rows that wait in all streams and waits until all that was written is acknowledged. Errors of packets are those of the streams that are met
// first; each stream's next call returns them too.
func (p *Producer) Flush(ctx context.Context) error {
	var errs []error
	for _, s := range p.open() {
		errs = append(errs, s.write(ctx))
	}
	errs = append(errs, fail("flush topic", p.topic, "", p.kafka.Flush(ctx)))
	for _, s := range p.open() {
		errs = append(errs, s.wrong("write to stream"))
	}
	return errors.Join(errs...)
}

func (p *Producer) open() []*Stream {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Stream, 0, len(p.streams))
	for _, s := range p.streams {
		select {
		case <-s.opened:
			all = append(all, s)
		default:
		}
	}
	return all
}

// Close flushes and ends the producer. Its streams are not closed: another process, or a later producer, goes on with them. What is not acknowledged when ctx ends is given
// up, which is an error. Closing again does nothing.
func (p *Producer) Close(ctx context.Context) error {
	err := p.closeWithClient(ctx)
	p.client.remove(p)
	return err
}

func (p *Producer) closeWithClient(ctx context.Context) error {
	p.mu.Lock()
	closed := p.closed
	p.closed = true
	p.mu.Unlock()
	if closed {
		return nil
	}
	err := p.Flush(ctx)
	for _, s := range p.open() {
		s.end()
	}
	p.stop()
	p.flusher.Wait()
	p.kafka.Close()
	if p.directory != nil {
		err = errors.Join(err, fail("close the directory of topic", p.topic, "", p.directory.Close()))
	}
	return err
}

// Stats returns what the producer did so far.
func (p *Producer) Stats() ProducerStats {
	p.mu.Lock()
	n := len(p.streams)
	p.mu.Unlock()
	c := &p.counts
	st := ProducerStats{Topic: p.topic, Streams: n, Acked: c.acked.Load(), RowsAcked: c.rowsAcked.Load(), Failed: c.failed.Load(), Rows: c.rows.Load(), Bytes: c.bytes.Load()}
	st.Packets = c.packets.Load()
	st.Waiting = st.Packets - st.Acked - st.Failed
	return st
}

// expire is called when the rows of a stream are old enough.
func (p *Producer) expire(s *Stream) {
	p.mu.Lock()
	p.due = append(p.due, s)
	p.mu.Unlock()
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// flushDue writes rows that are old enough, until the producer ends.
func (p *Producer) flushDue() {
	for {
		select {
		case <-p.wake:
		case <-p.working.Done():
			return
		}
		p.mu.Lock()
		due := p.due
		p.due = nil
		p.mu.Unlock()
		for _, s := range due {
			if err := s.write(p.working); err != nil && p.working.Err() == nil && !errors.Is(err, ErrClosed) {
				s.broke(err)
			}
		}
	}
}

// tooLarge says how large a record was that the cluster did not take for its size.
func tooLarge(err error, size int) error {
	if kafka.KindOf(err) != kafka.TooLarge {
		return err
	}
	return &Error{Op: "write a packet", Err: about{ErrTooLarge, err}, Hint: sizeHint(size)}
}
