package kafka

import (
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// member runs a feed and keeps what it was told and what it read.
type member struct {
	*Feed
	t      testing.TB
	group  bool
	owners *sync.Map // of the group's partitions
	stop   context.CancelFunc
	done   chan struct{}

	mu     sync.Mutex
	told   []string        // "+0 1" assigned, "-0" revoked, "!0" lost, "0:value" read
	next   map[int32]int64 // behind what was read
	commit bool            // in Revoked
	err    error           // that ended Poll
	got    map[string]int  // how often a value was read
	values map[int32][]string
}

func join(c *cluster, client *Client, opts FeedOptions) *member {
	c.t.Helper()
	m := &member{t: c.t, group: opts.Group != "", owners: &c.owners, done: make(chan struct{}), next: make(map[int32]int64), got: make(map[string]int), values: make(map[int32][]string), commit: opts.Group != ""}
	opts.Topic = c.name
	opts.Assigned = func(_ context.Context, ps []int32) { m.tell("+", ps) }
	opts.Lost = func(ps []int32) { m.tell("!", ps) }
	opts.Revoked = func(ctx context.Context, ps []int32) {
		m.tell("-", ps)
		if m.commit {
			if err := m.Commit(ctx, m.reached(ps)); err != nil {
				m.t.Errorf("commit when revoked: %v", err)
			}
		}
	}
	var err error
	if m.Feed, err = client.NewFeed(c.context(), opts); err != nil {
		c.t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	go func() {
		defer close(m.done)
		for {
			batches, err := m.Poll(ctx)
			if err != nil {
				m.err = err
				return
			}
			m.mu.Lock()
			for _, b := range batches {
				for _, r := range b.Records {
					v := string(r.Value)
					m.told = append(m.told, fmt.Sprintf("%d:%s", b.Partition, v))
					m.got[v]++
					m.values[b.Partition] = append(m.values[b.Partition], v)
				}
				m.next[b.Partition] = b.Next
			}
			m.mu.Unlock()
		}
	}()
	c.t.Cleanup(m.leave)
	return m
}

// leave ends the member as a program should.
func (m *member) leave() {
	m.stop()
	<-m.done
	m.Close()
}

func (m *member) tell(sign string, ps []int32) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range ps {
		owner, owned := m.owners.LoadOrStore(p, m)
		switch {
		case sign != "+":
			m.owners.CompareAndDelete(p, m)
		case m.group && owned && owner != m:
			m.t.Errorf("partition %d is assigned while another member has it", p)
		}
	}
	m.told = append(m.told, sign+strings.Trim(fmt.Sprint(ps), "[]"))
	if sign == "+" {
		for _, p := range ps {
			delete(m.next, p)
		}
	}
}

func (m *member) reached(ps []int32) map[int32]int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	out := make(map[int32]int64)
	for _, p := range ps {
		if n, ok := m.next[p]; ok {
			out[p] = n
		}
	}
	return out
}

func (m *member) history() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.told)
}

func (m *member) read(p int32) []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.values[p])
}

func (m *member) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.got)
}

// holding returns what the callbacks leave it with, and fails when they contradict each other.
func (m *member) holding() []int32 {
	var held []int32
	for _, s := range m.history() {
		if strings.Contains(s, ":") {
			continue
		}
		for f := range strings.FieldsSeq(s[1:]) {
			var p int32
			fmt.Sscan(f, &p)
			had := slices.Contains(held, p)
			switch {
			case s[0] == '+' && had || s[0] != '+' && !had:
				m.t.Errorf("%s at a time when %v were held: %v", s, held, m.history())
			case s[0] == '+':
				held = append(held, p)
			default:
				held = slices.DeleteFunc(held, func(x int32) bool { return x == p })
			}
		}
	}
	slices.Sort(held)
	return held
}

// Without a group all partitions are read from the place that was asked for, and those that are added later from their beginning.
func TestAFeedWithoutAGroupReadsAllPartitions(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 2)
		send(t, client, topic, 0, "a", "b")
		send(t, client, topic, 1, "c")
		start, end := join(c, client, FeedOptions{}), join(c, client, FeedOptions{From: End()})
		send(t, client, topic, 0, "d")
		eventually(t, "the feed from the start has all", func() bool { return start.count() == 4 })
		eventually(t, "the feed from the end has the rest", func() bool { return end.count() == 1 })
		if h := end.history(); !slices.Equal(h, []string{"+0 1", "0:d"}) {
			t.Errorf("from the end: %v", h)
		}
		if err := client.SetPartitions(t.Context(), topic, 3); err != nil {
			t.Fatal(err)
		}
		send(t, client, topic, 2, "e", "f")
		for _, m := range []*member{start, end} {
			eventually(t, "the new partition is read", func() bool { return len(m.read(2)) == 2 })
			if got := m.read(2); !slices.Equal(got, []string{"e", "f"}) || m.Partitions() != 3 {
				t.Errorf("%v of %d partitions", got, m.Partitions())
			}
		}
		if err := start.Commit(t.Context(), map[int32]int64{0: 1}); KindOf(err) != Invalid {
			t.Errorf("a commit without a group: %v", err)
		}
		end.leave()
		if h := end.history(); h[len(h)-1] != "-0 1 2" {
			t.Errorf("closing: %v", h)
		}
		if _, err := end.Poll(t.Context()); KindOf(err) != Interrupted {
			t.Errorf("Poll of a closed feed: %v", err)
		}
	})
}

// Members that come and go share the partitions: callbacks tell the truth, nothing is lost, each partition keeps its order, and what was committed is not read again.
func TestAFeedSharesPartitionsWithItsGroup(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 6)
		written := make([]int, 6)
		write := func() {
			for p := range int32(6) {
				send(t, client, topic, p, fmt.Sprintf("%d-%d", p, written[p]), fmt.Sprintf("%d-%d", p, written[p]+1))
				written[p] += 2
			}
		}
		var members []*member
		balanced := func(n int) {
			eventually(t, fmt.Sprintf("%d members hold all partitions", n), func() bool {
				var held []int32
				for _, m := range members {
					if h := m.holding(); len(h) > 0 {
						held = append(held, h...)
						n := 6 / max(n, 1)
						if len(h) != n {
							return false
						}
					}
				}
				slices.Sort(held)
				return slices.Equal(held, []int32{0, 1, 2, 3, 4, 5})
			})
		}
		opts := FeedOptions{Group: topic}
		write()
		for n := 1; n <= 3; n++ {
			members = append(members, join(c, client, opts))
			balanced(n)
			write()
		}
		members[0].leave()
		write()
		eventually(t, "two go on", func() bool {
			return len(members[0].holding()) == 0 && len(members[1].holding()) == 3 && len(members[2].holding()) == 3
		})
		write()
		members[1].leave()
		balanced(1)
		write()
		eventually(t, "all is read", func() bool {
			got := make(map[string]bool)
			for _, m := range members {
				m.mu.Lock()
				for v := range m.got {
					got[v] = true
				}
				m.mu.Unlock()
			}
			return len(got) == 6*written[0]
		})
		for _, m := range members {
			m.leave()
			if h := m.holding(); len(h) > 0 {
				t.Errorf("after it left a member holds %v", h)
			}
		}
		// Each partition's reading, in the order of its owners, is what was written: all that was read was committed before it was given up.
		for p := range int32(6) {
			var read []string
			for _, m := range members {
				read = append(read, m.read(p)...)
			}
			if len(read) != written[p] {
				t.Errorf("partition %d: %d records read, %d written: %v", p, len(read), written[p], read)
			}
		}
	})
}

// Members come and go at any moment, also before they have been given anything: nothing is lost, and no partition has two owners.
func TestMembersComeAndGoAtAnyMoment(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 5)
		r := mathrand.New(mathrand.NewPCG(1, 2))
		var all, live []*member
		written := 0
		for range 25 {
			if len(live) > 0 && r.IntN(5) < 2 {
				i := r.IntN(len(live))
				live[i].leave()
				live = slices.Delete(live, i, i+1)
			} else if len(live) < 5 {
				m := join(c, client, FeedOptions{Group: topic, From: Start()})
				all, live = append(all, m), append(live, m)
			}
			for range r.IntN(3) {
				send(t, client, topic, r.Int32N(5), fmt.Sprint(written))
				written++
			}
		}
		if len(live) == 0 {
			all = append(all, join(c, client, FeedOptions{Group: topic}))
		}
		eventually(t, "all is read", func() bool {
			got := make(map[string]int)
			for _, m := range all {
				m.mu.Lock()
				for v, n := range m.got {
					got[v] += n
				}
				m.mu.Unlock()
			}
			return len(got) == written
		})
		for _, m := range all {
			m.leave()
			if h := m.holding(); len(h) > 0 {
				t.Errorf("after it left a member holds %v", h)
			}
		}
	})
}

// The first start of a group in a partition is kept, so that "from the end" skips nothing that comes between two starts; a member that was given it and read nothing included.
func TestFromTheEndSkipsNothingAfterTheFirstStart(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 2)
		send(t, client, topic, 0, "old")
		opts := FeedOptions{Group: topic, From: End()}
		first := join(c, client, opts)
		eventually(t, "the start is committed", func() bool {
			g, err := client.Group(t.Context(), topic)
			return err == nil && len(g.Partitions) == 2 && g.Partitions[0].Committed == 1 && g.Partitions[1].Committed == 0
		})
		first.leave()
		send(t, client, topic, 0, "between")
		if err := client.SetPartitions(t.Context(), topic, 3); err != nil {
			t.Fatal(err)
		}
		send(t, client, topic, 2, "in a new partition")
		second := join(c, client, opts)
		eventually(t, "it is read", func() bool { return second.count() == 2 })
		if err := client.SetPartitions(t.Context(), topic, 4); err != nil {
			t.Fatal(err)
		}
		send(t, client, topic, 3, "in a newer partition")
		eventually(t, "it is read", func() bool { return second.count() == 3 })
		if second.got["old"] > 0 {
			t.Error("it read from before the group's start")
		}
		if err := second.Commit(t.Context(), map[int32]int64{0: 2, 1: 0, 2: 1, 3: 1}); err != nil {
			t.Fatal(err)
		}
		if _, n, err := second.committed(t.Context()); n != 2 || err != nil {
			t.Errorf("the commits say that the topic had %d partitions when the group started, %v", n, err)
		}
		if err := second.Commit(t.Context(), map[int32]int64{9: 1}); KindOf(err) != Fenced {
			t.Errorf("a commit of a partition that it does not have: %v", err)
		}
		second.leave()
		if err := second.Commit(t.Context(), map[int32]int64{0: 2}); KindOf(err) != Fenced {
			t.Errorf("a commit of a member that left: %v", err)
		}
		// An administrator who moves the offsets does not change that.
		var all []NewOffset
		for p := range int32(4) {
			all = append(all, NewOffset{TopicPartition: TopicPartition{topic, p}, New: 0})
		}
		eventually(t, "the offsets are moved", func() bool { return client.CommitOffsets(t.Context(), topic, all) == nil })
		if offsets, n, err := second.committed(t.Context()); n != 2 || err != nil || offsets[0] != 0 {
			t.Errorf("after that the commits say %d, %v, %v", n, offsets, err)
		}
	})
}

// A group that has committed nothing does not start when it is not to choose; a commit that retention went past starts at what there is.
func TestStartsThatAreNotThere(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 1)
		send(t, client, topic, 0, "a", "b", "c", "d")
		if _, err := client.NewFeed(t.Context(), FeedOptions{Topic: topic, From: NoStart()}); KindOf(err) != Invalid {
			t.Errorf("without a group: %v", err)
		}
		refused := join(c, client, FeedOptions{Group: topic, From: NoStart()})
		<-refused.done
		if KindOf(refused.err) != Invalid || !strings.Contains(refused.err.Error(), "committed nothing in partition 0") {
			t.Errorf("%v", refused.err)
		}
		refused.leave()
		for _, at := range []int64{1, 99} {
			if err := client.CommitOffsets(t.Context(), topic, []NewOffset{{TopicPartition: TopicPartition{topic, 0}, New: at}}); err != nil {
				t.Fatal(err)
			}
			if _, err := client.DeleteRecords(t.Context(), topic, 0, 2); err != nil {
				t.Fatal(err)
			}
			m := join(c, client, FeedOptions{Group: topic, From: NoStart()})
			m.commit = false
			eventually(t, "what is left is read", func() bool { return m.count() == 2 })
			if got := m.read(0); !slices.Equal(got, []string{"c", "d"}) {
				t.Errorf("committed %d: %v", at, got)
			}
			m.leave()
		}
	})
}

// A partition that is paused holds up no other, and loses nothing.
func TestAPausedPartitionHoldsUpNoOther(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 2)
		m := join(c, client, FeedOptions{Group: topic})
		eventually(t, "it has both", func() bool { return len(m.holding()) == 2 })
		m.Pause(0)
		for i := range 20 {
			send(t, client, topic, 0, fmt.Sprint("held ", i))
			send(t, client, topic, 1, fmt.Sprint("free ", i))
		}
		eventually(t, "the other is read", func() bool { return len(m.read(1)) == 20 })
		if got := m.read(0); len(got) > 1 { // one fetch may have been on its way
			t.Errorf("%v was read of a partition that is paused", got)
		}
		m.Resume(0)
		eventually(t, "it goes on", func() bool { return len(m.read(0)) == 20 })
		for i, v := range m.read(0) {
			if v != fmt.Sprint("held ", i) {
				t.Fatalf("out of order: %v", m.read(0))
			}
		}
	})
}

// A topic that is deleted, or deleted and made again, ends the feed; the new one is never read as if it were the old.
func TestATopicThatVanishesEndsTheFeed(t *testing.T) {
	for _, again := range []bool{false, true} {
		for _, group := range []string{"", "g"} {
			t.Run(fmt.Sprintf("again=%v group=%s", again, group), func(t *testing.T) {
				eachCluster(t, func(t *testing.T, c *cluster) {
					client := c.open()
					topic := c.topic(client, 1)
					if group != "" {
						group = topic
					}
					send(t, client, topic, 0, "a")
					m := join(c, client, FeedOptions{Group: group})
					m.commit = false
					eventually(t, "it reads", func() bool { return m.count() == 1 })
					if err := client.DeleteTopic(t.Context(), topic); err != nil {
						t.Fatal(err)
					}
					if again {
						eventually(t, "it is made again", func() bool {
							return client.CreateTopic(t.Context(), NewTopic{Name: topic, Partitions: 1}) == nil
						})
						send(t, client, topic, 0, "x", "y", "z")
					}
					select {
					case <-m.done:
					case <-time.After(within):
						t.Fatal("the feed goes on")
					}
					if KindOf(m.err) != NotFound || m.count() != 1 {
						t.Errorf("%v after %v", m.err, m.history())
					}
				})
			})
		}
	}
}

// A broker that goes and comes back is waited for: by Poll, Commit and Read.
func TestARestartOfTheBrokerPasses(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group="+group, func(t *testing.T) {
			c := embedded(t)
			client := c.open(func(o *Options) { o.Timeout = 3 * time.Second })
			topic := c.topic(client, 2)
			send(t, client, topic, 0, "a")
			m := join(c, client, FeedOptions{Group: group})
			eventually(t, "it reads", func() bool { return m.count() == 1 })
			c.stop()
			results := make(chan error, 2)
			go func() {
				_, err := m.Read(c.context(), 0, 0)
				results <- err
			}()
			go func() {
				if group == "" {
					results <- nil
					return
				}
				results <- m.Commit(c.context(), map[int32]int64{0: 1})
			}()
			c.again()
			for range 2 {
				if err := <-results; err != nil {
					t.Error(err)
				}
			}
			send(t, client, topic, 0, "b")
			send(t, client, topic, 1, "c")
			eventually(t, "it goes on", func() bool { return m.count() == 3 })
			if m.got["a"] != 1 || m.got["b"] != 1 || m.got["c"] != 1 {
				t.Errorf("%v", m.got)
			}
		})
	}
}

// Read finds one record in the middle of a compressed batch, and says when there is none at an offset.
func TestReadFindsOneRecord(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		client := c.open()
		topic := c.topic(client, 1, "cleanup.policy=compact,delete", "segment.bytes=1048576", "min.cleanable.dirty.ratio=0")
		var batch []Record
		for i := range 100 {
			batch = append(batch, Record{Topic: topic, Key: fmt.Append(nil, "key ", i%2), Value: fmt.Append(nil, "value ", i), Headers: []Header{{"h", fmt.Append(nil, i)}}})
		}
		sendRecords(t, client, batch...)
		f, err := client.NewFeed(t.Context(), FeedOptions{Topic: topic})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		ctx := c.context()
		var work sync.WaitGroup
		for i := range int64(100) {
			work.Go(func() {
				r, err := f.Read(ctx, 0, i)
				if err != nil || r.Offset != i || string(r.Value) != fmt.Sprint("value ", i) || len(r.Headers) != 1 || string(r.Headers[0].Value) != fmt.Sprint(i) {
					t.Errorf("offset %d: %+v, %v", i, r, err)
				}
			})
		}
		work.Wait()
		for _, x := range []struct {
			partition int32
			offset    int64
		}{{0, 100}, {0, 1 << 40}, {0, -1}, {1, 0}, {-1, 0}} {
			if r, err := f.Read(ctx, x.partition, x.offset); KindOf(err) != NotFound {
				t.Errorf("%+v: %+v, %v", x, r, err)
			}
		}
		// Compaction leaves the last of each key, once the segment is not the active one.
		filler := make([]byte, 400_000)
		for i := range 4 {
			rand.Read(filler)
			sendRecords(t, client, Record{Topic: topic, Key: fmt.Append(nil, "filler ", i), Value: filler})
		}
		if c.live == nil {
			return // Kafka compacts when it likes
		}
		eventually(t, "compaction took a record", func() bool { _, err := f.Read(ctx, 0, 50); return KindOf(err) == NotFound })
		if r, err := f.Read(ctx, 0, 99); err != nil || string(r.Value) != "value 99" {
			t.Errorf("the last of its key: %+v, %v", r, err)
		}
		if _, err := client.DeleteRecords(t.Context(), topic, 0, 101); err != nil {
			t.Fatal(err)
		}
		if _, err := f.Read(ctx, 0, 99); KindOf(err) != NotFound {
			t.Errorf("before the log's start: %v", err)
		}
	})
}

// A member that the group has given up is told that its partitions are others' already, cannot commit, and joins again by itself; also when it finds out while it
// is joining, where it could believe that it has kept them.
func TestAMemberThatWasExpelledHasLostItsPartitions(t *testing.T) {
	for _, joining := range []bool{false, true} {
		t.Run(fmt.Sprint("joining=", joining), func(t *testing.T) {
			eachCluster(t, func(t *testing.T, c *cluster) {
				client := c.open()
				topic := c.topic(client, 2)
				send(t, client, topic, 0, "a", "b")
				m := join(c, client, FeedOptions{Group: topic})
				m.commit = false
				eventually(t, "it reads", func() bool { return m.count() == 2 })
				if err := m.Commit(c.context(), map[int32]int64{0: 1}); err != nil {
					t.Fatal(err)
				}
				id, _ := m.kgo.GroupMetadata()
				if err := client.forgetMember(topic, id); err != nil {
					t.Fatal(err)
				}
				if joining {
					m.kgo.ForceRebalance()
				} else if err := m.Commit(c.context(), map[int32]int64{0: 2}); KindOf(err) != Fenced {
					t.Errorf("a commit after the group gave the member up: %v", err)
				}
				eventually(t, "it reads again what it had not committed", func() bool { return len(m.read(0)) == 3 })
				if h := m.history(); !slices.Equal(h, []string{"+0 1", "0:a", "0:b", "!0 1", "+0 1", "0:b"}) {
					t.Errorf("%v", h)
				}
				m.holding()
				if err := m.Commit(c.context(), map[int32]int64{0: 2}); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// A member with a name of its own gets its partitions back after a restart, without the group noticing.
func TestAStaticMemberGetsItsPartitionsBack(t *testing.T) {
	eachCluster(t, func(t *testing.T, c *cluster) {
		named := func(id string) *Client {
			return c.open(func(o *Options) { o.Properties = map[string]string{"group.instance.id": id} })
		}
		client := named("one")
		topic := c.topic(client, 4)
		one, two := join(c, client, FeedOptions{Group: topic}), join(c, named("two"), FeedOptions{Group: topic})
		eventually(t, "they share", func() bool { return len(one.holding()) == 2 && len(two.holding()) == 2 })
		had, told := one.holding(), len(two.history())
		one.leave()
		for _, p := range had {
			send(t, client, topic, p, fmt.Sprint("to ", p))
		}
		again := join(c, client, FeedOptions{Group: topic})
		eventually(t, "it reads what came meanwhile", func() bool { return again.count() == 2 })
		if got := again.holding(); !slices.Equal(got, had) || len(two.history()) != told {
			t.Errorf("it had %v and has %v; the other was told %v", had, got, two.history()[told:])
		}
		if err := again.Commit(c.context(), again.reached(had)); err != nil {
			t.Error(err)
		}
	})
}

// Close gives up on a cluster that does not answer, with nothing left behind.
func TestCloseDoesNotWaitForACluster(t *testing.T) {
	c := embedded(t)
	client := c.open(func(o *Options) { o.Timeout = time.Second })
	topic := c.topic(client, 1)
	m := join(c, client, FeedOptions{Group: topic})
	m.commit = false
	eventually(t, "it has its partition", func() bool { return len(m.holding()) == 1 })
	c.stop()
	began := time.Now()
	m.leave()
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	if h := m.holding(); len(h) > 0 {
		t.Errorf("it still holds %v", h)
	}
}
