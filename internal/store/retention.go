package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// retention collects the logs that began a new segment.
type retention struct {
	mu   sync.Mutex
	logs map[*commitlog.Log]bool
	wake chan struct{}
}

func (r *retention) init() {
	r.logs, r.wake = make(map[*commitlog.Log]bool), make(chan struct{}, 1)
}

// rolled is called under a log's lock.
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

// retentionSettle is how long after a roll the old segments are looked at: by then the last one is usually in its file.
const retentionSettle = time.Second

// retentionLoop lets old segments go: soon after a log began a new one, and all logs from time to time.
func (s *Store) retentionLoop() {
	all := time.NewTicker(s.opts.RetentionEvery)
	defer all.Stop()
	soon := time.NewTimer(0)
	soon.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.retention.wake:
			soon.Reset(retentionSettle)
		case <-soon.C:
			for _, l := range s.retention.take() {
				s.expire(l)
			}
		case <-all.C:
			for _, t := range s.Topics() {
				for _, l := range t.Partitions {
					s.expire(l)
				}
			}
		}
	}
}

// expire lets go of what retention says is over, in one log, now.
func (s *Store) expire(l *commitlog.Log) {
	err := l.MoveStart(s.ctx, l.Expired())
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
