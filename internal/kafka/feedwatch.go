package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	patrolEvery = 5 * time.Second // a question about one topic to one broker
	goneAfter   = 3               // answers in a row that there is no such topic; a broker that has just started may not know it yet
	goneEvery   = time.Second

	startOfLog = -2 // the protocol's name for the first offset that there is
)

// watch looks at the topic from time to time: for partitions that were added, and whether it is still there and the same.
func (f *Feed) watch() {
	timer := time.NewTimer(f.every)
	defer timer.Stop()
	gone := 0
	for {
		select {
		case <-f.ctx.Done():
			return
		case <-f.patrol:
		case <-timer.C:
		}
		timer.Reset(f.every)
		t, err := f.client.Topic(f.ctx, f.opts.Topic)
		switch {
		case f.ctx.Err() != nil:
			return
		case KindOf(err) == NotFound:
			if gone++; gone >= goneAfter {
				f.fail(f.client.wrap("read topic", f.opts.Topic, err))
				return
			}
			timer.Reset(min(f.every, goneEvery))
		case err != nil:
			gone = 0
			f.client.log().Warn("a topic cannot be looked at", "topic", f.opts.Topic, "err", err)
		default:
			gone = 0
			if !f.saw(t) {
				return
			}
		}
	}
}

// look has the topic looked at now.
func (f *Feed) look() {
	select {
	case f.patrol <- struct{}{}:
	default:
	}
}

// saw takes what the cluster says about the topic. It returns false when it is another topic.
func (f *Feed) saw(t Topic) bool {
	old := f.topic.Load()
	if old.ID != "" && t.ID != "" && old.ID != t.ID {
		f.fail(&Error{
			Op: "read topic", Topic: t.Name, Kind: NotFound, Err: fmt.Errorf("it was deleted and made again: its id was %s and is %s", old.ID, t.ID),
			Hint: "start again to read the new one from its start",
		})
		return false
	}
	before, now := len(old.Partitions), len(t.Partitions)
	if now < before { // the answer of a broker that is behind
		return true
	}
	f.topic.Store(&t)
	switch {
	case now == before:
	case f.opts.Group != "":
		f.kgo.ForceMetadataRefresh() // the group's leader gives them to somebody
	default:
		f.mu.Lock()
		for p := before; p < now; p++ {
			f.found = append(f.found, Offsets{Partition: int32(p), Start: startOfLog})
		}
		f.mu.Unlock()
		f.wake()
	}
	return true
}

// passing says whether an error may be over after a while.
func passing(err error) bool {
	e, ok := errors.AsType[*Error](err)
	switch {
	case !ok:
		return !errors.Is(err, context.Canceled)
	case e.Code != "":
		return retriable(e)
	}
	return e.Kind == Unreachable || e.Kind == Timeout
}

// backoff waits longer each time, and returns false when ctx ends before.
func backoff(ctx context.Context, attempt int) bool {
	t := time.NewTimer(min(100*time.Millisecond<<min(attempt, 10), 2*time.Second))
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
