package store

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// checkpointer says when a checkpoint is due. last, lastPos and ballast belong to the one that makes checkpoints.
type checkpointer struct {
	wake    chan struct{}
	turn    chan struct{} // held by the one that makes a checkpoint, or takes the ballast
	store   *Store
	last    uint64 // number of the last one
	lastPos wal.Position
	bytes   atomic.Int64 // of the log at the last one
	made    atomic.Int64
	ballast *ballast
}

func (c *checkpointer) init(s *Store) {
	c.wake, c.turn, c.store = make(chan struct{}, 1), make(chan struct{}, 1), s
	c.ballast = newBallast(s.opts.FS, s.opts.Dir, s.opts.BallastBytes)
}

// kick asks for a checkpoint now: somebody waits for room in the log.
func (c *checkpointer) kick() {
	select {
	case c.wake <- struct{}{}:
	default:
	}
}

// walGrew is told how many bytes the log has written, at every new file.
func (c *checkpointer) walGrew(bytes int64) {
	if bytes-c.bytes.Load() >= c.store.opts.CheckpointBytes {
		c.kick()
	}
}

// ballastDelay keeps the ballast out of the way of the first writes after a start.
const ballastDelay = time.Second

// checkpointRetry is how soon a checkpoint that found the disk full is tried again.
const checkpointRetry = time.Second

func (s *Store) checkpointLoop() {
	ballast := time.NewTimer(ballastDelay)
	defer ballast.Stop()
	timer := time.NewTimer(s.opts.CheckpointEvery)
	var told time.Time // when a full disk was logged last
	defer timer.Stop()
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.failed:
			return
		case <-ballast.C:
			s.checkpoints.turn <- struct{}{}
			s.checkpoints.ballast.take()
			<-s.checkpoints.turn
			continue
		case <-s.checkpoints.wake:
		case <-timer.C:
		}
		next := s.opts.CheckpointEvery
		if err := s.checkpoint(false); err != nil {
			if !vfs.IsNoSpace(err) && !errors.Is(err, wal.ErrBusy) {
				s.fail(err)
				return
			}
			if now := time.Now(); now.Sub(told) >= time.Minute {
				told = now
				s.opts.Log.Warn("no checkpoint: the disk is full; it is tried again", "err", err)
			}
			next = checkpointRetry
		}
		timer.Reset(next)
	}
}

// checkpoint makes the state of this moment the one that a recovery starts from, in the order of house rules: copy states, make sure that all copied is
// acknowledged, write behind, sync segments, sync directories, checkpoint file, recycle. A disk that is full gets the ballast, once.
func (s *Store) checkpoint(clean bool) error {
	c := &s.checkpoints
	c.turn <- struct{}{}
	defer func() { <-c.turn }()
	err := s.tryCheckpoint(clean)
	if err != nil && vfs.IsNoSpace(err) && s.eng.MakeRoom() {
		err = s.tryCheckpoint(clean)
	}
	if err != nil && vfs.IsNoSpace(err) && c.ballast.give() {
		err = s.tryCheckpoint(clean)
	}
	if err == nil && !clean {
		c.ballast.take()
	}
	return err
}

func (s *Store) tryCheckpoint(clean bool) error {
	c := &s.checkpoints
	bytes := s.wal.Stats().Bytes
	released := s.released() // before pos: no frame of theirs is behind it
	pos := s.wal.Next()
	if pos == c.lastPos && !clean {
		return nil // nothing was written since
	}
	// Everything before pos is acknowledged behind this flush, everything that is captured behind the next.
	if err := s.wal.Flush(); err != nil {
		return err
	}
	ck := &checkpoint{number: c.last + 1, pos: pos, clean: clean, written: s.now()}
	s.mu.RLock()
	ck.catalog = s.catalog.AppendSnapshot(nil)
	ck.doomed = append(ck.doomed, s.doomed...)
	topics := make([]*Topic, 0, len(s.byID))
	for id, t := range s.byID {
		if s.catalog.TopicByID(id) != nil { // not one whose deletion is decided
			topics = append(topics, t)
		}
	}
	s.mu.RUnlock()
	dirty := s.capture(ck, topics)
	err := s.writeCheckpoint(ck, dirty)
	if err != nil {
		for _, d := range dirty {
			d.log.Dirty()
		}
		return err
	}
	c.last, c.lastPos = ck.number, pos
	c.bytes.Store(bytes)
	c.made.Add(1)
	s.forget(released)
	s.wal.Recycle(pos)
	return removeOldCheckpoints(s.opts.FS, s.opts.Dir)
}

// dirtyLog is a log with something that the last checkpoint did not know.
type dirtyLog struct {
	log   *commitlog.Log
	until int64 // its end when it was captured
}

func (s *Store) capture(ck *checkpoint, topics []*Topic) []dirtyLog {
	var dirty []dirtyLog
	now, steady := s.clock.look()
	if !steady {
		now = 0 // no producer is forgotten because of a clock that jumped
	}
	for _, t := range topics {
		for _, l := range t.Partitions {
			p, changed, ok := l.Capture(now)
			if !ok {
				continue
			}
			ck.logs = append(ck.logs, p)
			if changed && !p.Offline {
				dirty = append(dirty, dirtyLog{l, p.RecoveryPoint})
			}
		}
	}
	return dirty
}

func (s *Store) writeCheckpoint(ck *checkpoint, dirty []dirtyLog) error {
	if err := s.wal.Flush(); err != nil {
		return err
	}
	for _, d := range dirty {
		if err := d.log.Settle(d.until); err != nil {
			return err
		}
	}
	if err := s.files.SyncDirty(s.opts.Dir); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if err := s.eng.SyncDirs(); err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	if ck.clean {
		ck.pos = s.wal.Next() // nothing came since: what was captured is all
	}
	return ck.write(s.opts.FS, s.opts.Dir)
}
