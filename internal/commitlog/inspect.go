package commitlog

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Damage is one thing that is wrong with a stored partition.
type Damage struct {
	File     string // base name
	Position int64  // in the file, -1 for the whole of it
	Offset   int64  // the first that is affected, -1 when no record is
	Detail   string
}

// Inspection is what a stopped partition's directory holds of a checkpoint's view of it.
type Inspection struct {
	Segments, Batches, Bytes, IndexEntries int64
	Damage                                 []Damage
	// End is the offset up to which all records are whole: the recovery point when none is damaged.
	End int64
	// Last is the segment that End is in, as far as it is whole, and Before those in front of it.
	Before []SegmentInfo
	Last   SegmentInfo

	epochs []EpochStart
}

// Inspect reads a stopped partition whole: every batch of every segment, both indexes, and the small files. It changes nothing.
func Inspect(fsys vfs.FS, dir string, c Checkpoint) Inspection {
	in := Inspection{End: c.Start, epochs: c.Epochs, Last: SegmentInfo{Base: c.Start, MaxTimestamp: -1, MaxTimeOffset: -1, FirstTime: -1, IndexedTime: -1}}
	x := inspector{fs: fsys, dir: dir, c: c, in: &in}
	x.metadata()
	x.epochs()
	whole := true
	for i, s := range c.Segments {
		end := c.RecoveryPoint
		if i+1 < len(c.Segments) {
			end = c.Segments[i+1].Base
		}
		positions, ok := x.segment(s, end, whole)
		whole = whole && ok
		if positions != nil {
			x.index(s, positions)
			x.timeIndex(s, positions)
		}
	}
	if whole {
		in.End = c.RecoveryPoint
	}
	return in
}

type inspector struct {
	fs  vfs.FS
	dir string
	c   Checkpoint
	in  *Inspection
}

func (x *inspector) found(file string, position, offset int64, format string, args ...any) {
	x.in.Damage = append(x.in.Damage, Damage{File: file, Position: position, Offset: offset, Detail: fmt.Sprintf(format, args...)})
}

func (x *inspector) metadata() {
	if len(x.c.Segments) == 0 {
		return
	}
	id, err := ReadMetadata(x.fs, x.dir)
	if err != nil {
		x.found(metadataFile, -1, -1, "%v", err)
	} else if id != x.c.ID.TopicID {
		x.found(metadataFile, -1, -1, "it names topic id %s instead of %s", FormatTopicID(id), FormatTopicID(x.c.ID.TopicID))
	}
}

// epochs checks leader-epoch-checkpoint, which may be behind the checkpoint's list but never say another thing.
func (x *inspector) epochs() {
	b, err := vfs.ReadFile(x.fs, filepath.Join(x.dir, epochsFile))
	if err != nil {
		if len(x.c.Segments) > 0 {
			x.found(epochsFile, -1, -1, "%v", err)
		}
		return
	}
	known := make(map[EpochStart]bool)
	for _, e := range x.c.Epochs {
		known[e] = true
	}
	lines := strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
	if len(lines) < 2 || lines[0] != "0" || lines[1] != strconv.Itoa(len(lines)-2) {
		x.found(epochsFile, 0, -1, "it is not a list of leader epochs")
		return
	}
	for i, line := range lines[2:] {
		var e EpochStart
		if n, err := fmt.Sscanf(line, "%d %d", &e.Epoch, &e.Start); n != 2 || err != nil || fmt.Sprintf("%d %d", e.Epoch, e.Start) != line {
			x.found(epochsFile, -1, -1, "line %d is %q", i+3, line)
		} else if !known[e] && e.Start >= x.c.Start && e.Start < x.c.RecoveryPoint {
			x.found(epochsFile, -1, -1, "it says that epoch %d began at offset %d, the checkpoint does not", e.Epoch, e.Start)
		}
	}
}

// place is where a batch stands in its segment.
type place struct {
	pos, last        int64
	maxTime, maxLast int64 // the largest timestamp up to here, and the last offset of its batch
}

// segment reads one segment and returns its batches' places, nil when it cannot be read. follows says that all before it is whole.
func (x *inspector) segment(s SegmentInfo, end int64, follows bool) ([]place, bool) {
	name := x.name(s, suffixLog)
	x.in.Segments++
	f, err := x.fs.Open(filepath.Join(x.dir, name), vfs.ReadOnly)
	if err != nil {
		x.found(name, -1, s.Base, "%v", err)
		return nil, false
	}
	defer f.Close()
	fresh := newSegment(s.Base)
	fresh.Cleaning = s.Cleaning
	r := bufio.NewReaderSize(io.NewSectionReader(f, 0, s.Size), 1<<20)
	places := []place{}
	expect, whole := s.Base, true
	var buf []byte
	for fresh.Size < s.Size {
		buf, err = readBatch(r, buf, s.Size-fresh.Size)
		b, why := batch.Batch(buf), ""
		if err != nil {
			why = err.Error()
		} else {
			why = checkBatch(b, expect, end, s.Cleaning > 0, epochIn(x.c.Epochs))
		}
		if why != "" {
			x.found(name, fresh.Size, expect, "%s", why)
			whole = false
			break
		}
		pos := fresh.note(b.BaseOffset(), b.LastOffset(), timeOf(b), int32(len(b)), 4096)
		places = append(places, place{pos: pos, last: b.LastOffset(), maxTime: fresh.MaxTimestamp, maxLast: fresh.MaxTimeOffset})
		if s.Cleaning > 0 {
			fresh.Heads = crc32.Update(fresh.Heads, heads, b[:batch.BodyOffset])
		}
		expect = b.NextOffset()
		x.in.Batches++
		x.in.Bytes += int64(len(b))
	}
	if whole && fresh.Heads != s.Heads {
		x.found(name, -1, s.Base, "an offset in it is not the one that was written: the checksum of the batches' heads is %08x instead of %08x", fresh.Heads, s.Heads)
		whole = false
		fresh = newSegment(s.Base) // which one it is cannot be told
		fresh.Cleaning, expect = s.Cleaning, s.Base
	}
	if whole && expect != end && s.Cleaning == 0 {
		x.found(name, fresh.Size, expect, "it ends before offset %d, and should end before %d", expect, end)
		whole = false
	}
	if whole && (fresh.MaxTimestamp != s.MaxTimestamp || fresh.MaxTimeOffset != s.MaxTimeOffset) {
		x.found(name, -1, -1, "its largest timestamp is %d, the checkpoint says %d", fresh.MaxTimestamp, s.MaxTimestamp)
	}
	if follows {
		if x.in.Segments > 1 {
			x.in.Before = append(x.in.Before, x.in.Last)
		}
		if whole && s.Cleaning > 0 {
			expect = end
		}
		x.in.Last, x.in.End = s, expect
		if !whole {
			x.in.Last = fresh.SegmentInfo
		}
	}
	return places, whole
}

// name is what one of a segment's files is called, also when a stop came before it got its own.
func (x *inspector) name(s SegmentInfo, suffix string) string {
	if s.Cleaning > 0 {
		aside := cleanedFile(x.dir, s.Base, s.Cleaning, suffix)
		if _, err := x.fs.Stat(aside); err == nil {
			return filepath.Base(aside)
		}
	}
	return filepath.Base(segmentFile(x.dir, s.Base, suffix))
}

// readBatch reads the next batch into buf, which it may replace. limit is what the segment still has.
func readBatch(r io.Reader, buf []byte, limit int64) ([]byte, error) {
	var head [batch.LogOverhead]byte
	if limit < batch.HeaderSize {
		return buf, fmt.Errorf("%d bytes stand where a batch should", limit)
	}
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return buf, err
	}
	size := batch.LogOverhead + int64(int32(binary.BigEndian.Uint32(head[8:])))
	if size < batch.HeaderSize || size > limit {
		return buf, fmt.Errorf("a batch of %d bytes stands where %d are left", size, limit)
	}
	if int64(cap(buf)) < size {
		buf = make([]byte, size)
	}
	buf = buf[:size]
	copy(buf, head[:])
	if _, err := io.ReadFull(r, buf[batch.LogOverhead:]); err != nil {
		return buf, err
	}
	if _, _, err := batch.Next(buf); err != nil {
		return buf, err
	}
	return buf, nil
}

// entries reads an index file, of which count entries of a size count.
func (x *inspector) entries(s SegmentInfo, suffix string, count int32, size int) (name string, all []byte) {
	name = x.name(s, suffix)
	b, err := vfs.ReadFile(x.fs, filepath.Join(x.dir, name))
	want := int(count) * size
	switch {
	case count == 0 && errors.Is(err, fs.ErrNotExist):
		return name, nil // an index comes with its first entry
	case err != nil:
		x.found(name, -1, -1, "%v; it is made again when the broker starts", err)
		return name, nil
	case len(b) < want:
		x.found(name, int64(len(b)), -1, "it has %d bytes, the checkpoint says %d; it is made again when the broker starts", len(b), want)
		return name, nil
	}
	x.in.IndexEntries += int64(count)
	return name, b[:want]
}

func (x *inspector) index(s SegmentInfo, places []place) {
	name, b := x.entries(s, suffixIndex, s.Index, indexEntrySize)
	i := 0
	for at := 0; at < len(b); at += indexEntrySize {
		offset, pos := s.Base+int64(binary.BigEndian.Uint32(b[at:])), int64(binary.BigEndian.Uint32(b[at+4:]))
		for i < len(places) && places[i].pos < pos {
			i++
		}
		if i == len(places) || places[i].pos != pos || places[i].last != offset {
			x.found(name, int64(at), offset, "the entry says that offset %d is in the batch at %d", offset, pos)
			return
		}
		i++
	}
}

func (x *inspector) timeIndex(s SegmentInfo, places []place) {
	name, b := x.entries(s, suffixTimeIndex, s.TimeIndex, timeEntrySize)
	i := 0
	for at := 0; at < len(b); at += timeEntrySize {
		ts, offset := int64(binary.BigEndian.Uint64(b[at:])), s.Base+int64(binary.BigEndian.Uint32(b[at+8:]))
		for i < len(places) && (places[i].maxTime != ts || places[i].maxLast != offset) {
			i++
		}
		if i == len(places) {
			x.found(name, int64(at), offset, "the entry says that %d is the largest timestamp up to offset %d", ts, offset)
			return
		}
	}
}

// CheckFrame says what is wrong with a batch in the write-ahead log.
func CheckFrame(f wal.Frame) (batch.Batch, string) {
	b, rest, err := batch.Next(f.Payload)
	switch {
	case err != nil:
		return nil, err.Error()
	case len(rest) > 0:
		return nil, fmt.Sprintf("%d bytes stand behind the batch", len(rest))
	case b.BaseOffset() != f.Offset:
		return nil, fmt.Sprintf("its batch says offset %d", b.BaseOffset())
	}
	if err := b.CheckCRC(); err != nil {
		return nil, err.Error()
	}
	return b, ""
}
