package batch

import (
	"encoding/binary"
	"math"
)

// Compaction says what is to be left of a batch.
type Compaction struct {
	// Keep says whether a record stays. key and value are nil when they are null; they are valid during the call.
	Keep func(offset int64, key, value []byte) bool
	// KeepEmpty keeps the header when no record stays: it holds a producer's last sequence, or the last offset.
	KeepEmpty bool
	// Horizon is the time until which tombstones are kept at least: it is put into a batch that keeps one and has no horizon yet (KIP-534).
	Horizon int64
	// MaxDecompressed bounds the memory for a compressed batch: what it holds is taken whole, and twice where records go.
	MaxDecompressed int
}

// Compact appends to dst what is left of the batch, which may be nothing, and returns how many records stay. Offsets, timestamps, sequences and the codec stay
// as they are, and a batch that keeps all is not changed. The checksum of b is taken as it is. On an error dst is as it was.
func (b Batch) Compact(dst []byte, c Compaction) (out []byte, kept int, err error) {
	p := buffers.Get().(*[]byte)
	defer putBuffer(p)
	body, err := b.plain(*p, c.MaxDecompressed)
	if err != nil {
		return dst, 0, err
	}
	if b.Compression() != None {
		*p = body
	}
	count, first := int(b.Count()), b.FirstTimestamp()
	left := buffers.Get().(*[]byte)
	defer putBuffer(left)
	greatest, tombstones := int64(noTimestamp), false
	var f fields
	for i, rest := 0, body; i < count; i++ {
		n, why := f.parse(rest)
		if why == "" && (f.offsetDelta < 0 || f.offsetDelta > b.LastOffsetDelta()) {
			why = "its offset is not in the batch"
		}
		if why != "" {
			return dst, 0, fail(ErrInvalidRecord, "record %d of %d: %s", i, count, why)
		}
		if c.Keep(b.BaseOffset()+int64(f.offsetDelta), f.key, f.value) {
			kept++
			*left = append(*left, rest[:n]...)
			greatest = max(greatest, first+f.timestampDelta)
			tombstones = tombstones || f.value == nil
		}
		rest = rest[n:]
		if i == count-1 {
			if err := b.checkEnd(len(rest)); err != nil {
				return dst, 0, err
			}
		}
	}
	horizon := tombstones && !b.Control() && !b.HasDeleteHorizon()
	switch {
	case kept == 0 && !c.KeepEmpty:
		return dst, 0, nil
	case kept == count && !horizon:
		return append(dst, b...), kept, nil
	}
	at := len(dst)
	out = append(dst, b[:HeaderSize]...)
	x := Batch(out[at:])
	binary.BigEndian.PutUint32(x[countOffset:], uint32(kept))
	if kept == 0 {
		x.setAttributes(b.Attributes() &^ (codecMask | deleteHorizonBit))
		x.setFirstTimestamp(noTimestamp)
		x.seal()
		return out, 0, nil
	}
	if b.TimestampType() == CreateTime {
		x.setMaxTimestamp(greatest)
	}
	if horizon {
		x.setAttributes(b.Attributes() | deleteHorizonBit)
		x.setFirstTimestamp(c.Horizon)
		shifted := buffers.Get().(*[]byte)
		defer putBuffer(shifted)
		*shifted = shiftTimestamps((*shifted)[:0], *left, first-c.Horizon)
		left = shifted
	}
	out = compress(out, b.Compression(), 0, *left)
	if len(out)-at > math.MaxInt32 {
		return dst, 0, fail(ErrTooLarge, "it has %d bytes after compaction", len(out)-at)
	}
	Batch(out[at:]).seal()
	return out, kept, nil
}

// shiftTimestamps appends records that were parsed before, with by added to the deltas of their timestamps.
func shiftTimestamps(dst, records []byte, by int64) []byte {
	var buf [binary.MaxVarintLen64]byte
	for len(records) > 0 {
		length, at := readVarint32(records, 0)
		end := at + int(length)
		delta, rest := readVarint64(records, at+1)
		d := appendVarint(buf[:0], delta+by)
		dst = appendVarint(dst, int64(1+len(d)+end-rest))
		dst = append(dst, records[at])
		dst = append(dst, d...)
		dst = append(dst, records[rest:end]...)
		records = records[end:]
	}
	return dst
}
