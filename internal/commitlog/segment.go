package commitlog

import (
	"fmt"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/bobbinstream/bobbin/internal/batch"
)

// Names of a segment's files, as Kafka's: the base offset in 20 digits.
const (
	suffixLog       = ".log"
	suffixIndex     = ".index"
	suffixTimeIndex = ".timeindex"
)

// Suffixes of files that are no longer, or not yet, a part of the log: docs/formats/data-directory.md.
const (
	suffixDeleted = ".deleted"
	suffixCleaned = ".cleaned"
	suffixSwap    = ".swap" // Kafka's; a directory that was copied from it may have one
)

// SegmentInfo describes a segment, for checkpoints and for people.
type SegmentInfo struct {
	Base          int64 // offset of its first record, or of the first it may hold
	Size          int64 // bytes
	MaxTimestamp  int64 // the largest of its batches, -1 when it is empty
	MaxTimeOffset int64 // last offset of the batch with that timestamp
	FirstTime     int64 // largest timestamp of its first batch, -1 when it is empty
	IndexedTime   int64 // timestamp of the last entry of its time index, -1 without one
	Index         int32 // entries of its offset index
	TimeIndex     int32 // entries of its time index

	// Cleaning is which of the log's cleanings wrote the segment, 0 for none. In a segment that a cleaning wrote, offsets rise and may leave gaps.
	Cleaning int64
	// Heads is the checksum of what the batches' own do not cover, in a segment that a cleaning wrote: of the first 21 bytes of each.
	Heads uint32
}

// segment is a piece of a log: all batches from its base offset to the base of the next. Log.mu guards it, but for what is marked.
type segment struct {
	SegmentInfo       // as it will be when everything is written behind
	sinceIndex  int64 // bytes since the last index entry
	pending     []indexEntry
	sealed      bool  // nothing is added any more
	born        int64 // the broker's time at its first batch, milliseconds; 0 when another process began it

	written int64 // bytes that are in the file up to a whole batch, and may be read from it
	// The following belong to whoever writes behind.
	phys         int64 // bytes that are in the file; more than written when a batch is there only in part
	indexed      int32 // entries that are in the index file
	timed        int32
	existing     bool // its file is there; the indexes come with their first entries
	overhang     bool // and hold more than is known of them, which must go before they are written
	indexDamaged atomic.Bool
	cached       atomic.Int64 // bytes that were written to the file through the page cache, since the start
	given        atomic.Int64 // bytes that were read from the file for clients
	gone         atomic.Bool  // it is no part of the log any more, and its names may be another's
	aside        atomic.Bool  // its files still have the names under which a cleaning wrote them
	renaming     atomic.Bool  // they are about to get their own
}

func newSegment(base int64) *segment {
	return &segment{SegmentInfo: SegmentInfo{Base: base, MaxTimestamp: -1, MaxTimeOffset: -1, FirstTime: -1, IndexedTime: -1}}
}

// restoreSegment makes a segment of which everything is in its files.
func restoreSegment(info SegmentInfo) *segment {
	return &segment{
		SegmentInfo: info, written: info.Size, phys: info.Size, indexed: info.Index, timed: info.TimeIndex, existing: true, sealed: info.Cleaning > 0,
	}
}

// segmentFile is the path of one of a segment's files.
func segmentFile(dir string, base int64, suffix string) string {
	return filepath.Join(dir, fmt.Sprintf("%020d%s", base, suffix))
}

// cleanedFile is the path under which a cleaning writes one of a segment's files. The number of the cleaning is in it, so that what an earlier one left
// is never taken for it.
func cleanedFile(dir string, base, cleaning int64, suffix string) string {
	return fmt.Sprintf("%s.%d%s", segmentFile(dir, base, suffix), cleaning, suffixCleaned)
}

// leftover says whether a file is of no use to anybody but whoever put it there: one that was to be removed, or that a cleaning did not get to use.
func leftover(name string) bool {
	ext := filepath.Ext(name)
	if ext != suffixDeleted && ext != suffixCleaned && ext != suffixSwap {
		return false
	}
	name = strings.TrimSuffix(name, ext)
	if ext == suffixCleaned {
		name = strings.TrimRight(name, "0123456789")
		name = strings.TrimSuffix(name, ".")
	}
	_, _, ok := parseSegmentFile(name)
	return ok
}

// parseSegmentFile returns the base offset and the suffix that a name says.
func parseSegmentFile(name string) (base int64, suffix string, ok bool) {
	suffix = filepath.Ext(name)
	if len(name) != 20+len(suffix) || suffix != suffixLog && suffix != suffixIndex && suffix != suffixTimeIndex {
		return 0, "", false
	}
	for _, c := range name[:20] {
		if c < '0' || c > '9' {
			return 0, "", false
		}
		base = base*10 + int64(c-'0')
	}
	return base, suffix, base >= 0
}

// timeOf is the largest timestamp of a batch's records, -1 when a cleaning has left none of them.
func timeOf(b batch.Batch) int64 {
	if b.Count() == 0 {
		return -1
	}
	return b.MaxTimestamp()
}

// note takes a batch into the segment: where it will be, its index entries, its timestamps. maxTime is -1 for a batch without records. interval is
// index.interval.bytes. It returns the position.
func (s *segment) note(base, last, maxTime int64, size int32, interval int64) (pos int64) {
	pos = s.Size
	if s.FirstTime < 0 {
		s.FirstTime = maxTime
	}
	if maxTime > s.MaxTimestamp {
		s.MaxTimestamp, s.MaxTimeOffset = maxTime, last
	}
	if s.sinceIndex > interval {
		e := indexEntry{offset: last, pos: pos}
		s.Index++
		if s.MaxTimestamp > s.IndexedTime {
			e.timed, e.time, e.timeOffset = true, s.MaxTimestamp, s.MaxTimeOffset
			s.IndexedTime = s.MaxTimestamp
			s.TimeIndex++
		}
		s.pending = append(s.pending, e)
		s.sinceIndex = 0
	}
	s.sinceIndex += int64(size)
	s.Size += int64(size)
	return pos
}

// seal ends the segment: its time index ends with its largest timestamp.
func (s *segment) seal() {
	s.sealed = true
	if s.MaxTimestamp > s.IndexedTime {
		s.pending = append(s.pending, indexEntry{pos: s.Size, timeOnly: true, timed: true, time: s.MaxTimestamp, timeOffset: s.MaxTimeOffset})
		s.IndexedTime = s.MaxTimestamp
		s.TimeIndex++
	}
}
