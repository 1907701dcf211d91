package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/batch"
)

const (
	leanTick     = time.Millisecond
	leanInFlight = 256
	leanValue    = 1024
	leanBatch    = 512 // records: a batch of more is too large for a broker's max.message.bytes
)

// lean is a writer and a reader that do no more than the protocol asks for: a Produce request a millisecond with the records that are due, each to its topic, and one fetch session of all topics. A client of many
// partitions that looks at each of them for every request takes more of the machine than the broker does; with lean ones the broker is what is measured.
type lean struct {
	client *kgo.Client
	broker *kgo.Broker
	topics []kadm.TopicDetail // of one partition
	rate   int
	start  time.Time
	end    time.Time
}

// leanTurn gives a turn of end-to-end latency at a rate over so many topics, from a record's intended moment until its fetch response is read.
func (b *bench) leanTurn(server server, rate, topics int) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := server(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		if err := createTopics(ctx, p.addr, "lean", topics); err != nil {
			return nil, err
		}
		l, err := b.openLean(ctx, p.addr, rate, topics)
		if err != nil {
			return nil, err
		}
		defer l.client.Close()
		before, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		took, err := l.run(ctx)
		if err != nil {
			return nil, err
		}
		after, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		f, err := b.latencies(latencyFigures(took), rate)
		if err != nil {
			return nil, err
		}
		f["cpu_s"] = after - before
		return f, nil
	}
}

func (b *bench) openLean(ctx context.Context, addr string, rate, topics int) (*lean, error) {
	client, err := newClient(addr)
	if err != nil {
		return nil, err
	}
	l := &lean{client: client, rate: rate}
	details, err := kadm.NewClient(client).ListTopics(ctx)
	if err == nil {
		err = details.Error()
	}
	var brokers kadm.BrokerDetails
	if err == nil {
		brokers, err = kadm.NewClient(client).ListBrokers(ctx)
	}
	if err != nil {
		client.Close()
		return nil, fmt.Errorf("look at %d topics: %w", topics, err)
	}
	for _, d := range details.TopicsList() {
		if t := details[d.Topic]; !t.IsInternal {
			l.topics = append(l.topics, t)
		}
	}
	if len(l.topics) != topics || len(brokers) != 1 {
		client.Close()
		return nil, fmt.Errorf("there are %d topics on %d brokers, want %d on one", len(l.topics), len(brokers), topics)
	}
	l.broker = client.Broker(int(brokers[0].NodeID))
	l.start = time.Now().Add(time.Second) // until then the session is there
	l.end = l.start.Add(b.e2eFor)
	return l, nil
}

// run writes and reads, and returns the latencies of what was due after the first second, which warms up.
func (l *lean) run(ctx context.Context) (took []time.Duration, err error) {
	ctx, cancel := context.WithDeadline(ctx, l.end.Add(5*time.Second))
	defer cancel()
	total := int(l.end.Sub(l.start).Seconds() * float64(l.rate))
	var reading sync.WaitGroup
	var failed error
	reading.Go(func() {
		if took, failed = l.read(ctx, total); failed != nil {
			cancel()
		}
	})
	err = l.write(ctx, total)
	if err != nil {
		cancel()
	}
	reading.Wait()
	return took, errors.Join(err, failed)
}

// due is the moment at which a record is to be written.
func (l *lean) due(i int) time.Time {
	return l.start.Add(time.Duration(i) * time.Second / time.Duration(l.rate))
}

// write sends what is due, tick by tick, whether or not earlier requests are answered.
func (l *lean) write(ctx context.Context, total int) (err error) {
	var (
		sending sync.WaitGroup
		slots   = make(chan struct{}, leanInFlight)
		refused = make(chan error, 1)
	)
	defer func() {
		sending.Wait()
		select {
		case failed := <-refused:
			err = errors.Join(err, failed)
		default:
		}
	}()
	for next := 0; next < total; {
		if err := pause(ctx, time.Until(l.due(next).Add(leanTick))); err != nil {
			return err
		}
		from, now := next, time.Now()
		for next < min(total, from+leanBatch*len(l.topics)) && !l.due(next).After(now) {
			next++
		}
		request := l.request(from, next)
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		sending.Go(func() {
			defer func() { <-slots }()
			if err := l.send(ctx, request); err != nil {
				select {
				case refused <- err:
				default:
				}
			}
		})
	}
	return nil
}

// request has the records of these numbers, those of one topic in one batch.
func (l *lean) request(from, to int) *kmsg.ProduceRequest {
	r := kmsg.NewPtrProduceRequest()
	r.Acks, r.TimeoutMillis = -1, 10_000
	value := make([]byte, leanValue)
	for first := from; first < min(to, from+len(l.topics)); first++ {
		b := batch.NewBuilder(batch.NoProducer())
		for i := first; i < to; i += len(l.topics) {
			due := l.due(i)
			binary.LittleEndian.PutUint64(value, uint64(due.UnixNano()))
			b.Append(due.UnixMilli(), nil, value)
		}
		t := &l.topics[first%len(l.topics)]
		r.Topics = append(r.Topics, kmsg.ProduceRequestTopic{Topic: t.Topic, TopicID: t.ID, Partitions: []kmsg.ProduceRequestTopicPartition{{Records: b.Build(nil)}}})
	}
	return r
}

func (l *lean) send(ctx context.Context, r *kmsg.ProduceRequest) error {
	answer, err := l.broker.Request(ctx, r)
	if err != nil {
		return fmt.Errorf("produce: %w", err)
	}
	for i, t := range answer.(*kmsg.ProduceResponse).Topics {
		for _, p := range t.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return fmt.Errorf("produce to %s: %w", r.Topics[i].Topic, err)
			}
		}
	}
	return nil
}

// read goes on until it has as many records as there are.
func (l *lean) read(ctx context.Context, total int) ([]time.Duration, error) {
	took := make([]time.Duration, 0, total)
	warm := l.start.Add(time.Second)
	r := kmsg.NewPtrFetchRequest()
	r.MaxWaitMillis, r.MinBytes, r.MaxBytes, r.SessionEpoch = 500, 1, 50<<20, 0
	for _, t := range l.topics {
		r.Topics = append(r.Topics, fetchOf(t.Topic, t.ID, 0))
	}
	for n := 0; n < total; {
		response, err := l.broker.Request(ctx, r)
		if err != nil {
			return nil, fmt.Errorf("fetch, after %d of %d records: %w", n, total, err)
		}
		now, answer := time.Now(), response.(*kmsg.FetchResponse)
		if err := kerr.ErrorForCode(answer.ErrorCode); err != nil {
			return nil, fmt.Errorf("fetch: %w", err)
		}
		if r.SessionID, r.Topics = answer.SessionID, r.Topics[:0]; r.SessionID != 0 {
			r.SessionEpoch++
		} else {
			return nil, errors.New("fetch: the broker keeps no session of all topics")
		}
		for i := range answer.Topics {
			t := &answer.Topics[i]
			p := &t.Partitions[0]
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, fmt.Errorf("fetch of %s: %w", t.Topic, err)
			}
			next := int64(-1)
			for rest := p.RecordBatches; len(rest) > 0; {
				x, after, err := batch.Next(rest)
				if err != nil {
					break // the last one is not whole
				}
				for record, err := range x.Records(batch.NoLimit) {
					if err != nil {
						return nil, fmt.Errorf("read a batch of %s: %w", t.Topic, err)
					}
					due := time.Unix(0, int64(binary.LittleEndian.Uint64(record.Value)))
					if n++; !due.Before(warm) {
						took = append(took, now.Sub(due))
					}
				}
				rest, next = after, x.NextOffset()
			}
			if next >= 0 {
				r.Topics = append(r.Topics, fetchOf(t.Topic, t.TopicID, next))
			}
		}
	}
	return took, nil
}

// fetchOf asks for the only partition of a topic, from an offset on.
func fetchOf(topic string, id [16]byte, offset int64) kmsg.FetchRequestTopic {
	p := kmsg.NewFetchRequestTopicPartition()
	p.FetchOffset, p.PartitionMaxBytes = offset, 1<<20
	return kmsg.FetchRequestTopic{Topic: topic, TopicID: id, Partitions: []kmsg.FetchRequestTopicPartition{p}}
}
