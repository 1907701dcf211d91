package commitlog

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/bobbinstream/bobbin/internal/producers"
)

// ID names a partition.
type ID struct {
	Topic     string
	TopicID   [16]byte
	Partition int32
}

// Config is what a topic's settings mean to its logs. All logs of a topic may share one. It is never changed; SetConfig replaces it.
type Config struct {
	SegmentBytes   int64         // segment.bytes
	SegmentAge     int64         // segment.ms: milliseconds, by the records' timestamps
	RetentionBytes int64         // retention.bytes; less than 0: without end
	RetentionAge   int64         // retention.ms: milliseconds, by the records' timestamps; less than 0: without end
	DeleteDelay    time.Duration // file.delete.delay.ms: how long the files of a removed segment stay
	Compaction     Compaction
	IndexInterval  int64         // index.interval.bytes
	Within         time.Duration // the durability level, as in wal.Entry
	ProducerMaxAge int64         // producer.id.expiration.ms
}

// Compaction is what a topic's settings say of it.
type Compaction struct {
	Enabled         bool    // cleanup.policy has compact
	DirtyRatio      float64 // min.cleanable.dirty.ratio
	MinLag          int64   // min.compaction.lag.ms
	MaxLag          int64   // max.compaction.lag.ms
	DeleteRetention int64   // delete.retention.ms
}

// EpochStart says at which offset a leader epoch began.
type EpochStart struct {
	Epoch int32
	Start int64
}

// Watcher is told when there is more to read.
type Watcher interface {
	// Advanced is called when the high watermark or the log start moved, or the log was deleted or closed. It may be called by the goroutine that
	// acknowledges records, one call after the other for one log: it must not block and must not call the log.
	Advanced()
}

// Log is one partition. Its methods are safe for concurrent use. An idle one holds no file, no goroutine and less than 2 KB.
type Log struct {
	eng *Engine
	id  ID
	cfg atomic.Pointer[Config]
	hw  atomic.Int64 // high watermark: all below is acknowledged and may be read
	low atomic.Int64 // log start offset; moves under mu

	mu        sync.Mutex
	next      int64 // offset of the next record
	epoch     int32 // leader epoch of what is appended now
	epochs    []EpochStart
	producers producers.State
	segments  []*segment // by base; the last one is the active one; none before the first record
	tail      tail
	within    time.Duration // of the last batch appended
	dups      []*Append     // duplicates of batches that are not committed yet
	watchers  []Watcher
	state     error // why nothing is served: closed, deleted, offline
	busy      bool  // somebody writes behind
	moving    bool  // somebody changes which files there are
	cleaning  bool  // somebody compacts it
	dropDue   bool  // segments are to be removed as soon as nobody is busy
	waiting   bool  // in Engine.oldest
	due       bool  // in Engine.due
	dirty     bool  // something happened that the last checkpoint does not know
	idle      *sync.Cond

	cleanings int64 // how often segments were replaced
	cleanedTo int64 // all below is compacted

	epochShown EpochStart // the last one in leader-epoch-checkpoint, as far as this process knows
}

func newLog(eng *Engine, id ID, cfg *Config, epoch int32) *Log {
	l := &Log{eng: eng, id: id, epoch: epoch, epochShown: EpochStart{Epoch: -1}}
	l.cfg.Store(cfg)
	return l
}

// ID returns the partition's name.
func (l *Log) ID() ID { return l.id }

// SetConfig replaces the settings. They hold for what is appended from now on.
func (l *Log) SetConfig(c *Config) { l.cfg.Store(c) }

// Bounds are the ends of a log.
type Bounds struct {
	Start         int64 // log start offset: the first that can be read
	HighWatermark int64 // the end of what can be read
	LastStable    int64 // the end of what a reader of committed transactions can read
	Next          int64 // the end of what was appended
	Epoch         int32 // leader epoch
}

// Bounds returns the ends, at one moment. The error says why the partition is not served.
func (l *Log) Bounds() (Bounds, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	hw := l.hw.Load()
	return Bounds{Start: l.low.Load(), HighWatermark: hw, LastStable: hw, Next: l.next, Epoch: l.epoch}, l.state
}

// HighWatermark is the end of what can be read, without a lock.
func (l *Log) HighWatermark() int64 { return l.hw.Load() }

// Start is the log start offset, without a lock.
func (l *Log) Start() int64 { return l.low.Load() }

// Epochs returns the leader epochs and where each began, in order.
func (l *Log) Epochs() []EpochStart {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]EpochStart(nil), l.epochs...)
}

// EpochEnd returns the largest epoch not above the one asked for, and the offset where it ended: the start of the next one, or the
// high watermark. -1 and -1 when there is none (KIP-101, KIP-320). What is asked for below the first epoch ended where that began.
func (l *Log) EpochEnd(epoch int32) (int32, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if epoch == -1 || epoch > l.epoch {
		return -1, -1
	}
	if epoch == l.epoch {
		return epoch, l.hw.Load()
	}
	found, end := int32(-1), int64(-1)
	for i, e := range l.epochs {
		if e.Epoch > epoch {
			if found < 0 { // nothing was written in that epoch or before it
				return epoch, e.Start
			}
			break
		}
		found, end = e.Epoch, l.hw.Load()
		if i+1 < len(l.epochs) {
			end = l.epochs[i+1].Start
		}
	}
	return found, end
}

// EpochAt returns the leader epoch of the batch at an offset, or -1.
func (l *Log) EpochAt(offset int64) int32 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return epochIn(l.epochs).at(offset)
}

// epochIn is a list of leader epochs, in order.
type epochIn []EpochStart

// at returns the epoch in force at an offset, or -1.
func (e epochIn) at(offset int64) int32 {
	for i := len(e) - 1; i >= 0; i-- {
		if e[i].Start <= offset {
			return e[i].Epoch
		}
	}
	return -1
}

// Segments describes the segments, in order.
func (l *Log) Segments() []SegmentInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]SegmentInfo, len(l.segments))
	for i, s := range l.segments {
		out[i] = s.SegmentInfo
	}
	return out
}

// Size is the bytes of all batches from the log's first segment on.
func (l *Log) Size() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sizeLocked()
}

func (l *Log) sizeLocked() int64 {
	n := int64(0)
	for _, s := range l.segments {
		n += s.Size
	}
	return n
}

// Producers calls fn for every producer known, by id.
func (l *Log) Producers(fn func(producers.Producer) bool) {
	l.mu.Lock()
	all := make([]producers.Producer, 0, l.producers.Len())
	for p := range l.producers.All() {
		all = append(all, p)
	}
	l.mu.Unlock()
	for _, p := range all {
		if !fn(p) {
			return
		}
	}
}

// Watch makes w be told of every change from now on. A watcher is watched once at a time.
func (l *Log) Watch(w Watcher) {
	l.mu.Lock()
	// A new slice, since notify reads the old one without the lock.
	l.watchers = append(append(make([]Watcher, 0, len(l.watchers)+1), l.watchers...), w)
	l.mu.Unlock()
}

// Unwatch ends Watch. A call of Advanced may still be under way when it returns.
func (l *Log) Unwatch(w Watcher) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, x := range l.watchers {
		if x == w {
			l.watchers = append(append(make([]Watcher, 0, len(l.watchers)), l.watchers[:i]...), l.watchers[i+1:]...)
			if len(l.watchers) == 0 {
				l.watchers = nil
			}
			return
		}
	}
}

func notify(ws []Watcher) {
	for _, w := range ws {
		w.Advanced()
	}
}

// end makes the log serve nothing any more, with a reason, and tells the watchers. It waits until nobody uses its files.
func (l *Log) end(reason error) {
	l.mu.Lock()
	if l.state == nil {
		l.state = reason
	}
	for l.busy || l.moving || l.cleaning {
		l.waitIdleLocked()
	}
	ws := l.watchers
	l.mu.Unlock()
	notify(ws)
}

// waitIdleLocked waits for a change of busy, moving or cleaning.
func (l *Log) waitIdleLocked() {
	if l.idle == nil {
		l.idle = sync.NewCond(&l.mu)
	}
	l.idle.Wait()
}

// wakeLocked tells those who wait that busy, moving or cleaning has changed.
func (l *Log) wakeLocked() {
	if l.idle != nil {
		l.idle.Broadcast()
	}
}

// holdsLocked says whether a segment is a part of the log.
func (l *Log) holdsLocked(s *segment) bool { return slices.Contains(l.segments, s) }

// endLocked is the offset where a segment ends.
func (l *Log) endLocked(i int) int64 {
	if i+1 < len(l.segments) {
		return l.segments[i+1].Base
	}
	return l.next
}

// noOffset is above every offset.
const noOffset = math.MaxInt64
