package producers

import (
	"encoding/binary"
	"fmt"
)

const (
	snapshotVersion = 1

	snapshotHeader = 1 + 4         // version, producers
	entryHeader    = 8 + 2 + 8 + 1 // id, epoch, last use, batches
	spanSize       = 8 + 8 + 4 + 4 // last offset, timestamp, last sequence, delta
)

// AppendSnapshot appends the State to dst, in the format of the package's documentation, and returns the longer
// slice.
func (s *State) AppendSnapshot(dst []byte) []byte {
	dst = append(dst, snapshotVersion)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s.entries)))
	for _, id := range s.ids() {
		e := s.entries[id]
		dst = binary.BigEndian.AppendUint64(dst, uint64(id))
		dst = binary.BigEndian.AppendUint16(dst, uint16(e.epoch))
		dst = binary.BigEndian.AppendUint64(dst, uint64(e.lastUse))
		dst = append(dst, e.count)
		for i := range int(e.count) {
			b := e.at(i)
			dst = binary.BigEndian.AppendUint64(dst, uint64(b.lastOffset))
			dst = binary.BigEndian.AppendUint64(dst, uint64(b.maxTimestamp))
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.lastSequence))
			dst = binary.BigEndian.AppendUint32(dst, uint32(b.delta))
		}
	}
	return dst
}

// DecodeSnapshot reads what AppendSnapshot wrote: all of b, which it does not keep. Its errors wrap [ErrMalformed] or
// [ErrNewer]. It takes memory only in proportion to len(b).
func DecodeSnapshot(b []byte) (State, error) {
	if len(b) > 0 && b[0] > snapshotVersion {
		return State{}, fmt.Errorf("%w: version %d, known up to %d", ErrNewer, b[0], snapshotVersion)
	}
	if len(b) < snapshotHeader || b[0] != snapshotVersion {
		return State{}, fmt.Errorf("%w: %d bytes, no header of version %d", ErrMalformed, len(b), snapshotVersion)
	}
	n := int64(binary.BigEndian.Uint32(b[1:]))
	rest := b[snapshotHeader:]
	if n > int64(len(rest)/entryHeader) {
		return State{}, fmt.Errorf("%w: %d producers in %d bytes", ErrMalformed, n, len(rest))
	}
	if n == 0 && len(rest) == 0 {
		return State{}, nil
	}
	entries := make(map[int64]*entry, n)
	last := int64(-1)
	for range n {
		if len(rest) < entryHeader {
			return State{}, fmt.Errorf("%w: ends within a producer", ErrMalformed)
		}
		id := int64(binary.BigEndian.Uint64(rest))
		if id <= last {
			return State{}, fmt.Errorf("%w: producer %d after producer %d", ErrMalformed, id, last)
		}
		last = id
		e := &entry{
			epoch:   int16(binary.BigEndian.Uint16(rest[8:])),
			lastUse: int64(binary.BigEndian.Uint64(rest[10:])),
		}
		count := int(rest[18])
		rest = rest[entryHeader:]
		if count > remembered || len(rest) < count*spanSize {
			return State{}, fmt.Errorf("%w: producer %d has %d batches in %d bytes", ErrMalformed, id, count, len(rest))
		}
		for range count {
			s := span{
				lastOffset:   int64(binary.BigEndian.Uint64(rest)),
				maxTimestamp: int64(binary.BigEndian.Uint64(rest[8:])),
				lastSequence: int32(binary.BigEndian.Uint32(rest[16:])),
				delta:        int32(binary.BigEndian.Uint32(rest[20:])),
			}
			if s.lastSequence < 0 || s.delta < 0 {
				return State{}, fmt.Errorf("%w: producer %d has a batch that ends at offset %d, sequence %d, after %d more records",
					ErrMalformed, id, s.lastOffset, s.lastSequence, s.delta)
			}
			e.push(s)
			rest = rest[spanSize:]
		}
		entries[id] = e
	}
	if len(rest) != 0 {
		return State{}, fmt.Errorf("%w: %d bytes after the last producer", ErrMalformed, len(rest))
	}
	return State{entries: entries}, nil
}
