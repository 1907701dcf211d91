package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Checkpoint is what a recovery needs to know of a partition besides the write-ahead log: docs/formats/checkpoint.md.
type Checkpoint struct {
	ID            ID
	Offline       bool
	Start         int64 // log start offset
	RecoveryPoint int64 // all below is in the segments once Settle returned
	Epochs        []EpochStart
	Segments      []SegmentInfo
	Producers     []byte // snapshot of internal/producers
	Cleanings     int64  // how often segments were replaced by compacted ones
	CleanedTo     int64  // all below is compacted
}

// Capture copies the log's state at this moment: everything appended is in it. dirty says whether anything happened since the last Capture. ok is false when the log
// never held a record or was deleted: then a checkpoint has no entry for it. Producers that are too old are forgotten, unless now is 0.
func (l *Log) Capture(now int64) (c Checkpoint, dirty, ok bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state == ErrDeleted || l.next == 0 && l.low.Load() == 0 {
		return c, false, false
	}
	dirty, l.dirty = l.dirty, false
	if age := l.cfg.Load().ProducerMaxAge; age > 0 && now > 0 {
		l.producers.Expire(now, age)
	}
	_, offline := l.state.(*OfflineError)
	c = Checkpoint{
		ID: l.id, Offline: offline, Start: l.low.Load(), RecoveryPoint: l.next, Epochs: append([]EpochStart(nil), l.epochs...),
		Segments: make([]SegmentInfo, len(l.segments)), Producers: l.producers.AppendSnapshot(nil),
		Cleanings: l.cleanings, CleanedTo: l.cleanedTo,
	}
	for i, s := range l.segments {
		c.Segments[i] = s.SegmentInfo
	}
	return c, dirty, true
}

// Dirty says that the last Capture's state did not become a checkpoint.
func (l *Log) Dirty() {
	l.mu.Lock()
	l.dirty = true
	l.mu.Unlock()
}

// Settle writes behind all below an offset, which must be committed. An error of a full disk goes away; Settle may be called again.
func (l *Log) Settle(upTo int64) error {
	if err := l.eng.writeBehind(l, upTo, true); err != nil {
		if !vfs.IsNoSpace(err) {
			l.eng.fail(err)
		}
		return err
	}
	l.mu.Lock()
	var epochs []byte
	if n := len(l.epochs); n > 0 && l.epochs[n-1] != l.epochShown && len(l.segments) > 0 && l.segments[0].existing {
		epochs = encodeEpochs(l.epochs)
		l.epochShown = l.epochs[n-1]
	}
	l.mu.Unlock()
	if epochs == nil {
		return nil
	}
	// For Kafka's tools; a recovery takes the epochs from the checkpoint.
	if err := l.eng.writeSmall(filepath.Join(l.eng.dir(l.id), epochsFile), epochs); err != nil {
		return fmt.Errorf("%s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	return nil
}

// SyncDirs syncs the directories that got new entries since the last call, the partitions' before the data directory.
func (e *Engine) SyncDirs() error {
	e.mu.Lock()
	dirs := e.newDirs
	e.newDirs = make(map[string]bool)
	e.mu.Unlock()
	sorted := slices.Sorted(maps.Keys(dirs))
	for _, root := range []bool{false, true} {
		for _, dir := range sorted {
			if (dir == e.opts.Dir) != root {
				continue
			}
			err := e.opts.FS.SyncDir(dir)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // a partition may be deleted meanwhile
				return fmt.Errorf("sync %s: %w", dir, err)
			}
		}
	}
	return nil
}
