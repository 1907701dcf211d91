package main

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// changes is what an administrator has tried, and what was acknowledged: each is a number that only grows.
type changes struct {
	setting, partitions, start progress
	lives                      progress // of the topic that is deleted and made again
	ids                        map[string]int64
}

// progress is a number on its way: what is found lies between what was done and what was tried.
type progress struct{ done, tried int64 }

func (p *progress) check(what string, found int64) error {
	if found < p.done || found > p.tried {
		return fmt.Errorf("%s is %d; acknowledged was %d, tried %d", what, found, p.done, p.tried)
	}
	p.done, p.tried = found, found
	return nil
}

const (
	changedTopic = "changed"
	reborn       = "reborn"
)

// administer makes changes until ctx is done or one fails, as it does when the broker is killed.
func (ch *changes) administer(ctx context.Context, c *kafka.Client) {
	for step := 0; ctx.Err() == nil; step++ {
		var err error
		switch step % 4 {
		case 0:
			ch.setting.tried++
			err = c.AlterTopic(ctx, changedTopic, map[string]string{"index.interval.bytes": strconv.FormatInt(ch.setting.tried, 10)}, nil)
			done(&ch.setting, err)
		case 1:
			ch.partitions.tried++
			err = c.SetPartitions(ctx, changedTopic, int(ch.partitions.tried))
			done(&ch.partitions, err)
		case 2:
			ch.start.tried++
			_, err = c.DeleteRecords(ctx, changedTopic, 0, ch.start.tried)
			done(&ch.start, err)
		case 3:
			ch.lives.tried++
			if err = c.DeleteTopic(ctx, reborn); err == nil || kafka.KindOf(err) == kafka.NotFound {
				err = c.CreateTopic(ctx, kafka.NewTopic{Name: reborn, Partitions: 1})
			}
			done(&ch.lives, err)
		}
		if err != nil {
			return
		}
	}
}

func done(p *progress, err error) {
	if err == nil {
		p.done = p.tried
	}
}

// check compares what the broker shows after a start with what was acknowledged.
func (ch *changes) check(ctx context.Context, c *kafka.Client) error {
	t, err := c.Topic(ctx, changedTopic)
	if err != nil {
		return err
	}
	if err := ch.partitions.check("the number of partitions", int64(len(t.Partitions))); err != nil {
		return err
	}
	configs, err := c.TopicConfigs(ctx, changedTopic)
	if err != nil {
		return err
	}
	for _, k := range configs {
		if k.Name == "index.interval.bytes" {
			n, err := strconv.ParseInt(k.Value, 10, 64)
			if err != nil {
				return err
			}
			if err := ch.setting.check(k.Name, n); err != nil {
				return err
			}
		}
	}
	offsets, err := c.Offsets(ctx, changedTopic)
	if err != nil {
		return err
	}
	if err := ch.start.check("the start of partition 0", offsets[0].Start); err != nil {
		return err
	}
	if offsets[0].End != changedRecords {
		return fmt.Errorf("partition 0 ends at %d, not at %d", offsets[0].End, changedRecords)
	}
	return ch.checkReborn(ctx, c)
}

// checkReborn wants a topic that was deleted not to come back: an id that was replaced is never seen again.
func (ch *changes) checkReborn(ctx context.Context, c *kafka.Client) error {
	t, err := c.Topic(ctx, reborn)
	if kafka.KindOf(err) == kafka.NotFound && ch.lives.tried > ch.lives.done {
		return c.CreateTopic(ctx, kafka.NewTopic{Name: reborn, Partitions: 1}) // it was killed between the two
	}
	if err != nil {
		return fmt.Errorf("the topic that was made again: %w", err)
	}
	if life, seen := ch.ids[t.ID]; seen && life < ch.lives.done {
		return fmt.Errorf("the topic of life %d is back; %d were acknowledged after it", life, ch.lives.done-life)
	}
	ch.ids[t.ID] = ch.lives.tried
	ch.lives.done = ch.lives.tried
	return nil
}

const changedRecords = 3000

// A broker that is killed while topics are altered, grow, lose records, and are deleted and made again, keeps each change that it has acknowledged, and no half of one.
func TestKillStormOfChanges(t *testing.T) {
	s := newStorm(t, "bobbin")
	s.start()
	s.awaitReady()
	c, err := kafka.Open(kafka.Options{
		Brokers: []string{"storm.invalid:9092"}, Timeout: 2 * time.Second,
		Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", s.addr.Load().(string))
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ch := &changes{setting: progress{1, 1}, partitions: progress{1, 1}, ids: make(map[string]int64)}
	if err := c.CreateTopic(t.Context(), kafka.NewTopic{Name: changedTopic, Partitions: 1, Configs: map[string]string{"index.interval.bytes": "1"}}); err != nil {
		t.Fatal(err)
	}
	create(t, c, reborn, 1)
	records := make([]kafka.Record, changedRecords)
	for i := range records {
		records[i] = kafka.Record{Topic: changedTopic, Value: fmt.Appendf(nil, "%d", i)}
	}
	send(t, c, records...)
	kills := killsOr(t, 8)
	made := int64(0)
	for k := range kills {
		if err := ch.check(t.Context(), c); err != nil {
			t.Fatalf("after %d kills: %v", k, err)
		}
		before := ch.setting.done + ch.partitions.done + ch.start.done + ch.lives.done
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		wg.Go(func() { ch.administer(ctx, c) })
		time.Sleep(time.Duration(20+s.rand.IntN(80)) * time.Millisecond) // not proof: only so that there is something to lose
		s.kill()
		cancel()
		wg.Wait()
		made += ch.setting.done + ch.partitions.done + ch.start.done + ch.lives.done - before
		s.start()
		s.awaitReady()
	}
	if err := ch.check(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if made < int64(kills) {
		t.Errorf("only %d changes in %d kills", made, kills)
	}
	t.Logf("%d kills, %d changes acknowledged: all kept", kills, made)
}
