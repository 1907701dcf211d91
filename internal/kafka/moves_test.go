package kafka

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Leaders and coordinators that move all the time disturb nobody: Poll, Commit and Read go on, and nothing is lost or out of order.
func TestLeadersAndCoordinatorsThatMove(t *testing.T) {
	fake, err := kfake.NewCluster(kfake.NumBrokers(3), kfake.BrokerConfigs(map[string]string{"group.initial.rebalance.delay.ms": "0"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(fake.Close)
	c := &cluster{t: t, opts: Options{Brokers: fake.ListenAddrs()}, name: "t"}
	client := c.open()
	topic := c.topic(client, 6)
	members := []*member{join(c, client, FeedOptions{Group: topic}), join(c, client, FeedOptions{Group: topic})}
	moving := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-moving:
				return
			case <-time.After(200 * time.Millisecond):
			}
			fake.ShufflePartitionLeaders()
			if i%3 == 0 {
				fake.RehashCoordinators()
			}
		}
	})
	const rounds = 20
	for i := range rounds {
		for p := range int32(6) {
			send(t, client, topic, p, fmt.Sprintf("%d-%d", p, i))
		}
		if i%5 == 4 {
			for _, m := range members {
				held := m.holding()
				if err := m.Commit(c.context(), m.reached(held)); err != nil && KindOf(err) != Fenced {
					t.Error(err)
				}
				for _, p := range held {
					if r, err := m.Read(c.context(), p, int64(i)); err != nil || string(r.Value) != fmt.Sprintf("%d-%d", p, i) {
						t.Errorf("%q, %v", r.Value, err)
					}
				}
			}
		}
	}
	eventually(t, "all is read", func() bool {
		got := make(map[string]bool)
		for _, m := range members {
			m.mu.Lock()
			for v := range m.got {
				got[v] = true
			}
			m.mu.Unlock()
		}
		return len(got) == 6*rounds
	})
	close(moving)
	work.Wait()
	for _, m := range members {
		if m.err != nil {
			t.Errorf("Poll: %v", m.err)
		}
	}
}
