package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"
)

const (
	groupTopic      = "groups"
	groupName       = "members"
	groupPartitions = 1000
	groupMembers    = 100
	groupBeat       = 500 * time.Millisecond
	groupSettle     = 2 * time.Minute
)

// groupsContest times a rebalance: one of a hundred members leaves, and the others share its partitions.
func (b *bench) groupsContest() contest {
	c := contest{
		name:  "groups-100",
		about: fmt.Sprintf("%d members with a heartbeat of %v share %d partitions; one leaves", groupMembers, groupBeat, groupPartitions),
		contestants: []contestant{
			{"bobbin", b.groupTurn(b.startBobbin)},
		},
		probe: b.latencyProbe,
		goals: []goal{
			{"seconds until all others have their share, bobbin (sync)", func(r round) float64 { return r.get("bobbin", "stable_ms") / 1e3 }, 3, false},
			{"the longest that a member was without partitions, bobbin ÷ Kafka", ratio("idle_ms", "bobbin", "kafka"), 1, false},
		},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"kafka", b.groupTurn(b.startKafka)})
	}
	return c
}

// groupTurn gives a turn: the group comes together, one member leaves, and the others are timed.
func (b *bench) groupTurn(server server) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := server(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		if err := createTopic(ctx, p.addr, groupTopic, groupPartitions); err != nil {
			return nil, err
		}
		g := newGathering()
		var members []*kgo.Client
		defer func() {
			var closing sync.WaitGroup
			for _, m := range members {
				closing.Go(m.CloseAllowingRebalance)
			}
			closing.Wait()
		}()
		for i := range groupMembers {
			m, err := g.member(p.addr, i)
			if err != nil {
				return nil, err
			}
			members = append(members, m)
		}
		if err := g.await(ctx, groupMembers, 0); err != nil {
			return nil, err
		}
		generation := g.generation()
		before, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		left := time.Now()
		g.forget(0)
		members[0].LeaveGroup()
		if err := g.await(ctx, groupMembers-1, generation+1); err != nil {
			return nil, err
		}
		stable := time.Since(left)
		after, err := cpuSeconds(p.pid())
		if err != nil {
			return nil, err
		}
		return figures{"stable_ms": ms(stable), "idle_ms": ms(g.idleSince(left)), "cpu_s": after - before}, nil
	}
}

// gathering watches the members of a group: what each has, since which generation, and how long it had nothing.
type gathering struct {
	mu      sync.Mutex
	has     map[int]holding
	without map[int]time.Time // since when
	idle    []spell
	changed chan struct{} // buffered
}

type holding struct {
	generation int32
	partitions int
}

// spell is a time without partitions.
type spell struct{ from, to time.Time }

func newGathering() *gathering {
	return &gathering{has: map[int]holding{}, without: map[int]time.Time{}, changed: make(chan struct{}, 1)}
}

// member joins the group.
func (g *gathering) member(addr string, number int) (*kgo.Client, error) {
	return newClient(addr, kgo.ClientID(fmt.Sprintf("member-%d", number)), kgo.ConsumerGroup(groupName), kgo.ConsumeTopics(groupTopic),
		kgo.Balancers(kgo.RangeBalancer()), kgo.HeartbeatInterval(groupBeat), kgo.SessionTimeout(10*time.Second), kgo.DisableAutoCommit(),
		kgo.OnPartitionsAssigned(func(_ context.Context, c *kgo.Client, got map[string][]int32) {
			_, generation := c.GroupMetadata()
			g.assigned(number, holding{generation, len(got[groupTopic])})
		}),
		kgo.OnPartitionsRevoked(func(context.Context, *kgo.Client, map[string][]int32) { g.revoked(number) }),
	)
}

func (g *gathering) assigned(number int, h holding) {
	g.mu.Lock()
	g.has[number] = h
	if since, ok := g.without[number]; ok {
		g.idle = append(g.idle, spell{since, time.Now()})
		delete(g.without, number)
	}
	g.mu.Unlock()
	select {
	case g.changed <- struct{}{}:
	default:
	}
}

func (g *gathering) revoked(number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.has, number)
	g.without[number] = time.Now()
}

func (g *gathering) forget(number int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.has, number)
}

func (g *gathering) generation() (newest int32) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, h := range g.has {
		newest = max(newest, h.generation)
	}
	return newest
}

// await waits until so many members share all partitions in one generation, which is not older than the given one.
func (g *gathering) await(ctx context.Context, members int, generation int32) error {
	ctx, cancel := context.WithTimeoutCause(ctx, groupSettle, fmt.Errorf("the group is not stable after %v", groupSettle))
	defer cancel()
	for {
		g.mu.Lock()
		same, partitions := map[int32]int{}, 0
		for _, h := range g.has {
			same[h.generation]++
			partitions += h.partitions
		}
		g.mu.Unlock()
		for gen, n := range same {
			if gen >= generation && n == members && partitions == groupPartitions {
				return nil
			}
		}
		select {
		case <-g.changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %d members, seen %v with %d partitions: %w", members, same, partitions, context.Cause(ctx))
		}
	}
}

// idleSince is the longest time without partitions that began at t or later.
func (g *gathering) idleSince(t time.Time) (longest time.Duration) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.idle {
		if !s.from.Before(t) {
			longest = max(longest, s.to.Sub(s.from))
		}
	}
	return longest
}
