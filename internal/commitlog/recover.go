package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/producers"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// New returns a partition that never held a record.
func (e *Engine) New(id ID, cfg *Config, epoch int32) *Log { return newLog(e, id, cfg, epoch) }

// Restore returns a partition as a checkpoint describes it. It touches no file.
func (e *Engine) Restore(c Checkpoint, cfg *Config, epoch int32) (*Log, error) {
	l := newLog(e, c.ID, cfg, epoch)
	p, err := producers.DecodeSnapshot(c.Producers)
	if err != nil {
		return nil, fmt.Errorf("%s-%d: %w", c.ID.Topic, c.ID.Partition, err)
	}
	l.producers = p
	l.low.Store(c.Start)
	l.next = c.RecoveryPoint
	l.hw.Store(c.RecoveryPoint)
	l.epochs = append(l.epochs, c.Epochs...)
	l.cleanings, l.cleanedTo = c.Cleanings, c.CleanedTo
	for i, s := range c.Segments {
		l.segments = append(l.segments, restoreSegment(s))
		if i+1 < len(c.Segments) {
			l.segments[i].sealed = true
		}
	}
	return l, nil
}

// SetEpoch sets the leader epoch of what is appended or replayed from now on.
func (l *Log) SetEpoch(epoch int32) {
	l.mu.Lock()
	l.epoch = epoch
	l.mu.Unlock()
}

// Replay takes a batch that the write-ahead log holds. It is skipped when the checkpoint knew it. The batch stays in the write-ahead log until it is written behind.
func (l *Log) Replay(f wal.Frame, now int64) error {
	b, rest, err := batch.Next(f.Payload)
	if err == nil && (len(rest) > 0 || b.BaseOffset() != f.Offset) {
		err = errors.New("it is not one batch at its offset")
	}
	if err != nil {
		return fmt.Errorf("%s-%d: batch at offset %d in the write-ahead log: %w", l.id.Topic, l.id.Partition, f.Offset, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case b.LastOffset() < l.next:
		return nil
	case b.BaseOffset() != l.next:
		return fmt.Errorf("%s-%d: the write-ahead log goes on at offset %d, the partition ends at %d", l.id.Topic, l.id.Partition, b.BaseOffset(), l.next)
	}
	l.producers.Apply(producers.Batch{
		ProducerID: b.ProducerID(), Epoch: b.ProducerEpoch(), FirstSequence: b.BaseSequence(), LastSequence: b.LastSequence(),
		BaseOffset: b.BaseOffset(), LastOffset: b.LastOffset(), MaxTimestamp: b.MaxTimestamp(), Now: now, Transactional: b.Transactional(), Control: b.Control(),
	})
	l.epoch = max(l.epoch, b.LeaderEpoch())
	if s := l.activeLocked(); s == nil {
		l.beginLocked(b.BaseOffset(), 0)
	} else if s.Size > 0 && (f.Kind == KindFirstBatch || !s.reaches(b.LastOffset())) {
		l.rollLocked()
		l.beginLocked(b.BaseOffset(), 0)
	}
	l.tail.push(l.placeLocked(l.cfg.Load(), b.BaseOffset(), b.LastOffset(), b.MaxTimestamp(), int32(len(b))))
	l.tail.commit(f.Ref)
	l.next = b.NextOffset()
	l.hw.Store(l.next)
	l.dirty = true
	return nil
}

// ReplayStart takes a move of the log start that the write-ahead log holds.
func (l *Log) ReplayStart(offset int64) { l.applyStart(offset) }

// Replayed says whether the write-ahead log held anything for the partition.
func (l *Log) Replayed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.dirty
}

// Stored says whether any of the partition is in segments by the checkpoint.
func (l *Log) Stored() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.segments) > 0 && l.segments[0].existing
}

// Cut brings the partition's files to what the checkpoint says of them: what was written behind after it is in the write-ahead log, and is
// written again. It returns a *CorruptError when a file holds less than the checkpoint says; then nothing was changed, and the partition must go offline.
func (l *Log) Cut() error {
	l.mu.Lock()
	defer l.mu.Unlock() // nobody else knows the log yet
	l.dropBelowLocked(true)
	dir := l.eng.dir(l.id)
	infos := make([]SegmentInfo, len(l.segments))
	for i, s := range l.segments {
		infos[i] = s.SegmentInfo
	}
	have, err := adopt(l.eng.opts.FS, dir, infos)
	if err != nil {
		return fmt.Errorf("%s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	keep := make(map[string]int64)
	for _, s := range l.segments {
		if !s.existing {
			continue
		}
		name := filepath.Base(segmentFile(dir, s.Base, suffixLog))
		size, there := have[name]
		if !there && s.Cleaning == 0 && l.tail.len() > 0 && l.low.Load() >= l.tail.first().base {
			// Retention let it go. A write-ahead log of before there were frames of kind 5 does not say that another segment had begun by then.
			l.placeTailAgainLocked()
			return l.cutFilesLocked(dir, have, map[string]int64{})
		}
		if size < s.written {
			detail := fmt.Sprintf("it has %d bytes, the checkpoint says %d", size, s.written)
			if !there {
				detail = "the file is missing"
			}
			return &CorruptError{Topic: l.id.Topic, Partition: l.id.Partition, File: name, Position: size, Offset: -1, Detail: detail}
		}
		keep[name] = s.written
		index, times := filepath.Base(segmentFile(dir, s.Base, suffixIndex)), filepath.Base(segmentFile(dir, s.Base, suffixTimeIndex))
		keep[index], keep[times] = int64(s.indexed)*indexEntrySize, int64(s.timed)*timeEntrySize
		if have[index] < keep[index] || have[times] < keep[times] { // one that is missing has none
			l.damagedIndex(s.view())
		}
	}
	return l.cutFilesLocked(dir, have, keep)
}

// adopt gives segments that a cleaning wrote, and that are part of the log, their names, where a stop came before that, and returns the directory's files with
// their sizes. Done again, it does nothing.
func adopt(fsys vfs.FS, dir string, segments []SegmentInfo) (have map[string]int64, err error) {
	infos, err := fsys.List(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	have = make(map[string]int64)
	for _, i := range infos {
		have[i.Name] = i.Size
	}
	for _, s := range segments {
		for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} {
			from, to := cleanedFile(dir, s.Base, s.Cleaning, suffix), segmentFile(dir, s.Base, suffix)
			size, there := have[filepath.Base(from)]
			if s.Cleaning == 0 || !there {
				continue
			}
			if err := fsys.Rename(from, to); err != nil {
				return nil, err
			}
			delete(have, filepath.Base(from))
			have[filepath.Base(to)] = size
		}
	}
	return have, nil
}

// cutFilesLocked removes segments that nobody knows and what is left over, and cuts the others. What the tail is about to write again is left to write-behind, so that a
// start need not touch every file: see Engine.cutOverhang and Engine.makeFiles.
func (l *Log) cutFilesLocked(dir string, have, keep map[string]int64) error {
	coming := make(map[int64]*segment)
	for i := l.tail.head; i < len(l.tail.batches); i++ {
		coming[l.tail.batches[i].seg.Base] = l.tail.batches[i].seg
	}
	for name, size := range have {
		path := filepath.Join(dir, name)
		if leftover(name) {
			if err := removeIfThere(l.eng.opts.FS, path); err != nil {
				return fmt.Errorf("%s-%d: %w", l.id.Topic, l.id.Partition, err)
			}
			continue
		}
		base, _, ok := parseSegmentFile(name)
		if !ok {
			continue
		}
		want, known := keep[name]
		s := coming[base]
		switch {
		case !known && s != nil && !s.existing: // made anew by makeFiles
		case !known:
			if err := removeIfThere(l.eng.opts.FS, path); err != nil {
				return fmt.Errorf("%s-%d: %w", l.id.Topic, l.id.Partition, err)
			}
		case size > want && s != nil:
			s.overhang = true
		case size > want:
			if err := l.eng.cutFile(path, want); err != nil {
				return fmt.Errorf("%s-%d: %w", l.id.Topic, l.id.Partition, err)
			}
		}
	}
	return nil
}

// cutFile makes a file as long as it should be.
func (e *Engine) cutFile(name string, size int64) error {
	h, err := e.opts.Files.Get(name, vfs.ReadWrite)
	if err == nil {
		err = h.Truncate(size)
		h.Release()
	}
	if err != nil {
		return fmt.Errorf("cut %s at %d: %w", name, size, err)
	}
	return nil
}

// cutOverhang cuts a segment's files at what they are known to hold, before more is written to them.
func (e *Engine) cutOverhang(dir string, s *segment) error {
	if !s.overhang {
		return nil
	}
	for _, f := range []struct {
		suffix string
		size   int64
	}{{suffixLog, s.phys}, {suffixIndex, int64(s.indexed) * indexEntrySize}, {suffixTimeIndex, int64(s.timed) * timeEntrySize}} {
		name := segmentFile(dir, s.Base, f.suffix)
		if info, err := e.opts.FS.Stat(name); err == nil && info.Size > f.size {
			if err := e.cutFile(name, f.size); err != nil {
				return err
			}
		}
	}
	s.overhang = false
	return nil
}

// placeTailAgainLocked gives the batches of the tail new places, from an empty segment on.
func (l *Log) placeTailAgainLocked() {
	old := l.tail.drop(l.tail.len())
	l.segments, l.tail = nil, tail{}
	for _, t := range old {
		if t.last < l.low.Load() {
			continue
		}
		if l.activeLocked() == nil {
			l.beginLocked(t.base, 0)
		}
		p := l.placeLocked(l.cfg.Load(), t.base, t.last, t.maxTime, t.size)
		p.epoch = t.epoch
		l.tail.push(p)
		l.tail.commit(t.ref)
	}
}

// Pending calls fn with every batch that is only in the write-ahead log, in order. It is for a partition that goes offline: they must not be lost with the log.
func (l *Log) Pending(fn func([]byte) error) error {
	l.mu.Lock()
	all := append([]tailBatch(nil), l.tail.batches[l.tail.head:]...)
	l.mu.Unlock()
	for _, t := range all {
		b, err := l.fromWAL(t)
		if err == nil {
			err = fn(b)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// TakeOffline makes the partition refuse everything, for a reason.
func (l *Log) TakeOffline(reason error) {
	l.end(&OfflineError{Topic: l.id.Topic, Partition: l.id.Partition, Err: reason})
}

// Offline returns why the partition is offline, or nil.
func (l *Log) Offline() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if o, ok := l.state.(*OfflineError); ok {
		return o
	}
	return nil
}

// Close makes the log serve nothing any more. What it has not written behind stays in the write-ahead log.
func (l *Log) Close() {
	l.end(ErrClosed)
	l.dropTail()
}

// Delete makes the log serve nothing any more and lets its memory and its open files go. The caller removes its directory.
func (l *Log) Delete() {
	l.end(ErrDeleted)
	l.dropTail()
	l.mu.Lock()
	segments := l.segments
	l.segments = nil
	l.mu.Unlock()
	dir := l.eng.dir(l.id)
	for _, s := range segments {
		for _, suffix := range []string{suffixLog, suffixIndex, suffixTimeIndex} {
			l.eng.opts.Files.Forget(segmentFile(dir, s.Base, suffix))
		}
	}
	l.eng.opts.Files.Forget(filepath.Join(dir, epochsFile))
	l.eng.opts.Files.Forget(filepath.Join(dir, metadataFile))
	l.eng.forgetDir(dir)
}

func (l *Log) dropTail() {
	l.mu.Lock()
	gone := l.tail.drop(l.tail.committed - l.tail.head)
	l.mu.Unlock()
	l.eng.letGo(gone)
}

func (e *Engine) forgetDir(dir string) {
	e.mu.Lock()
	delete(e.newDirs, dir)
	e.mu.Unlock()
}
