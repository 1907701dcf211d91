package compat

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/IBM/sarama"
	"github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// tally counts who read what.
type tally struct {
	mu    sync.Mutex
	seen  map[string]int // reads of each record, by partition/offset
	by    map[string]int // records by reader
	whole chan struct{}  // closed when every record was read and every reader read some
	want  int
	who   int
}

func newTally(records, readers int) *tally {
	return &tally{seen: map[string]int{}, by: map[string]int{}, whole: make(chan struct{}), want: records, who: readers}
}

func (t *tally) add(reader string, partition int32, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.seen[fmt.Sprintf("%d/%d", partition, offset)]++
	t.by[reader]++
	if len(t.seen) == t.want && len(t.by) == t.who {
		select {
		case <-t.whole:
		default:
			close(t.whole)
		}
	}
}

// expect makes the tally whole with so many records, and so many readers from now on.
func (t *tally) expect(records, readers int) <-chan struct{} {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.want, t.who, t.by, t.whole = records, readers, map[string]int{}, make(chan struct{})
	return t.whole
}

func (t *tally) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return fmt.Sprintf("%d of %d records, by %v", len(t.seen), t.want, t.by)
}

// TestThreeClientsShareAGroup has franz-go, sarama and kafka-go in one group: each gets a share of the partitions, whoever leads, and together they read every record and commit it.
func TestThreeClientsShareAGroup(t *testing.T) {
	addr := startBobbin(t, "group.initial.rebalance.delay.ms=1000").addr
	const topic, group, partitions, records = "shared", "three-clients", 6, 1200
	makeTopic(t, addr, topic, partitions)
	ctx, cancel := context.WithTimeout(context.Background(), 90*time.Second)
	defer cancel()
	read := newTally(records, 3)
	var readers sync.WaitGroup
	reading, stop := context.WithCancel(ctx)
	readers.Go(func() { readFranz(t, reading, addr, topic, group, read) })
	readers.Go(func() { readSarama(t, reading, addr, topic, group, read) })
	readers.Go(func() { readKafkaGo(t, reading, addr, topic, group, read) })
	awaitMembers(t, ctx, addr, group, 3)
	writer := franz(t, addr, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	for i := range records {
		writer.Produce(ctx, &kgo.Record{Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("write: %v", err)
			}
		})
	}
	if err := writer.Flush(ctx); err != nil {
		t.Fatal(err)
	}
	select {
	case <-read.whole:
	case <-ctx.Done():
		t.Errorf("after 90 s: %v", read)
	}
	stop()
	readers.Wait()
	if n := committed(t, addr, group, topic, partitions); n != records && !t.Failed() {
		t.Errorf("%d records are committed, want %d", n, records)
	}
}

func readFranz(t *testing.T, ctx context.Context, addr, topic, group string, read *tally) {
	c, err := kgo.NewClient(kgo.SeedBrokers(addr), kgo.ConsumerGroup(group), kgo.ConsumeTopics(topic), kgo.Balancers(kgo.RangeBalancer()),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.AutoCommitInterval(200*time.Millisecond))
	if err != nil {
		t.Error(err)
		return
	}
	defer c.Close()
	for ctx.Err() == nil {
		c.PollFetches(ctx).EachRecord(func(r *kgo.Record) { read.add("franz-go", r.Partition, r.Offset) })
	}
	if err := c.CommitUncommittedOffsets(context.WithoutCancel(ctx)); err != nil {
		t.Errorf("franz-go: last commit: %v", err)
	}
}

// saramaReader is what sarama calls.
type saramaReader struct{ read *tally }

func (saramaReader) Setup(sarama.ConsumerGroupSession) error   { return nil }
func (saramaReader) Cleanup(sarama.ConsumerGroupSession) error { return nil }
func (h saramaReader) ConsumeClaim(s sarama.ConsumerGroupSession, c sarama.ConsumerGroupClaim) error {
	for {
		select {
		case m, ok := <-c.Messages():
			if !ok {
				return nil
			}
			h.read.add("sarama", m.Partition, m.Offset)
			s.MarkMessage(m, "")
		case <-s.Context().Done():
			return nil
		}
	}
}

func readSarama(t *testing.T, ctx context.Context, addr, topic, group string, read *tally) {
	conf := sarama.NewConfig()
	conf.Version = sarama.V3_6_0_0
	conf.Consumer.Offsets.Initial = sarama.OffsetOldest
	conf.Consumer.Group.Rebalance.GroupStrategies = []sarama.BalanceStrategy{sarama.NewBalanceStrategyRange()}
	conf.Consumer.Offsets.AutoCommit.Interval = 200 * time.Millisecond
	g, err := sarama.NewConsumerGroup([]string{addr}, group, conf)
	if err != nil {
		t.Errorf("sarama: %v", err)
		return
	}
	defer g.Close()
	for ctx.Err() == nil {
		if err := g.Consume(ctx, []string{topic}, saramaReader{read}); err != nil && ctx.Err() == nil {
			t.Errorf("sarama: %v", err)
			return
		}
	}
}

func readKafkaGo(t *testing.T, ctx context.Context, addr, topic, group string, read *tally) {
	r := kafka.NewReader(kafka.ReaderConfig{
		Brokers: []string{addr}, GroupID: group, Topic: topic, StartOffset: kafka.FirstOffset, MaxWait: 100 * time.Millisecond,
		GroupBalancers: []kafka.GroupBalancer{kafka.RangeGroupBalancer{}},
	})
	defer r.Close()
	for {
		m, err := r.FetchMessage(ctx)
		if err != nil {
			if !errors.Is(err, context.Canceled) && ctx.Err() == nil {
				t.Errorf("kafka-go: %v", err)
			}
			return
		}
		read.add("kafka-go", int32(m.Partition), m.Offset)
		if err := r.CommitMessages(context.WithoutCancel(ctx), m); err != nil {
			t.Errorf("kafka-go: commit: %v", err)
		}
	}
}

// TestKcatGroup has two kcats in a balanced group: each gets partitions, and one takes over what the other leaves.
func TestKcatGroup(t *testing.T) {
	if _, err := exec.LookPath("kcat"); err != nil {
		t.Skip("kcat is not installed")
	}
	addr := startBobbin(t, "group.initial.rebalance.delay.ms=500").addr
	const topic, group = "kcat-group", "kcats"
	makeTopic(t, addr, topic, 4)
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	read := newTally(400, 2)
	first, second := startKcat(t, ctx, addr, group, topic, "first", read), startKcat(t, ctx, addr, group, topic, "second", read)
	awaitMembers(t, ctx, addr, group, 2)
	produceLines(t, addr, topic, 400)
	select {
	case <-read.whole:
	case <-ctx.Done():
		t.Fatalf("after a minute: %v", read)
	}
	first() // leaves
	awaitMembers(t, ctx, addr, group, 1)
	all := read.expect(800, 1)
	produceLines(t, addr, topic, 400)
	select {
	case <-all:
	case <-ctx.Done():
		t.Errorf("after one has left: %v", read)
	}
	second()
}

// startKcat starts a kcat in a group; the function that is returned ends it politely.
func startKcat(t *testing.T, ctx context.Context, addr, group, topic, name string, read *tally) (end func()) {
	cmd := exec.CommandContext(ctx, "kcat", "-b", addr, "-G", group, "-X", "auto.offset.reset=earliest", "-X", "session.timeout.ms=6000", "-u", "-f", "%p %o\n", topic)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for {
			var p int32
			var o int64
			if _, err := fmt.Fscanf(out, "%d %d\n", &p, &o); err != nil {
				return
			}
			read.add(name, p, o)
		}
	}()
	end = sync.OnceFunc(func() {
		cmd.Process.Signal(os.Interrupt)
		<-ended
		cmd.Wait()
	})
	t.Cleanup(end)
	return end
}

func produceLines(t *testing.T, addr, topic string, n int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	w := franz(t, addr, kgo.DefaultProduceTopic(topic), kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	for i := range n {
		w.Produce(ctx, &kgo.Record{Value: fmt.Append(nil, i)}, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Errorf("write: %v", err)
			}
		})
	}
	if err := w.Flush(ctx); err != nil {
		t.Fatal(err)
	}
}

// awaitMembers waits until a group is stable with that many members.
func awaitMembers(t *testing.T, ctx context.Context, addr, group string, n int) {
	t.Helper()
	c := franz(t, addr)
	req := kmsg.NewPtrDescribeGroupsRequest()
	req.Groups = []string{group}
	state := ""
	for {
		resp, err := req.RequestWith(ctx, c)
		if err == nil && len(resp.Groups) == 1 {
			g := resp.Groups[0]
			if state = fmt.Sprintf("%s with %d members", g.State, len(g.Members)); g.State == "Stable" && len(g.Members) == n {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("group %s is %s, want Stable with %d (%v)", group, state, n, err)
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// committed is the sum of a group's offsets in a topic whose records begin at 0.
func committed(t *testing.T, addr, group, topic string, partitions int32) int64 {
	t.Helper()
	sum := int64(0)
	for _, o := range committedOffsets(t, addr, group, topic, partitions) {
		sum += max(o, 0)
	}
	return sum
}

func committedOffsets(t *testing.T, addr, group, topic string, partitions int32) []int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	offsets, err := fetchCommitted(ctx, franz(t, addr), group, topic, partitions)
	if err != nil {
		t.Fatalf("offsets of %s: %v", group, err)
	}
	return offsets
}

func fetchCommitted(ctx context.Context, c *kgo.Client, group, topic string, partitions int32) ([]int64, error) {
	req := kmsg.NewPtrOffsetFetchRequest()
	req.Group = group
	rt := kmsg.NewOffsetFetchRequestTopic()
	rt.Topic = topic
	for p := range partitions {
		rt.Partitions = append(rt.Partitions, p)
	}
	req.Topics = append(req.Topics, rt)
	resp, err := req.RequestWith(ctx, c)
	if err == nil {
		err = kerr.ErrorForCode(resp.ErrorCode)
	}
	if err != nil {
		return nil, err
	}
	offsets := make([]int64, partitions)
	for _, x := range resp.Topics {
		for _, p := range x.Partitions {
			if err := kerr.ErrorForCode(p.ErrorCode); err != nil {
				return nil, err
			}
			offsets[p.Partition] = p.Offset
		}
	}
	return offsets, nil
}
