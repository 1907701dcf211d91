package compat

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	churnMembers    = 60
	churnPartitions = 24
	churnTopic      = "churn"
	churnGroup      = "churners"
)

// TestGroupUnderChurn has sixty members join, leave, pause and die, ten times a second: no partition ever has two owners in a generation, committed offsets never go back, the
// group is stable within ten seconds after the end, and every record was processed. BOBBIN_CHURN says for how long; 20 s when it is not set.
func TestGroupUnderChurn(t *testing.T) {
	newChurn(t, startBobbin(t, churnSettings...)).run()
}

// TestGroupUnderChurnAndKills is the same while the broker is killed every few seconds.
func TestGroupUnderChurnAndKills(t *testing.T) {
	s := startBobbin(t, churnSettings...)
	if s.cmd == nil {
		t.Skip("BOBBIN_BOOTSTRAP is set: that broker is not ours to kill")
	}
	c := newChurn(t, s)
	end := s.killEvery(t, 4*time.Second)
	c.beforeCalm = func() { t.Logf("%d kills", end()) }
	c.run()
}

var churnSettings = []string{"group.min.session.timeout.ms=500", "group.initial.rebalance.delay.ms=0"}

// churn is one run of the test and what it saw.
type churn struct {
	t          *testing.T
	s          *server
	length     time.Duration
	beforeCalm func()
	dice       *rand.Rand

	mu        sync.Mutex
	owners    map[int32]map[int32]string // by generation and partition
	processed map[int32]map[int64]bool   // by partition
	written   map[int32]int64            // records by partition
}

func newChurn(t *testing.T, s *server) *churn {
	length := 20 * time.Second
	if v := os.Getenv("BOBBIN_CHURN"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatalf("BOBBIN_CHURN: %v", err)
		}
		length = d
	}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	return &churn{
		t: t, s: s, length: length, beforeCalm: func() {}, dice: rand.New(rand.NewPCG(seed, 1)),
		owners: map[int32]map[int32]string{}, processed: map[int32]map[int64]bool{}, written: map[int32]int64{},
	}
}

func (c *churn) run() {
	t := c.t
	makeTopic(t, c.s.addr, churnTopic, churnPartitions)
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	var others, leaving sync.WaitGroup
	writing, endWriting := context.WithCancel(ctx)
	others.Go(func() { c.write(writing) })
	others.Go(func() { c.watchCommits(ctx) })

	members := map[int]*churner{}
	next := 0
	join := func() {
		next++
		members[next] = c.join(ctx, fmt.Sprintf("member-%d", next))
	}
	for range churnMembers {
		join()
	}
	events := map[string]int{}
	for end := time.Now().Add(c.length); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		what := c.dice.IntN(4)
		if len(members) < churnMembers/2 || what == 0 && len(members) < churnMembers {
			events["joined"]++
			join()
			continue
		}
		for id, m := range members { // any
			switch what {
			case 1:
				events["paused"]++
				m.gate.pause(time.Duration(500+c.dice.IntN(4000)) * time.Millisecond)
			case 2:
				events["died"]++
				m.gate.die()
				leaving.Go(func() { m.leave(false) })
				delete(members, id)
			default:
				events["left"]++
				leaving.Go(func() { m.leave(true) })
				delete(members, id)
			}
			break
		}
	}
	t.Logf("events: %v", events)
	c.beforeCalm()
	endWriting()
	calm, cancel := context.WithTimeout(ctx, 10*time.Second)
	awaitMembers(t, calm, c.s.addr, churnGroup, len(members))
	cancel()
	c.awaitAll(members)
	for _, m := range members {
		leaving.Go(func() { m.leave(true) })
	}
	leaving.Wait()
	stop()
	others.Wait()
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for p, n := range c.written {
		total += int(n)
		if got := len(c.processed[p]); int64(got) != n {
			t.Errorf("partition %d: %d of %d records were processed", p, got, n)
		}
	}
	t.Logf("%d records in %d generations", total, len(c.owners))
	if len(c.owners) < 5 {
		t.Errorf("only %d generations: nothing was churned", len(c.owners))
	}
}

// write appends a record to each partition in turn, a few hundred a second.
func (c *churn) write(ctx context.Context) {
	w := franz(c.t, c.s.addr, kgo.DefaultProduceTopic(churnTopic), kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.AlwaysRetryEOF())
	pause := time.NewTicker(20 * time.Millisecond)
	defer pause.Stop()
	for i := 0; ; i++ {
		for range 8 {
			r := &kgo.Record{Partition: int32(i % churnPartitions), Value: fmt.Append(nil, i)}
			i++
			w.Produce(context.WithoutCancel(ctx), r, func(r *kgo.Record, err error) {
				if err != nil {
					c.t.Errorf("write: %v", err)
					return
				}
				c.mu.Lock()
				c.written[r.Partition] = max(c.written[r.Partition], r.Offset+1)
				c.mu.Unlock()
			})
		}
		select {
		case <-pause.C:
		case <-ctx.Done():
			if err := w.Flush(context.WithoutCancel(ctx)); err != nil {
				c.t.Errorf("write: %v", err)
			}
			return
		}
	}
}

// watchCommits reads the committed offsets all the time: none ever goes back.
func (c *churn) watchCommits(ctx context.Context) {
	client := franz(c.t, c.s.addr, kgo.AlwaysRetryEOF())
	highest := slices.Repeat([]int64{-1}, churnPartitions)
	for ctx.Err() == nil {
		offsets, err := fetchCommitted(ctx, client, churnGroup, churnTopic, churnPartitions)
		for p, o := range offsets {
			if err == nil && o < highest[p] {
				c.t.Errorf("partition %d: the committed offset went back from %d to %d", p, highest[p], o)
			}
			if err == nil {
				highest[p] = o
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// awaitAll waits until every record was processed.
func (c *churn) awaitAll(members map[int]*churner) {
	deadline := time.Now().Add(30 * time.Second)
	for time.Now().Before(deadline) {
		c.mu.Lock()
		missing := 0
		for p, n := range c.written {
			missing += int(n) - len(c.processed[p])
		}
		c.mu.Unlock()
		if missing == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	c.t.Errorf("not all records were processed within 30 s by %d members", len(members))
}

// churner is one member.
type churner struct {
	name   string
	client *kgo.Client
	gate   *gate
	leave  func(politely bool)
}

func (c *churn) join(ctx context.Context, name string) *churner {
	m := &churner{name: name, gate: &gate{}}
	ctx, cancel := context.WithCancel(ctx)
	client, err := kgo.NewClient(
		kgo.SeedBrokers(c.s.addr), kgo.ClientID(name), kgo.ConsumerGroup(churnGroup), kgo.ConsumeTopics(churnTopic), kgo.Dialer(m.gate.dial),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.Balancers(kgo.RangeBalancer()), kgo.SessionTimeout(2*time.Second), kgo.HeartbeatInterval(200*time.Millisecond),
		kgo.RebalanceTimeout(4*time.Second), kgo.DisableAutoCommit(), kgo.BlockRebalanceOnPoll(), kgo.AlwaysRetryEOF(), kgo.FetchMaxWait(200*time.Millisecond),
		kgo.OnPartitionsAssigned(func(_ context.Context, cl *kgo.Client, got map[string][]int32) { c.own(cl, got[churnTopic]) }),
	)
	if err != nil {
		c.t.Fatal(err)
	}
	m.client = client
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.consume(ctx, client)
	}()
	m.leave = func(politely bool) {
		cancel()
		<-ended
		if politely {
			left, cancel := context.WithTimeout(context.Background(), 5*time.Second)
			client.LeaveGroupContext(left)
			cancel()
		}
		client.CloseAllowingRebalance()
	}
	return m
}

// own notes who owns partitions in a generation: nobody else may.
func (c *churn) own(cl *kgo.Client, partitions []int32) {
	member, generation := cl.GroupMetadata()
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.owners[generation] == nil {
		c.owners[generation] = map[int32]string{}
	}
	for _, p := range partitions {
		if other := c.owners[generation][p]; other != "" && other != member {
			c.t.Errorf("generation %d: partition %d belongs to %s and to %s", generation, p, other, member)
		}
		c.owners[generation][p] = member
	}
}

func (c *churn) consume(ctx context.Context, client *kgo.Client) {
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 500)
		var last []*kgo.Record
		fetches.EachPartition(func(p kgo.FetchTopicPartition) {
			if len(p.Records) > 0 {
				last = append(last, p.Records[len(p.Records)-1])
			}
		})
		c.mu.Lock()
		fetches.EachRecord(func(r *kgo.Record) {
			if c.processed[r.Partition] == nil {
				c.processed[r.Partition] = map[int64]bool{}
			}
			c.processed[r.Partition][r.Offset] = true
		})
		c.mu.Unlock()
		if len(last) > 0 {
			committing, cancel := context.WithTimeout(ctx, 3*time.Second)
			client.CommitRecords(committing, last...) // a refusal is part of the game: somebody else has the partition then
			cancel()
		}
		client.AllowRebalance()
	}
}

// gate stands between a member and the network.
type gate struct {
	dead  atomic.Bool
	until atomic.Int64 // paused until then, in nanoseconds since 1970
	mu    sync.Mutex
	open  []net.Conn
}

var errDead = errors.New("this member is dead")

func (g *gate) pause(d time.Duration) { g.until.Store(time.Now().Add(d).UnixNano()) }

// die cuts all connections, and none is made any more: nobody is told that the member has gone.
func (g *gate) die() {
	g.dead.Store(true)
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, c := range g.open {
		c.Close()
	}
}

func (g *gate) wait() error {
	if d := time.Until(time.Unix(0, g.until.Load())); d > 0 {
		time.Sleep(d)
	}
	if g.dead.Load() {
		return errDead
	}
	return nil
}

func (g *gate) dial(ctx context.Context, network, host string) (net.Conn, error) {
	if err := g.wait(); err != nil {
		return nil, err
	}
	var d net.Dialer
	c, err := d.DialContext(ctx, network, host)
	if err != nil {
		return nil, err
	}
	g.mu.Lock()
	g.open = append(g.open, c)
	g.mu.Unlock()
	return gated{c, g}, nil
}

type gated struct {
	net.Conn
	gate *gate
}

func (c gated) Write(b []byte) (int, error) {
	if err := c.gate.wait(); err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}
