package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// retention collects the logs that began a new segment.
type retention struct {
	mu     sync.Mutex
	logs   map[*commitlog.Log]bool
	warned map[catalog.ID]bool // of records that were too old when they came
	wake   chan struct{}
}

func (r *retention) init() {
	r.logs, r.warned, r.wake = make(map[*commitlog.Log]bool), make(map[catalog.ID]bool), make(chan struct{}, 1)
}

// rolled is called under a log's lock.
func (s *Store) rolled(l *commitlog.Log) {
	s.retention.rolled(l)
	s.cleaner.kick()
}

func (r *retention) rolled(l *commitlog.Log) {
	r.mu.Lock()
	r.logs[l] = true
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *retention) take() []*commitlog.Log {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*commitlog.Log
	for l := range r.logs {
		all = append(all, l)
	}
	clear(r.logs)
	return all
}

// first says whether a topic was not warned of before.
func (r *retention) first(id catalog.ID) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	before := r.warned[id]
	r.warned[id] = true
	return !before
}

// retentionSettle is how long after a roll the old segments are looked at.
const retentionSettle = time.Second

// bySize asks for retention by size only.
const bySize = -1

// retentionLoop lets old segments go: by size soon after a log began a new one, by size and age in all logs from time to time.
func (s *Store) retentionLoop() {
	all := time.NewTicker(s.opts.RetentionEvery)
	defer all.Stop()
	soon, waiting := time.NewTimer(0), false // rolls that follow do not put it off
	soon.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.retention.wake:
			if !waiting {
				waiting = true
				soon.Reset(retentionSettle)
			}
		case <-soon.C:
			waiting = false
			for _, l := range s.retention.take() {
				s.expire(l, bySize)
			}
		case <-all.C:
			now, steady := s.clock.look()
			if !steady {
				now = bySize
			}
			for _, t := range s.Topics() {
				for _, l := range t.Partitions {
					s.expire(l, now)
				}
			}
		}
	}
}

// expire lets go of what retention says is over, in one log, now.
func (s *Store) expire(l *commitlog.Log, now int64) {
	x := l.Expire(now)
	if x.Backfill && s.retention.first(l.ID().TopicID) {
		s.opts.Log.Warn("records are deleted that came only lately, because their timestamps are older than retention.ms says; raise retention.ms, or set message.timestamp.type=LogAppendTime, to keep them",
			"topic", l.ID().Topic, "partition", l.ID().Partition, "setting", "retention.ms", "up to", x.Start)
	}
	err := l.MoveStart(s.ctx, x.Start)
	switch {
	case err == nil, s.ctx.Err() != nil, errors.Is(err, context.Canceled), errors.Is(err, commitlog.ErrDeleted), errors.Is(err, commitlog.ErrClosed):
	case errors.Is(err, wal.ErrNoSpace), errors.Is(err, wal.ErrBusy):
		s.opts.Log.Warn("retention waits for room in the write-ahead log", "err", err)
	default:
		var off *commitlog.OfflineError
		if !errors.As(err, &off) {
			s.opts.Log.Error("retention failed", "err", err)
		}
	}
}
