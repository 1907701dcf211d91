package commitlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// replacement is the durable fact that neighbouring segments are one compacted segment from now on: docs/formats/wal.md.
type replacement struct {
	number    int64   // of the cleaning: the log's next
	bases     []int64 // of the segments that go
	end       int64   // where the last of them ends
	cleanedTo int64   // all below is compacted
	seg       SegmentInfo
}

const replacementFormat = 1

func (r *replacement) encode() []byte {
	le := binary.LittleEndian
	b := []byte{replacementFormat}
	b = le.AppendUint64(b, uint64(r.end))
	b = le.AppendUint64(b, uint64(r.cleanedTo))
	b = le.AppendUint32(b, uint32(len(r.bases)))
	for _, v := range r.bases {
		b = le.AppendUint64(b, uint64(v))
	}
	return AppendSegment(b, &r.seg)
}

func decodeReplacement(f wal.Frame) (r replacement, err error) {
	le, b := binary.LittleEndian, f.Payload
	const head = 1 + 8 + 8 + 4
	if len(b) < head || b[0] != replacementFormat {
		return r, errors.New("it is no replacement of segments that this version knows")
	}
	r.number, r.end, r.cleanedTo = f.Offset, int64(le.Uint64(b[1:])), int64(le.Uint64(b[9:]))
	n := int(le.Uint32(b[17:]))
	if b = b[head:]; n == 0 || n > len(b)/8 || len(b) != 8*n+SegmentSize {
		return r, errors.New("its length is not that of its segments")
	}
	for i := range n {
		r.bases = append(r.bases, int64(le.Uint64(b[8*i:])))
	}
	r.seg = ReadSegment(b[8*n:])
	switch {
	case r.seg.Cleaning != r.number || r.seg.Base != r.bases[0] || !slices.IsSorted(r.bases) || r.end <= r.bases[n-1] || r.cleanedTo < 0:
		return r, errors.New("its fields contradict each other")
	}
	return r, nil
}

// SegmentSize is how many bytes AppendSegment appends.
const SegmentSize = 6*8 + 2*4 + 8 + 4

// AppendSegment appends the bytes that describe a segment in checkpoints and in the write-ahead log: docs/formats/checkpoint.md.
func AppendSegment(b []byte, s *SegmentInfo) []byte {
	le := binary.LittleEndian
	for _, v := range []int64{s.Base, s.Size, s.MaxTimestamp, s.MaxTimeOffset, s.FirstTime, s.IndexedTime} {
		b = le.AppendUint64(b, uint64(v))
	}
	b = le.AppendUint32(b, uint32(s.Index))
	b = le.AppendUint32(b, uint32(s.TimeIndex))
	b = le.AppendUint64(b, uint64(s.Cleaning))
	return le.AppendUint32(b, s.Heads)
}

// ReadSegment reads what AppendSegment wrote.
func ReadSegment(b []byte) SegmentInfo {
	le := binary.LittleEndian
	at := func(i int) int64 { return int64(le.Uint64(b[8*i:])) }
	return SegmentInfo{
		Base: at(0), Size: at(1), MaxTimestamp: at(2), MaxTimeOffset: at(3), FirstTime: at(4), IndexedTime: at(5),
		Index: int32(le.Uint32(b[48:])), TimeIndex: int32(le.Uint32(b[52:])), Cleaning: at(7), Heads: le.Uint32(b[64:]),
	}
}

// swap is a replacement on its way.
type swap struct {
	replacement
	log   *Log
	old   []*segment
	fresh *segment
	entry wal.Entry
	done  chan error // buffered
}

// Committed makes the replacement the log's, before anything that became durable later.
func (s *swap) Committed(_ *wal.Entry, err error) {
	if err == nil {
		l := s.log
		l.mu.Lock()
		i := slices.Index(l.segments, s.old[0])
		for _, o := range s.old {
			o.gone.Store(true)
		}
		l.segments = slices.Replace(slices.Clone(l.segments), i, i+len(s.old), s.fresh)
		l.cleanings, l.cleanedTo, l.dirty = s.number, s.cleanedTo, true
		l.mu.Unlock()
	}
	s.done <- err
}

// replace has a group of segments replaced by what was left of it: the durable fact first, then the names of the files. A stop in between leaves a recovery
// to finish it: see adopt.
func (l *Log) replace(ctx context.Context, w *cleanWriter, group []source, to int64) error {
	s := &swap{log: l, fresh: w.seg, done: make(chan error, 1)}
	s.number, s.seg, s.end = w.seg.Cleaning, w.seg.SegmentInfo, group[len(group)-1].end
	for _, g := range group {
		s.old, s.bases = append(s.old, g.seg), append(s.bases, g.seg.Base)
	}
	if s.cleanedTo = to; to < 0 {
		l.mu.Lock()
		s.cleanedTo = l.cleanedTo
		l.mu.Unlock()
	}
	body := s.encode()
	if err := l.eng.wal.Reserve(ctx, len(body), wal.System); err != nil {
		return err
	}
	l.mu.Lock()
	for l.moving {
		l.waitIdleLocked()
	}
	i := slices.Index(l.segments, s.old[0])
	if l.state != nil || i < 0 || i+len(s.old) > len(l.segments) || !slices.Equal(l.segments[i:i+len(s.old)], s.old) {
		defer l.mu.Unlock()
		l.eng.wal.Cancel(len(body))
		if l.state != nil {
			return l.state
		}
		return errAside // some of them went meanwhile
	}
	l.moving = true // no segment goes, and no index is made again, until the files have their names
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.moving = false
		l.wakeLocked()
		l.mu.Unlock()
		l.dropDeferred()
	}()
	s.entry = wal.Entry{Kind: KindCleaned, Topic: l.id.TopicID, Partition: l.id.Partition, Offset: s.number, Body: body, BodyCRC: wal.Checksum(body), Done: s}
	w.queued = true
	l.eng.wal.Append(&s.entry)
	if err := <-s.done; err != nil {
		return err // a restart may find it or not: the files stay
	}
	return l.rename(ctx, s)
}

// rename gives the files of a segment that replaced others their names, and takes those of the others away. A full disk is waited out.
func (l *Log) rename(ctx context.Context, s *swap) error {
	dir, delay := l.eng.dir(l.id), l.cfg.Load().DeleteDelay
	s.fresh.renaming.Store(true)
	defer s.fresh.renaming.Store(false)
	for {
		err := l.tryRename(s, dir, delay)
		if err == nil {
			s.fresh.aside.Store(false)
			return nil
		}
		if !vfs.IsNoSpace(err) {
			err = fmt.Errorf("rename compacted segment %d: %w", s.fresh.Base, err)
			l.eng.fail(err)
			return err
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx) // the next start goes on with it
		case <-time.After(fullRetry):
		}
	}
}

func (l *Log) tryRename(s *swap, dir string, delay time.Duration) error {
	for len(s.old) > 0 {
		if err := l.eng.removeSegment(dir, s.old[0].Base, delay); err != nil {
			return err
		}
		s.old = s.old[1:]
	}
	for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} {
		from, to := cleanedFile(dir, s.fresh.Base, s.fresh.Cleaning, suffix), segmentFile(dir, s.fresh.Base, suffix)
		if _, err := l.eng.opts.FS.Stat(from); err != nil {
			continue // done at the last try
		}
		if err := l.eng.opts.Files.Rename(from, to); err != nil {
			return err
		}
	}
	return nil
}

// ReplayCleaned takes a replacement of segments that the write-ahead log holds. It is skipped when the checkpoint knew it.
func (l *Log) ReplayCleaned(f wal.Frame) error {
	r, err := decodeReplacement(f)
	if err != nil {
		return fmt.Errorf("%s-%d: cleaning %d in the write-ahead log: %w", l.id.Topic, l.id.Partition, f.Offset, err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r.number <= l.cleanings {
		return nil
	}
	i := slices.IndexFunc(l.segments, func(s *segment) bool { return s.Base == r.bases[0] })
	fits := r.number == l.cleanings+1 && i >= 0 && i+len(r.bases) <= len(l.segments)
	for k := 0; fits && k < len(r.bases); k++ {
		fits = l.segments[i+k].Base == r.bases[k]
	}
	if !fits || l.endLocked(i+len(r.bases)-1) != r.end {
		return fmt.Errorf("%s-%d: cleaning %d in the write-ahead log replaces other segments than there are", l.id.Topic, l.id.Partition, r.number)
	}
	l.segments = slices.Replace(l.segments, i, i+len(r.bases), restoreSegment(r.seg))
	l.cleanings, l.cleanedTo, l.dirty = r.number, r.cleanedTo, true
	l.dropReplacedLocked(r.bases[0], r.end)
	return nil
}

// dropReplacedLocked takes batches out of the tail that are in a compacted segment. It is for a replay: all of the tail is committed, and only in the
// write-ahead log.
func (l *Log) dropReplacedLocked(from, end int64) {
	left := slices.DeleteFunc(l.tail.drop(l.tail.len()), func(t tailBatch) bool { return t.base >= from && t.base < end })
	l.tail = tail{}
	for _, t := range left {
		l.tail.push(t)
		l.tail.commit(t.ref)
	}
}

// Replayed returns the checkpoint as a frame behind it changes it, as far as it concerns what is in segments. It is for reading a stopped directory.
func (c Checkpoint) Replayed(f wal.Frame) (Checkpoint, error) {
	switch f.Kind {
	case KindBatch, KindFirstBatch:
		if b, why := CheckFrame(f); why == "" && (len(c.Epochs) == 0 || c.Epochs[len(c.Epochs)-1].Epoch < b.LeaderEpoch()) {
			c.Epochs = append(slices.Clip(c.Epochs), EpochStart{Epoch: b.LeaderEpoch(), Start: b.BaseOffset()})
		}
	case KindLogStart:
		c.Start = max(c.Start, f.Offset)
	case KindCleaned:
		r, err := decodeReplacement(f)
		if err != nil || r.number <= c.Cleanings {
			return c, err
		}
		if r.number != c.Cleanings+1 {
			return c, fmt.Errorf("it is cleaning %d, the one before it %d", r.number, c.Cleanings)
		}
		segments := []SegmentInfo{r.seg}
		for _, s := range c.Segments {
			if s.Base < r.bases[0] || s.Base >= r.end {
				segments = append(segments, s)
			}
		}
		slices.SortFunc(segments, func(a, b SegmentInfo) int { return int(min(max(a.Base-b.Base, -1), 1)) })
		c.Segments, c.Cleanings, c.CleanedTo, c.RecoveryPoint = segments, r.number, r.cleanedTo, max(c.RecoveryPoint, r.end)
	}
	return c, nil
}

// Reachable returns the checkpoint without the segments that are wholly below the log start: a recovery drops them, and they may be gone.
func (c Checkpoint) Reachable() Checkpoint {
	n := 0
	for n < len(c.Segments) && (n+1 < len(c.Segments) && c.Segments[n+1].Base <= c.Start || n+1 == len(c.Segments) && c.RecoveryPoint <= c.Start) {
		n++
	}
	c.Segments = c.Segments[n:]
	return c
}
