package server

import (
	"bytes"
	"errors"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/invariant"
	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/wire"
)

// produce is a Produce request (key 0) on its way. The reader checks its batches and appends them in their order; the logs answer one by one, from
// any goroutine; the last answer hands it to the writer.
//
// acks=1 waits as acks=all does: there is one replica, and what is acknowledged is as durable as the topic's level. Transactions are not served: a
// batch that belongs to one is refused with INVALID_TXN_STATE: no transaction is open.
type produce struct {
	req   *kmsg.ProduceRequest
	frame *wire.Buffer // the batches lie in it

	parts    []produced
	waiting  atomic.Int32 // answers that are missing, and one for the reader
	done     chan struct{}
	appended func(*commitlog.Append) // p.answered, made once
	named    map[partKey]bool        // of keepLast

	resp       kmsg.ProduceResponse
	partitions []kmsg.ProduceResponseTopicPartition
}

var errOneBatch = refuse(kerr.InvalidRecord, "a produce request must have exactly one whole record batch per partition")

// produced is one partition of a request.
type produced struct {
	commitlog.Append
	log       *commitlog.Log // nil: refused before it came to a log
	stampedAt int64          // LogAppendTime, or -1
}

func newProduce() *produce {
	p := &produce{done: make(chan struct{}, 1), named: make(map[partKey]bool)}
	p.appended = p.answered
	return p
}

// begin checks and appends. It waits for room in the logs, as long as the client says.
func (p *produce) begin(c *conn, frame *wire.Buffer) {
	p.frame = frame
	p.waiting.Store(1)
	p.keepLast()
	n := 0
	for i := range p.req.Topics {
		n += len(p.req.Topics[i].Partitions)
	}
	if cap(p.parts) < n {
		p.parts = make([]produced, 0, n)
	}
	now := c.srv.now().UnixMilli()
	total := 0
	for i := range p.req.Topics {
		t := &p.req.Topics[i]
		topic, err := p.topic(c.srv, t)
		for j := range t.Partitions {
			p.parts = append(p.parts, produced{})
			x := &p.parts[len(p.parts)-1]
			x.Now, x.Done = now, p.appended
			if x.Err = err; err == nil {
				x.Err = p.prepare(c.srv, x, topic, &t.Partitions[j])
			}
			total += len(x.Batch)
		}
	}
	wait := min(max(time.Duration(p.req.TimeoutMillis)*time.Millisecond, 0), c.srv.conf.ProduceTime)
	ctx := newPatience(c.ctx, wait)
	defer ctx.end()
	sparse := total < len(frame.Bytes())/4
	for i := range p.parts {
		x := &p.parts[i]
		if x.Err != nil {
			continue
		}
		// A log may keep a batch for long. It must not keep with it a frame that is much larger.
		if x.Owner != nil && (sparse || len(x.Batch) < 4<<10 && 4*len(x.Batch) < len(frame.Bytes())) {
			x.Batch, x.Owner = bytes.Clone(x.Batch), nil
		}
		p.waiting.Add(1)
		x.log.Append(ctx, &x.Append)
	}
	p.answered(nil)
}

// keepLast drops all but the last batch of a partition that the request names more than once, and puts together the partitions of a topic, as Kafka does.
func (p *produce) keepLast() {
	topics := p.req.Topics
	if len(topics) == 1 && len(topics[0].Partitions) == 1 {
		return
	}
	const whole = -1 // stands for the topic: no partition has that number, and one that is asked for is only looked at twice
	clear(p.named)
	twice := false
	for i := range topics {
		key := partKey{topic: topics[i].Topic, id: topics[i].TopicID, partition: whole}
		twice = twice || p.named[key]
		p.named[key] = true
		for j := range topics[i].Partitions {
			key.partition = topics[i].Partitions[j].Partition
			twice = twice || p.named[key]
			p.named[key] = true
		}
	}
	if !twice {
		return
	}
	found, at := make(map[partKey]int), make(map[partKey]int, len(p.named)) // places of topics in kept, and of partitions in them
	var kept []kmsg.ProduceRequestTopic
	for _, t := range topics {
		key := partKey{topic: t.Topic, id: t.TopicID, partition: whole}
		i, ok := found[key]
		if !ok {
			i = len(kept)
			found[key] = i
			kept = append(kept, kmsg.ProduceRequestTopic{Topic: t.Topic, TopicID: t.TopicID})
		}
		for _, q := range t.Partitions {
			key.partition = q.Partition
			if j, ok := at[key]; ok {
				kept[i].Partitions[j] = q
				continue
			}
			at[key] = len(kept[i].Partitions)
			kept[i].Partitions = append(kept[i].Partitions, q)
		}
	}
	p.req.Topics = kept
}

// answered is called once for each batch that was appended, and once by begin.
func (p *produce) answered(*commitlog.Append) {
	n := p.waiting.Add(-1)
	invariant.Check(n >= 0, "a produce request was answered too often")
	if n == 0 {
		p.done <- struct{}{} // buffered
	}
}

// topic finds the topic, and refuses what is wrong with the request as a whole.
func (p *produce) topic(s *Server, t *kmsg.ProduceRequestTopic) (*store.Topic, error) {
	switch {
	case p.req.Version < 3:
		return nil, refuse(kerr.UnsupportedVersion, "record batches of format 2 need version 3 of this request at least")
	case p.req.Acks < -1 || p.req.Acks > 1:
		return nil, refuse(kerr.InvalidRequiredAcks, "acks must be -1, 0 or 1")
	}
	topic := s.store.Topic(t.Topic)
	if p.req.Version >= 13 {
		if topic = s.store.TopicByID(t.TopicID); topic == nil {
			return nil, errNoTopicID
		}
	}
	switch {
	case topic == nil:
		return nil, errNoTopic
	case catalog.IsInternal(topic.Name):
		return nil, refuse(kerr.InvalidTopicException, "cannot append to the internal topic "+topic.Name)
	}
	return topic, nil
}

// prepare makes one partition's records ready to be appended.
func (p *produce) prepare(s *Server, x *produced, t *store.Topic, in *kmsg.ProduceRequestTopicPartition) error {
	if in.Partition < 0 || int(in.Partition) >= len(t.Partitions) {
		return errNoTopic
	}
	b, rest, err := batch.Next(in.Records)
	if err == nil && len(rest) > 0 {
		// Kafka does not look at what is too short for another batch.
		if _, _, err = batch.Next(rest); err == nil {
			return errOneBatch
		} else if errors.Is(err, batch.ErrShort) {
			err = nil
		}
	}
	switch {
	case errors.Is(err, batch.ErrShort):
		return errOneBatch
	case errors.Is(err, batch.ErrMagic) && batch.Batch(in.Records).Magic() < 2:
		return refuse(kerr.InvalidRecord, err.Error()) // an old format is not corrupt
	case err != nil:
		return err
	case p.req.Version < 7 && b.Compression() == batch.ZSTD:
		return refuse(kerr.UnsupportedCompressionType, "zstd needs version 7 of this request at least")
	case b.Transactional() && p.req.TransactionID == nil:
		return refuse(kerr.TransactionalIDAuthorizationFailed, "a batch of a transaction needs a transactional id")
	case b.Transactional():
		return refuse(kerr.InvalidTxnState, "no transaction is open: this broker does not serve transactions yet")
	}
	x.log, x.Owner, x.stampedAt = t.Partitions[in.Partition], p.frame, -1
	if x.Batch, err = s.conform(x, b, &t.Settings); err != nil {
		x.Start = x.log.Start()
	}
	return err
}

// conform checks a batch against its topic's settings and gives it the compression and the time that they ask for.
func (s *Server) conform(x *produced, b batch.Batch, t *catalog.Settings) (batch.Batch, error) {
	rules := batch.Rules{
		MaxBytes: int(t.MaxMessageBytes), MaxDecompressed: s.conf.DecompressedBytes, Now: x.Now,
		TimestampBefore: t.TimestampBeforeMs, TimestampAfter: t.TimestampAfterMs, RequireKey: t.Compact,
	}
	if t.LogAppendTime {
		rules.TimestampType = batch.LogAppendTime
	}
	codec := b.Compression()
	if t.Compression != "producer" {
		var err error
		if codec, err = batch.ParseCodec(t.Compression); err != nil {
			return b, err
		}
	}
	if b.Compression() != batch.None || codec != batch.None {
		s.unpacking <- struct{}{} // so that the memory for it is bounded
		defer func() { <-s.unpacking }()
	}
	if err := b.Validate(rules); err != nil {
		return b, err
	}
	if codec != b.Compression() {
		out, err := b.Recompress(nil, codec, t.CompressionLevel, s.conf.DecompressedBytes, rules.MaxBytes)
		if errors.Is(err, batch.ErrTooLarge) {
			err = refuse(kerr.MessageTooLarge, "the batch is larger than max.message.bytes with the topic's compression.type")
		}
		if err != nil {
			return b, err
		}
		b, x.Owner = out, nil
	}
	if t.LogAppendTime {
		b.StampAppendTime(x.Now)
		x.stampedAt = x.Now
	}
	return b, nil
}

// answerProduce waits until all batches of a request are answered and answers the request.
func (c *conn) answerProduce(call *call) {
	p := call.produce
	select {
	case <-p.done:
	default:
		c.flush()
		<-p.done
	}
	c.srv.stats.produce.add(time.Since(call.start))
	resp, err := p.response(c.srv)
	switch {
	case c.gone:
	case p.req.Acks != 0:
		if c.out = wire.AppendResponse(c.out, call.head, resp); len(c.out) > outBuffer {
			c.flush()
		}
	case err != nil: // the client cannot be told otherwise
		c.srv.log.Info("connection closed: a produce request with acks=0 failed", "peer", c.nc.RemoteAddr(), "client", call.head.ClientID, "err", err)
		c.flush()
		c.hangUp()
	}
	p.recycle(c.srv)
}

// response says what became of each partition. The error is the first one.
func (p *produce) response(s *Server) (_ *kmsg.ProduceResponse, first error) {
	r := &p.resp
	r.Version, r.Topics = p.req.Version, r.Topics[:0]
	if cap(p.partitions) < len(p.parts) {
		p.partitions = make([]kmsg.ProduceResponseTopicPartition, len(p.parts))
	}
	at := 0
	for i := range p.req.Topics {
		in := &p.req.Topics[i]
		out := p.partitions[at : at+len(in.Partitions)]
		for j := range out {
			x := &p.parts[at+j]
			out[j] = p.partition(s, in.Partitions[j].Partition, x)
			if first == nil {
				first = x.Err
			}
		}
		at += len(out)
		r.Topics = append(r.Topics, kmsg.ProduceResponseTopic{Topic: in.Topic, TopicID: in.TopicID, Partitions: out})
	}
	return r, first
}

func (p *produce) partition(s *Server, number int32, x *produced) kmsg.ProduceResponseTopicPartition {
	out := kmsg.NewProduceResponseTopicPartition()
	out.Partition = number
	out.BaseOffset, out.LogAppendTime, out.LogStartOffset = -1, -1, -1
	if x.Err == nil {
		out.BaseOffset, out.LogAppendTime, out.LogStartOffset = x.BaseOffset, x.stampedAt, x.Start
		if x.Duplicate {
			out.LogAppendTime = x.Timestamp // as Kafka answers
		}
		return out
	}
	err := x.Err
	if p.req.Version >= 13 && errors.Is(err, commitlog.ErrDeleted) {
		err = errNoTopicID
	}
	out.ErrorCode, out.ErrorMessage = s.fault(err)
	switch out.ErrorCode {
	case kerr.InvalidRecord.Code, kerr.InvalidTimestamp.Code, kerr.OutOfOrderSequenceNumber.Code, kerr.InvalidProducerEpoch.Code:
		if x.log != nil {
			out.LogStartOffset = x.Start
		}
	}
	var refused *batch.Error
	if errors.As(err, &refused) {
		for i := range refused.Records {
			rec := kmsg.NewProduceResponseTopicPartitionErrorRecord()
			rec.RelativeOffset, rec.ErrorMessage = int32(refused.Records[i].Index), &refused.Records[i].Detail
			out.ErrorRecords = append(out.ErrorRecords, rec)
		}
	}
	return out
}

// recycle lets go of everything and makes p ready for another request.
func (p *produce) recycle(s *Server) {
	p.frame.Release()
	clear(p.parts)
	clear(p.partitions[:cap(p.partitions)])
	clear(p.resp.Topics)
	p.req, p.frame, p.parts, p.resp.Topics = nil, nil, p.parts[:0], p.resp.Topics[:0]
	if cap(p.parts) <= 1024 {
		s.produces.Put(p)
	}
}
