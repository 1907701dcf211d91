package commitlog

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"sort"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Span is what a read returns: whole batches, back to back. Its bytes must not be changed, and are valid until Release.
type Span struct {
	Bytes  [][]byte
	Size   int   // of all bytes
	Next   int64 // the offset behind the last batch; the offset asked for when there is none
	Bounds Bounds

	owners []Owner
	buffer *[]byte
	behind spot
}

// spot is where a batch begins in a segment.
type spot struct {
	seg         *segment
	offset, pos int64
}

// Release lets the memory go. The span is empty afterwards and can be used again; a reader that goes on with the same span from Next finds its place in a segment sooner.
func (s *Span) Release() {
	for _, o := range s.owners {
		o.Release()
	}
	if s.buffer != nil {
		putBuffer(s.buffer)
	}
	clear(s.Bytes)
	clear(s.owners)
	*s = Span{Bytes: s.Bytes[:0], owners: s.owners[:0], behind: s.behind}
}

// errMoved says that what was to be read has moved meanwhile: from the write-ahead log to a segment, or to a segment that replaced others.
var errMoved = errors.New("moved")

// Read fills a span with the batches from the one that holds an offset on, below the high watermark, up to max bytes. When the first batch alone is
// larger, it is returned when atLeastOne is set and nothing otherwise (KIP-74). Nothing, and no error, when the offset is the high watermark or between it and the end.
// Errors: *OffsetError, *CorruptError, *OfflineError, ErrDeleted, ErrClosed, and those of the file system.
//
// The batches come from segments or from the tail, not from both: a reader asks again from Next.
func (l *Log) Read(s *Span, offset int64, max int, atLeastOne bool) error {
	for {
		err := l.read(s, offset, max, atLeastOne)
		if !errors.Is(err, errMoved) {
			if err != nil {
				bounds := s.Bounds
				s.Release()
				s.Bounds = bounds
			}
			return err
		}
		s.Release()
		runtime.Gosched()
	}
}

func (l *Log) read(s *Span, offset int64, max int, atLeastOne bool) error {
	l.mu.Lock()
	hw := l.hw.Load()
	s.Bounds = Bounds{Start: l.low.Load(), HighWatermark: hw, LastStable: hw, Next: l.next, Epoch: l.epoch}
	s.Next = offset
	switch {
	case l.state != nil:
		defer l.mu.Unlock()
		return l.state
	case offset < s.Bounds.Start || offset > l.next:
		l.mu.Unlock()
		return &OffsetError{Topic: l.id.Topic, Partition: l.id.Partition, Offset: offset, Start: s.Bounds.Start, Next: s.Bounds.Next}
	case offset >= hw || max <= 0 && !atLeastOne:
		l.mu.Unlock()
		return nil
	}
	if l.tail.committed > l.tail.head && offset >= l.tail.first().base {
		return l.readTail(s, offset, max, atLeastOne)
	}
	i := sort.Search(len(l.segments), func(i int) bool { return l.segments[i].Base > offset }) - 1
	if i < 0 {
		l.mu.Unlock()
		return &CorruptError{Topic: l.id.Topic, Partition: l.id.Partition, File: "segments", Offset: offset, Detail: "no segment holds the offset"}
	}
	v, epochs := l.segments[i].view(), epochIn(l.epochs)
	end := min(hw, l.endLocked(i))
	l.mu.Unlock()
	err := l.readSegment(s, v, epochs, offset, end, max, atLeastOne)
	if errors.Is(err, errBehind) && end < hw {
		err = l.read(s, end, max, atLeastOne)
	} else if errors.Is(err, errBehind) {
		err = nil
	}
	return err
}

// errBehind says that no batch of a segment that a cleaning wrote holds the offset or a later one.
var errBehind = errors.New("behind the last batch of the segment")

// readTail collects batches of the tail. It is called with the lock and gives it back.
func (l *Log) readTail(s *Span, offset int64, max int, atLeastOne bool) error {
	var missing []int // places in s.Bytes whose bytes are only in the write-ahead log
	var refs []tailBatch
	for i := l.tail.find(offset); i < l.tail.committed; i++ {
		t := &l.tail.batches[i]
		if s.Size+int(t.size) > max && !(len(s.Bytes) == 0 && atLeastOne) {
			break
		}
		if t.bytes == nil {
			missing = append(missing, len(s.Bytes))
			refs = append(refs, *t)
		}
		if t.owner != nil {
			t.owner.Retain()
			s.owners = append(s.owners, t.owner)
		}
		s.Bytes = append(s.Bytes, t.bytes)
		s.Size += int(t.size)
		s.Next = t.last + 1
	}
	l.mu.Unlock()
	for i, at := range missing {
		b, err := l.fromWAL(refs[i])
		if err != nil {
			if l.writtenBehind(refs[i].base) {
				return errMoved
			}
			return err
		}
		s.Bytes[at] = b
	}
	return nil
}

// writtenBehind says whether a batch has left the tail.
func (l *Log) writtenBehind(base int64) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tail.len() == 0 || l.tail.first().base > base
}

// readSegment reads from a segment's file. end is the offset where the segment, or what is acknowledged of it, ends.
func (l *Log) readSegment(s *Span, v indexView, epochs epochIn, offset, end int64, max int, atLeastOne bool) error {
	dir := l.eng.dir(l.id)
	h, err := l.openSegment(v, dir, vfs.ReadOnly, offset)
	if err != nil {
		return err
	}
	defer h.Release()
	if from := s.behind; from.seg == v.seg && from.offset == offset && from.pos < v.written {
		if l.readFrom(s, v, h, epochs, from.pos, min(int64(max), v.written-from.pos), offset, end) == nil {
			return nil
		}
		s.behind = spot{} // the batch is larger, or damaged: by way of the index that is told apart
	}
	pos, size, err := l.seek(h, v, dir, offset)
	if err != nil {
		return err
	}
	if size == 0 {
		return errBehind
	}
	n := min(int64(max), v.written-pos)
	if size > n {
		if !atLeastOne {
			return nil
		}
		n = size
	}
	err = l.readFrom(s, v, h, epochs, pos, n, -1, end)
	if bad := (*badBatch)(nil); errors.As(err, &bad) {
		return l.damaged(v, pos, offset, bad.why, bad.err)
	}
	return err
}

// badBatch says why a batch that should be there is not.
type badBatch struct {
	why string
	err error // of the file system
}

func (b *badBatch) Error() string { return b.why }

// readFrom reads the batches in n bytes of a segment's file into the span, up to a damaged one. When that is the first, or does not begin with the offset that is expected there (-1: it is not known), the error is a *badBatch.
func (l *Log) readFrom(s *Span, v indexView, h *vfs.Handle, epochs epochIn, pos, n, expect, end int64) error {
	p, b, err := l.readPiece(v, h, pos, n)
	if err != nil {
		return err
	}
	at, goesOn := 0, expect >= 0
	for at == 0 || at < len(b) {
		x, _, err := batch.Next(b[at:])
		if errors.Is(err, batch.ErrShort) && at > 0 {
			break // the next batch does not fit
		}
		why := ""
		if err != nil {
			why = err.Error()
		} else {
			why = checkBatch(x, expect, end, v.gaps(), epochs)
		}
		if why != "" {
			if at > 0 {
				break // what stands before the damage is good; the damage is found when it is asked for
			}
			putBuffer(p)
			return &badBatch{why: why}
		}
		expect = x.NextOffset()
		at += len(x)
	}
	v.seg.given.Add(int64(at))
	if next := pos + int64(at); goesOn && v.uncached() && v.direct(min(n, v.written-next)) {
		l.readAhead(v, next, min(n, v.written-next))
	}
	s.buffer, s.Bytes, s.Size, s.Next, s.behind = p, append(s.Bytes, b[:at]), at, expect, spot{v.seg, expect, pos + int64(at)}
	return nil
}

// readsUncached is how often a segment is read before its pages stay in the page cache.
const readsUncached = 2

// readPiece returns n bytes of the segment's file, or fewer that were read ahead, and the buffer that they are in. The first who go through a segment leave nothing in the page cache: what was written past it is mostly
// read once if at all, and to keep it costs more than to read it. See decision 0013.
func (l *Log) readPiece(v indexView, h *vfs.Handle, pos, n int64) (p *[]byte, b []byte, err error) {
	if !v.uncached() {
		return readInto(h.ReadAt, pos, pos, n, n)
	}
	if !v.direct(n) {
		return readInto(h.ReadOnceAt, pos, pos, n, n)
	}
	if p, b := l.eng.ahead.take(v.seg, pos, n); p != nil {
		return p, b, nil
	}
	return l.readDirect(v, pos, n)
}

// uncached says whether the segment's file is read without a trace in the page cache.
func (v indexView) uncached() bool { return v.seg.given.Load() < readsUncached*v.written }

// direct says whether n bytes of it are read directly then: what was mostly written through the page cache may be there.
func (v indexView) direct(n int64) bool { return n >= directBytes && v.seg.cached.Load() < v.written/2 }

// readDirect reads the whole blocks that hold a piece, past the page cache where the system can.
func (l *Log) readDirect(v indexView, pos, n int64) (p *[]byte, b []byte, err error) {
	h, err := l.openSegment(v, l.eng.dir(l.id), vfs.ReadOnly|vfs.Direct, v.base)
	if err != nil {
		return nil, nil, err
	}
	defer h.Release()
	if !h.Direct() {
		return readInto(h.ReadOnceAt, pos, pos, n, n)
	}
	first, behind := pos&^(vfs.BlockSize-1), (pos+n+vfs.BlockSize-1)&^(vfs.BlockSize-1)
	return readInto(l.eng.gently(h.ReadAt), pos, first, n, behind-first)
}

// readInto reads size bytes from a place on into a buffer, of which the n bytes from pos on are wanted. The others may lie behind the end of the file.
func readInto(read func([]byte, int64) (int, error), pos, from, n, size int64) (p *[]byte, b []byte, err error) {
	p = getBuffer(int(size))
	got, err := read(*p, from)
	if int64(got) < pos-from+n {
		if err == nil || err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		putBuffer(p)
		return nil, nil, &badBatch{"it cannot be read", err}
	}
	return p, (*p)[pos-from:][:n], nil
}

// checkBatch says what is wrong with a batch that is read behind offset expect-1 (-1: the first one) and before end, where gaps says that offsets may be
// missing. Its position is checked by its neighbours, its bytes by their checksum, and its leader epoch, which that does not cover, by the list of epochs.
func checkBatch(x batch.Batch, expect, end int64, gaps bool, epochs epochIn) string {
	switch {
	case expect >= 0 && x.BaseOffset() != expect && !(gaps && x.BaseOffset() > expect):
		return fmt.Sprintf("offset %d stands behind offset %d", x.BaseOffset(), expect-1)
	case x.LastOffset() < x.BaseOffset() || x.LastOffset() >= end:
		return fmt.Sprintf("offsets %d to %d stand where offset %d is the end", x.BaseOffset(), x.LastOffset(), end)
	case x.LeaderEpoch() != epochs.at(x.BaseOffset()):
		return fmt.Sprintf("its leader epoch is %d instead of %d", x.LeaderEpoch(), epochs.at(x.BaseOffset()))
	}
	if err := x.CheckCRC(); err != nil {
		return err.Error()
	}
	return ""
}

// seek finds the batch that holds an offset, or the next one where that was compacted away: its position and size; no size when there is none. It starts
// where the index says; when that turns out to be wrong, at the start of the segment.
func (l *Log) seek(h *vfs.Handle, v indexView, dir string, offset int64) (pos, size int64, err error) {
	start, err := v.lookup(l.eng.opts.Files, dir, offset)
	if errors.Is(err, errIndex) {
		start, err = segmentStart, nil
		l.damagedIndex(v)
	}
	if err != nil {
		return 0, 0, err
	}
	pos, size, why, err := walkTo(h, v, start, offset)
	if why != "" && start != segmentStart {
		l.damagedIndex(v)
		pos, size, why, err = walkTo(h, v, segmentStart, offset)
	}
	if err != nil {
		return 0, 0, l.damaged(v, pos, offset, "it cannot be read", err)
	}
	if why != "" {
		return 0, 0, l.damaged(v, pos, offset, why, nil)
	}
	return pos, size, nil
}

// walkTo goes from batch to batch, by their headers, to the one that holds an offset. Where there may be gaps, the next one is as good, and there may be none.
func walkTo(r io.ReaderAt, v indexView, from stand, offset int64) (at, size int64, why string, err error) {
	var header [batch.HeaderSize]byte
	pos, end, expect := from.pos, v.written, v.base
	for first := true; ; first = false {
		if v.gaps() && pos == end {
			return pos, 0, "", nil
		}
		if end-pos < batch.HeaderSize {
			return pos, 0, fmt.Sprintf("the segment ends before offset %d", offset), nil
		}
		if _, err := r.ReadAt(header[:], pos); err != nil {
			return pos, 0, "", err
		}
		x := batch.Batch(header[:])
		size = batch.LogOverhead + int64(int32(binary.BigEndian.Uint32(header[8:])))
		switch {
		case x.Magic() != 2 || size < batch.HeaderSize || size > end-pos:
			return pos, 0, "there is no batch", nil
		case first && from.last >= 0 && x.LastOffset() != from.last:
			return pos, 0, fmt.Sprintf("offset %d stands where the index says %d", x.LastOffset(), from.last), nil
		case (!first || from.last < 0) && x.BaseOffset() != expect && !(v.gaps() && x.BaseOffset() > expect),
			x.BaseOffset() > offset && !v.gaps(), x.LastOffset() < x.BaseOffset():
			return pos, 0, fmt.Sprintf("offsets %d to %d stand on the way to offset %d", x.BaseOffset(), x.LastOffset(), offset), nil
		case x.LastOffset() >= offset:
			return pos, size, "", nil
		}
		expect = x.NextOffset()
		pos += size
	}
}

// openSegment opens a segment for reading. What a name opens is the segment's only if that has not moved: it is looked at afterwards. A file that is missing
// is damage.
func (l *Log) openSegment(v indexView, dir string, mode vfs.Mode, offset int64) (*vfs.Handle, error) {
	h, err := l.eng.opts.Files.Get(v.file(dir, suffixLog), mode)
	switch {
	case v.moved():
		if err == nil {
			h.Release()
		}
		return nil, errMoved
	case errors.Is(err, fs.ErrNotExist):
		return nil, l.damaged(v, 0, offset, "the file is missing", nil)
	}
	return h, err
}

func (l *Log) damaged(v indexView, pos, offset int64, why string, err error) error {
	l.mu.Lock()
	state := l.state
	l.mu.Unlock()
	if state != nil {
		return state
	}
	if v.moved() { // indexes of one, bytes of another
		return errMoved
	}
	c := &CorruptError{Topic: l.id.Topic, Partition: l.id.Partition, File: fmt.Sprintf("%020d%s", v.base, suffixLog), Position: pos, Offset: offset, Detail: why}
	l.eng.opts.Log.Error("damaged segment; the records behind it in this segment cannot be read, all else is served", "err", c)
	if err != nil {
		return fmt.Errorf("%w: %w", c, err)
	}
	return c
}

// damagedIndex has a segment's indexes made again.
func (l *Log) damagedIndex(v indexView) {
	if v.seg.gone.Load() || v.seg.indexDamaged.Swap(true) {
		return
	}
	l.eng.opts.Log.Warn("index is damaged or missing; it is made again from the segment", "topic", l.id.Topic, "partition", l.id.Partition, "segment", v.base)
	l.eng.mend(l, v.seg)
}
