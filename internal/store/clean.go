package store

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// cleaner compacts one log at a time.
type cleaner struct {
	store *Store
	on    bool
	wake  chan struct{}
	turn  chan *commitlog.Cleaner // held by the one that compacts

	mu     sync.Mutex
	failed map[*commitlog.Log]error // logs that are not tried again
	done   CompactionStats
}

// CompactionStats are figures of compaction since Open.
type CompactionStats struct {
	Cleanings         int64 // rounds that ended
	Segments          int64 // replaced
	BytesRead         int64
	BytesLeft         int64
	Records           int64 // looked at
	RecordsLeft       int64
	Uncleanable       int     // partitions that are not compacted any more because of an error
	LargestDirtyRatio float64 // of all logs, when they were last looked at
}

const defaultDecompressed = 128 << 20

func (c *cleaner) init(s *Store) {
	b := s.opts.Settings
	c.store, c.on, c.wake = s, b.Bool("log.cleaner.enable"), make(chan struct{}, 1)
	c.turn, c.failed = make(chan *commitlog.Cleaner, 1), make(map[*commitlog.Log]error)
}

// make makes the cleaner that the turn is about.
func (c *cleaner) make() {
	s := c.store
	c.turn <- s.eng.NewCleaner(s.cleanerOptions(), func() float64 { return s.Settings().Float("log.cleaner.io.max.bytes.per.second") })
}

// cleanerOptions are the bounds on memory by the settings of the moment.
func (s *Store) cleanerOptions() commitlog.CleanerOptions {
	b := s.Settings()
	return commitlog.CleanerOptions{
		KeyBytes: b.Int("log.cleaner.dedupe.buffer.size"), KeyLoad: b.Float("log.cleaner.io.buffer.load.factor"), BufferBytes: int(b.Int("log.cleaner.io.buffer.size")),
		MaxBatch: s.opts.WALBytes, MaxDecompressed: defaultDecompressed,
	}
}

// cleanEvery is how long compaction waits when there was nothing to do.
func (s *Store) cleanEvery() time.Duration {
	if s.opts.CleanEvery > 0 {
		return s.opts.CleanEvery
	}
	return max(milliseconds(s.Settings().Int("log.cleaner.backoff.ms")), time.Millisecond)
}

// kick asks for a look at all logs.
func (c *cleaner) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

func (c *cleaner) stats() CompactionStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	st := c.done
	st.Uncleanable = len(c.failed)
	return st
}

// cleanSettle is how long after a roll the logs are looked at.
const cleanSettle = time.Second

// cleanLoop compacts logs when they are dirty enough: soon after one began a new segment, and from time to time.
func (s *Store) cleanLoop() {
	if !s.cleaner.on || s.opts.CleanEvery < 0 {
		return
	}
	timer := time.NewTimer(s.cleanEvery())
	defer timer.Stop()
	soon := false // the timer was set for a roll: others that follow do not put it off
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.failed:
			return
		case <-s.cleaner.wake:
			if !soon {
				soon = true
				timer.Reset(min(cleanSettle, s.cleanEvery()))
			}
			continue
		case <-timer.C:
		}
		soon = false
		s.Clean(s.ctx)
		timer.Reset(s.cleanEvery())
	}
}

// Clean compacts the logs that are dirty enough, the dirtiest first, until none is, and returns how many rounds that took. A log that cannot be compacted is
// left alone until the next start, and said so in the log and in Stats.
func (s *Store) Clean(ctx context.Context) (rounds int, err error) {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	defer context.AfterFunc(s.ctx, stop)()
	var c *commitlog.Cleaner
	select {
	case c = <-s.cleaner.turn:
	case <-ctx.Done():
		return 0, context.Cause(ctx)
	}
	defer func() { s.cleaner.turn <- c }()
	tried := make(map[*commitlog.Log]bool) // without success: not again now
	for {
		l := s.dirtiest(tried)
		if l == nil || ctx.Err() != nil || s.Err() != nil {
			return rounds, nil
		}
		c.Configure(s.cleanerOptions())
		did, err := c.Clean(ctx, l, s.now())
		switch {
		case err != nil:
			tried[l] = true
			s.cleanFailed(ctx, l, err)
		case did.Segments == 0:
			tried[l] = true
		default:
			rounds++
			s.cleaner.did(did)
			s.opts.Log.Info("compacted", "topic", l.ID().Topic, "partition", l.ID().Partition, "to", did.To, "segments", did.Segments, "bytes", did.Before, "left", did.After,
				"records", did.Records, "records left", did.RecordsLeft)
		}
	}
}

func (c *cleaner) did(d commitlog.Cleaned) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.done.Cleanings++
	c.done.Segments += int64(d.Segments)
	c.done.BytesRead += d.Before
	c.done.BytesLeft += d.After
	c.done.Records += d.Records
	c.done.RecordsLeft += d.RecordsLeft
}

// dirtiest is the log that is to be compacted next, or nil.
func (s *Store) dirtiest(not map[*commitlog.Log]bool) *commitlog.Log {
	now, best, most, largest := s.now(), (*commitlog.Log)(nil), -1.0, 0.0
	failed := s.cleaner.uncleanable(s)
	for _, t := range s.Topics() {
		for _, l := range t.Partitions {
			if not[l] || failed[l] {
				continue
			}
			d, ratio, ok := l.Dirt(now)
			if !ok {
				continue
			}
			largest = max(largest, d.Ratio())
			if d.Due(ratio) && d.Ratio() > most {
				best, most = l, d.Ratio()
			}
		}
	}
	s.cleaner.mu.Lock()
	s.cleaner.done.LargestDirtyRatio = largest
	s.cleaner.mu.Unlock()
	return best
}

// uncleanable returns the logs that are not tried again, without those that are gone.
func (c *cleaner) uncleanable(s *Store) map[*commitlog.Log]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	all := make(map[*commitlog.Log]bool)
	for l := range c.failed {
		if s.TopicByID(l.ID().TopicID) == nil {
			delete(c.failed, l)
			continue
		}
		all[l] = true
	}
	return all
}

func (s *Store) cleanFailed(ctx context.Context, l *commitlog.Log, err error) {
	switch {
	case ctx.Err() != nil, errors.Is(err, commitlog.ErrDeleted), errors.Is(err, commitlog.ErrClosed), s.Err() != nil:
	case errors.Is(err, wal.ErrNoSpace), errors.Is(err, wal.ErrBusy), vfs.IsNoSpace(err):
		s.opts.Log.Warn("compaction waits for room on the disk", "err", err)
	default:
		s.cleaner.mu.Lock()
		s.cleaner.failed[l] = err
		s.cleaner.mu.Unlock()
		s.opts.Log.Error("a partition cannot be compacted and will not be until the next start; it is served as before, and grows", "err",
			fmt.Errorf("%s: %w", commitlog.DirName(l.ID().Topic, l.ID().Partition), err))
	}
}
