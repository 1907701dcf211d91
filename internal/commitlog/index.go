package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Sizes of Kafka's index entries: a relative offset and a position; a timestamp and a relative offset. Big-endian.
const (
	indexEntrySize = 8
	timeEntrySize  = 12
)

// indexEntry is an entry of both indexes on its way to the files.
type indexEntry struct {
	offset int64 // last offset of the batch at pos
	pos    int64
	// timed says that the time index gets an entry too; timeOnly that only it does.
	timed, timeOnly  bool
	time, timeOffset int64
}

func appendIndexEntry(b []byte, base int64, e indexEntry) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(e.offset-base))
	return binary.BigEndian.AppendUint32(b, uint32(e.pos))
}

func appendTimeEntry(b []byte, base int64, e indexEntry) []byte {
	b = binary.BigEndian.AppendUint64(b, uint64(e.time))
	return binary.BigEndian.AppendUint32(b, uint32(e.timeOffset-base))
}

// indexView is what a reader may use of a segment, copied under the log's lock.
type indexView struct {
	seg      *segment
	base     int64
	written  int64
	indexed  int32
	timed    int32
	cleaning int64
	aside    bool
}

func (s *segment) view() indexView {
	return indexView{seg: s, base: s.Base, written: s.written, indexed: s.indexed, timed: s.timed, cleaning: s.Cleaning, aside: s.aside.Load()}
}

// gaps says whether offsets may be missing.
func (v indexView) gaps() bool { return v.cleaning > 0 }

// moved says whether the segment is no part of the log any more, or its files have got other names: what was opened by their names since may be another's.
func (v indexView) moved() bool {
	return v.seg.gone.Load() || v.seg.renaming.Load() || v.seg.aside.Load() != v.aside
}

// file is the path of one of the segment's files.
func (v indexView) file(dir, suffix string) string {
	if v.aside {
		return cleanedFile(dir, v.base, v.cleaning, suffix)
	}
	return segmentFile(dir, v.base, suffix)
}

// errIndex says that an index cannot be used. The segment is read from its start instead, and the index is made again.
var errIndex = errors.New("the index is damaged or missing")

// stand is where a batch begins in a segment, and what it must be for that to be true: its last offset, or, when that is -1, the first of the segment.
type stand struct{ pos, last int64 }

var segmentStart = stand{0, -1}

// lookup returns a batch at or before the one that holds an offset: where to start looking for it.
func (v indexView) lookup(files *vfs.Cache, dir string, offset int64) (stand, error) {
	if v.indexed == 0 {
		return segmentStart, nil
	}
	h, err := v.openIndex(files, dir, suffixIndex, int64(v.indexed)*indexEntrySize)
	if err != nil {
		return segmentStart, err
	}
	defer h.Release()
	var b [indexEntrySize]byte
	lo, hi := int32(0), v.indexed // the first entry with an offset above it is in (lo, hi]
	from := segmentStart
	for lo < hi {
		mid := lo + (hi-lo)/2
		if _, err := h.ReadAt(b[:], int64(mid)*indexEntrySize); err != nil {
			return segmentStart, fmt.Errorf("read %s: %w", h.Name(), err)
		}
		at, p := v.base+int64(binary.BigEndian.Uint32(b[:])), int64(binary.BigEndian.Uint32(b[4:]))
		if p >= v.written || at < v.base {
			return segmentStart, errIndex
		}
		if at <= offset {
			lo, from = mid+1, stand{p, at}
		} else {
			hi = mid
		}
	}
	return from, nil
}

// lookupTime returns an offset before which no record of the segment has a timestamp of ts or later.
func (v indexView) lookupTime(files *vfs.Cache, dir string, ts int64) (int64, error) {
	if v.timed == 0 {
		return v.base, nil
	}
	h, err := v.openIndex(files, dir, suffixTimeIndex, int64(v.timed)*timeEntrySize)
	if err != nil {
		return 0, err
	}
	defer h.Release()
	var b [timeEntrySize]byte
	lo, hi, offset := int32(0), v.timed, v.base
	for lo < hi {
		mid := lo + (hi-lo)/2
		if _, err := h.ReadAt(b[:], int64(mid)*timeEntrySize); err != nil {
			return 0, fmt.Errorf("read %s: %w", h.Name(), err)
		}
		if int64(binary.BigEndian.Uint64(b[:])) < ts {
			// All up to this entry's offset are older: its timestamp is the largest so far.
			lo, offset = mid+1, v.base+int64(binary.BigEndian.Uint32(b[8:]))
		} else {
			hi = mid
		}
	}
	return offset, nil
}

func (v indexView) openIndex(files *vfs.Cache, dir, suffix string, want int64) (*vfs.Handle, error) {
	if v.seg.indexDamaged.Load() {
		return nil, errIndex
	}
	h, err := files.Get(v.file(dir, suffix), vfs.ReadOnly)
	switch {
	case v.moved():
		if err == nil {
			h.Release()
		}
		return nil, errMoved
	case errors.Is(err, fs.ErrNotExist):
		return nil, errIndex
	case err != nil:
		return nil, err
	}
	size, err := h.Size()
	if err != nil || size < want {
		h.Release()
		if err == nil {
			err = errIndex
		}
		return nil, err
	}
	return h, nil
}

// mendIndexes makes both index files of a segment again from its batches, for the part that is written.
func (l *Log) mendIndexes(s *segment) error {
	l.mu.Lock()
	for l.busy || l.moving {
		l.waitIdleLocked()
	}
	if l.state != nil || !l.holdsLocked(s) {
		l.mu.Unlock()
		return nil
	}
	l.busy, l.moving = true, true // nobody else writes the indexes
	v, sealed := s.view(), s.sealed && s.written == s.Size
	l.mu.Unlock()
	defer l.dropDeferred()
	n, tn, err := l.writeIndexes(v, sealed)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.busy, l.moving = false, false
	l.wakeLocked()
	if err != nil {
		return err
	}
	if sealed {
		s.pending = nil // its last entry is written
		s.Index, s.TimeIndex = s.indexed, s.timed
	}
	s.Index, s.TimeIndex = s.Index-s.indexed+n, s.TimeIndex-s.timed+tn
	s.indexed, s.timed = n, tn
	l.dirty = true
	s.indexDamaged.Store(false)
	l.eng.opts.Log.Info("index made again", "topic", l.id.Topic, "partition", l.id.Partition, "segment", s.Base, "entries", n)
	return nil
}

// writeIndexes reads a segment's batches and replaces its index files.
func (l *Log) writeIndexes(v indexView, sealed bool) (n, tn int32, err error) {
	dir := l.eng.dir(l.id)
	h, err := l.openSegment(v, dir, vfs.ReadOnly, v.base)
	if err != nil {
		return 0, 0, err
	}
	defer h.Release()
	index, times, err := BuildIndexes(io.NewSectionReader(h, 0, v.written), v.base, l.cfg.Load().IndexInterval, sealed)
	if err != nil {
		return 0, 0, err
	}
	for suffix, data := range map[string][]byte{suffixIndex: index, suffixTimeIndex: times} {
		name := segmentFile(dir, v.base, suffix)
		l.eng.opts.Files.Forget(name)
		if err := vfs.WriteFileSync(l.eng.opts.FS, name, data); err != nil {
			return 0, 0, err
		}
	}
	return int32(len(index) / indexEntrySize), int32(len(times) / timeEntrySize), nil
}

// BuildIndexes makes the bytes of both index files from a segment's batches, of which only the headers are looked at. sealed says that the segment has ended.
func BuildIndexes(r *io.SectionReader, base, interval int64, sealed bool) (index, times []byte, err error) {
	fresh := newSegment(base)
	var header [batch.HeaderSize]byte
	for pos := int64(0); pos < r.Size(); {
		if _, err := r.ReadAt(header[:], pos); err != nil {
			return nil, nil, err
		}
		x := batch.Batch(header[:])
		size := batch.LogOverhead + int64(int32(binary.BigEndian.Uint32(header[8:])))
		if x.Magic() != 2 || size < batch.HeaderSize || size > r.Size()-pos {
			return nil, nil, fmt.Errorf("there is no batch at %d", pos)
		}
		fresh.note(x.BaseOffset(), x.LastOffset(), timeOf(x), int32(size), interval)
		pos += size
	}
	if sealed {
		fresh.seal()
	}
	for _, e := range fresh.pending {
		if !e.timeOnly {
			index = appendIndexEntry(index, base, e)
		}
		if e.timed {
			times = appendTimeEntry(times, base, e)
		}
	}
	return index, times, nil
}
