package commitlog

import (
	"fmt"
	"io"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/invariant"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

const (
	// turnBytes is how much of one log is written before another's turn.
	turnBytes = 8 << 20
	// directBytes is the least that is worth a direct write.
	directBytes = 128 << 10
	// pieceBuffer is the size of one direct write.
	pieceBuffer = 1 << 20
)

// chunk is what is written to one segment in one turn.
type chunk struct {
	seg     *segment
	batches []tailBatch
	entries []indexEntry // of seg.pending, those of the batches
	rest    bool         // also the part behind the last whole block
}

func (c *chunk) end() int64 {
	if len(c.batches) == 0 {
		return c.seg.written
	}
	b := c.batches[len(c.batches)-1]
	return b.pos + int64(b.size)
}

// writeBehind moves the committed batches below an offset from the tail to their segments. Unless it is to write the whole, what does not fill a
// block stays in the tail. It is one at a time for a log.
func (e *Engine) writeBehind(l *Log, upTo int64, whole bool) error {
	l.mu.Lock()
	for l.busy {
		l.waitIdleLocked()
	}
	l.busy = true
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		l.busy = false
		l.wakeLocked()
		if l.state == nil && l.tail.committed > l.tail.head {
			e.committedLocked(l)
		}
		l.mu.Unlock()
		l.dropDeferred()
	}()
	for {
		chunks, more := l.collect(upTo, whole)
		if len(chunks) == 0 {
			return nil
		}
		for i := range chunks {
			if err := e.writeChunk(l, &chunks[i]); err != nil {
				return err
			}
		}
		if !more {
			return nil
		}
	}
}

// collect takes the next turn's batches, a chunk for each segment. more says that others are left.
func (l *Log) collect(upTo int64, whole bool) (chunks []chunk, more bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != nil {
		return nil, false
	}
	n := int64(0)
	for i := l.tail.head; i < l.tail.committed && l.tail.batches[i].base < upTo; i++ {
		b := l.tail.batches[i]
		if n > 0 && n+int64(b.size) > turnBytes {
			more = whole
			break
		}
		n += int64(b.size)
		if len(chunks) == 0 || chunks[len(chunks)-1].seg != b.seg {
			chunks = append(chunks, chunk{seg: b.seg})
		}
		c := &chunks[len(chunks)-1]
		c.batches = append(c.batches, b)
	}
	// A segment may be complete in its file before it is sealed: then its last index entry is all that is left to write.
	for _, s := range l.segments {
		if s.sealed && s.existing && s.written == s.Size && len(s.pending) > 0 {
			chunks = append(chunks, chunk{seg: s})
		}
	}
	for i := range chunks {
		c := &chunks[i]
		complete := c.seg.sealed && c.end() == c.seg.Size
		c.rest = complete || whole && !more
		for _, x := range c.seg.pending {
			if x.pos < c.end() || x.timeOnly && x.pos == c.end() {
				c.entries = append(c.entries, x)
			}
		}
	}
	return chunks, more
}

// writeChunk writes a chunk's bytes and index entries, moves W, and lets the memory go.
func (e *Engine) writeChunk(l *Log, c *chunk) error {
	s := c.seg
	dir := e.dir(l.id)
	if err := e.makeFiles(l, dir, s); err != nil {
		return fmt.Errorf("write behind %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	if err := e.cutOverhang(dir, s); err != nil {
		return fmt.Errorf("write behind %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	if err := e.writeBytes(l, c, segmentFile(dir, s.Base, suffixLog)); err != nil {
		return fmt.Errorf("write behind %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	// Whole batches that are in the file now.
	n, written := 0, s.written
	for n < len(c.batches) && c.batches[n].pos+int64(c.batches[n].size) <= s.phys {
		written = c.batches[n].pos + int64(c.batches[n].size)
		n++
	}
	m, index, times := 0, []byte(nil), []byte(nil)
	for m < len(c.entries) && (c.entries[m].pos < written || c.entries[m].timeOnly && c.entries[m].pos == written) {
		if x := c.entries[m]; !x.timeOnly {
			index = appendIndexEntry(index, s.Base, x)
		}
		if x := c.entries[m]; x.timed {
			times = appendTimeEntry(times, s.Base, x)
		}
		m++
	}
	if err := e.appendFile(dir, segmentFile(dir, s.Base, suffixIndex), int64(s.indexed)*indexEntrySize, index); err != nil {
		return fmt.Errorf("write behind %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	if err := e.appendFile(dir, segmentFile(dir, s.Base, suffixTimeIndex), int64(s.timed)*timeEntrySize, times); err != nil {
		return fmt.Errorf("write behind %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	l.mu.Lock()
	invariant.Check(n <= l.tail.committed-l.tail.head, "%s-%d: wrote behind %d batches of %d", l.id.Topic, l.id.Partition, n, l.tail.committed-l.tail.head)
	l.tail.pop(n)
	s.written = written
	s.indexed += int32(len(index) / indexEntrySize)
	s.timed += int32(len(times) / timeEntrySize)
	s.pending = append([]indexEntry(nil), s.pending[m:]...)
	l.mu.Unlock()
	e.letGo(c.batches[:n])
	return nil
}

// letGo gives the memory of batches back.
func (e *Engine) letGo(gone []tailBatch) {
	freed := int64(0)
	for _, b := range gone {
		if b.bytes != nil {
			freed += int64(b.size)
		}
		if b.owner != nil {
			b.owner.Release()
		}
	}
	if freed > 0 {
		e.memory.give(freed)
	}
}

// appendFile writes to a file of a directory, and creates it when it has nothing yet.
func (e *Engine) appendFile(dir, name string, at int64, data []byte) error {
	if len(data) == 0 {
		return nil
	}
	h, err := e.opts.Files.Get(name, vfs.Create)
	if err != nil {
		return err
	}
	defer h.Release()
	if at == 0 {
		e.named(dir, false)
	}
	_, err = h.WriteAt(data, at)
	return err
}

// writeBytes brings the segment's file forward: whole blocks directly when there are enough of them, the rest through the page cache when it is wanted.
func (e *Engine) writeBytes(l *Log, c *chunk, name string) error {
	if len(c.batches) == 0 {
		return nil
	}
	s, end := c.seg, c.end()
	if aligned := end &^ (vfs.BlockSize - 1); aligned-s.phys >= directBytes {
		h, err := e.opts.Files.Get(name, vfs.ReadWrite|vfs.Direct)
		if err != nil {
			return err
		}
		if h.Direct() {
			err = e.writeDirect(l, c, h, name, aligned)
		}
		h.Release()
		if err != nil {
			return err
		}
		if s.phys == aligned && !c.rest {
			return nil
		}
	}
	if s.phys >= end {
		return nil
	}
	h, err := e.opts.Files.Get(name, vfs.ReadWrite)
	if err != nil {
		return err
	}
	defer h.Release()
	var bufs [][]byte
	for b, err := range l.pieces(c, s.phys, end) {
		if err != nil {
			return err
		}
		bufs = append(bufs, b)
	}
	if _, err := h.WritevAt(bufs, s.phys); err != nil {
		return err
	}
	s.cached.Add(end - s.phys)
	s.phys = end
	return nil
}

// writeDirect writes from the start of the block in which the file ends up to a block boundary, past the page cache. Bytes of that first block that are
// there already are read back and written again.
func (e *Engine) writeDirect(l *Log, c *chunk, h *vfs.Handle, name string, end int64) error {
	s := c.seg
	start := s.phys &^ (vfs.BlockSize - 1)
	buf := <-e.pieces
	if buf == nil {
		buf = vfs.AlignedBuffer(pieceBuffer)
	}
	defer func() { e.pieces <- buf }()
	fill := 0
	if start < s.phys {
		r, err := e.opts.Files.Get(name, vfs.ReadWrite)
		if err != nil {
			return err
		}
		fill = int(s.phys - start)
		_, err = io.ReadFull(io.NewSectionReader(r, start, int64(fill)), buf[:fill])
		r.Release()
		if err != nil {
			return fmt.Errorf("read back %s at %d: %w", name, start, err)
		}
	}
	at := start
	for b, err := range l.pieces(c, s.phys, end) {
		if err != nil {
			return err
		}
		for len(b) > 0 {
			n := copy(buf[fill:], b)
			b, fill = b[n:], fill+n
			if fill == len(buf) {
				if _, err := h.WriteAt(buf, at); err != nil {
					return err
				}
				at, fill = at+int64(fill), 0
				s.phys = at
			}
		}
	}
	if fill > 0 {
		if _, err := h.WriteAt(buf[:fill], at); err != nil {
			return err
		}
		s.phys = at + int64(fill)
	}
	return nil
}

// pieces yields the bytes of a chunk from one position of the segment to another. Batches that a recovery left in the write-ahead log are read from it.
func (l *Log) pieces(c *chunk, from, to int64) func(func([]byte, error) bool) {
	return func(yield func([]byte, error) bool) {
		for _, t := range c.batches {
			if t.pos+int64(t.size) <= from {
				continue
			}
			if t.pos >= to {
				return
			}
			b := t.bytes
			if b == nil {
				var err error
				if b, err = l.fromWAL(t); err != nil {
					yield(nil, err)
					return
				}
			}
			lo, hi := max(from-t.pos, 0), min(to-t.pos, int64(t.size))
			if !yield(b[lo:hi], nil) {
				return
			}
		}
	}
}

// fromWAL reads a batch back from the write-ahead log, and checks that it is the one.
func (l *Log) fromWAL(t tailBatch) ([]byte, error) {
	b := make([]byte, t.size)
	if err := l.eng.wal.ReadAt(t.ref, b); err != nil {
		return nil, err
	}
	if why := checkStored(b, t.base, t.last); why != "" {
		return nil, &CorruptError{Topic: l.id.Topic, Partition: l.id.Partition, File: fmt.Sprintf("wal/%010d.wal", t.ref.File), Position: t.ref.Offset, Offset: t.base, Detail: why}
	}
	return b, nil
}

// checkStored says what is wrong with bytes that should be the batch of these offsets.
func checkStored(b []byte, base, last int64) string {
	x, rest, err := batch.Next(b)
	switch {
	case err != nil:
		return err.Error()
	case len(rest) > 0:
		return "it is shorter than it was"
	case x.BaseOffset() != base || x.LastOffset() != last:
		return fmt.Sprintf("it holds offsets %d to %d instead of %d to %d", x.BaseOffset(), x.LastOffset(), base, last)
	}
	if err := x.CheckCRC(); err != nil {
		return err.Error()
	}
	return ""
}

// makeFiles creates a segment's file, and the partition's directory with the first. The indexes come with their first entries: where thousands of partitions
// are small, they would be two files of three.
func (e *Engine) makeFiles(l *Log, dir string, s *segment) error {
	if s.existing {
		return nil
	}
	made, err := e.makeDirectory(dir, l.id)
	if err != nil {
		return err
	}
	for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} { // left by a start that did not get as far as its checkpoint
		name := segmentFile(dir, s.Base, suffix)
		e.opts.Files.Forget(name)
		if err := removeIfThere(e.opts.FS, name); err != nil {
			return err
		}
	}
	h, err := e.opts.Files.Get(segmentFile(dir, s.Base, suffixLog), vfs.Create)
	if err != nil {
		return err
	}
	h.Release()
	e.named(dir, made)
	s.existing = true
	return nil
}

// named has the next checkpoint sync a directory, which has a new file, and the one above it when it is itself new.
func (e *Engine) named(dir string, made bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.newDirs[dir] = true
	if made {
		e.newDirs[e.opts.Dir] = true
	}
}
