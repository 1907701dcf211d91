package batch

import (
	"encoding/binary"
	"errors"

	"github.com/klauspost/compress/snappy"
)

// Kafka frames Snappy as the Java library snappy-java does: this header, two versions, and then blocks, each behind its
// length in 4 bytes. Some clients send one block and nothing around it, which Java reads as well.
const (
	xerialMagic  = "\x82SNAPPY\x00"
	xerialHeader = len(xerialMagic) + 8
	xerialBlock  = 32 << 10 // as large as Java makes them
)

func isXerial(src []byte) bool {
	return len(src) >= xerialHeader && string(src[:len(xerialMagic)]) == xerialMagic
}

// snappyMost is the most that n bytes of a block can hold: 64 bytes take at least 3.
func snappyMost(n int) int { return (n/3 + 1) * 64 }

func unsnappy(buf, src []byte, limit int) ([]byte, error) {
	if !isXerial(src) {
		return unsnappyBlock(buf[:0], src, limit)
	}
	buf = room(buf, src, limit)
	for src = src[xerialHeader:]; len(src) > 0; {
		if len(src) < 4 {
			return nil, errors.New("a block's length is cut")
		}
		n := binary.BigEndian.Uint32(src)
		if src = src[4:]; uint64(n) > uint64(len(src)) {
			return nil, errors.New("a block is cut")
		}
		var err error
		if buf, err = unsnappyBlock(buf, src[:n], limit); err != nil {
			return buf, err
		}
		src = src[n:]
	}
	return buf, nil
}

// unsnappyBlock appends a block. The strict form is Snappy without its descendants' extensions, which clients cannot
// read.
func unsnappyBlock(buf, src []byte, limit int) ([]byte, error) {
	n, err := snappy.DecodedLen(src)
	if err != nil {
		return nil, err
	}
	at := len(buf)
	if n > limit-at {
		return buf, errLimit
	}
	if n > snappyMost(len(src)) {
		return nil, snappy.ErrCorrupt
	}
	if cap(buf)-at < n {
		grown := make([]byte, at, min(max(at+n, 2*cap(buf)), max(limit, 0)))
		copy(grown, buf)
		buf = grown
	}
	if n == 0 {
		_, err = snappy.DecodeStrict(nil, src)
		return buf, err
	}
	out, err := snappy.DecodeStrict(buf[at:at+n], src)
	if err != nil {
		return nil, err
	}
	return buf[:at+len(out)], nil
}

func appendSnappy(dst, src []byte) []byte {
	dst, _ = appendXerialBlocks(appendXerialHeader(dst), nil, src)
	return dst
}

func appendXerialHeader(dst []byte) []byte {
	dst = append(dst, xerialMagic...)
	dst = binary.BigEndian.AppendUint32(dst, 1)  // version
	return binary.BigEndian.AppendUint32(dst, 1) // the oldest version that can read it
}

// appendXerialBlocks works in scratch, or in memory of its own that it gives for the next blocks.
func appendXerialBlocks(dst, scratch, src []byte) (out, work []byte) {
	if need := snappy.MaxEncodedLen(min(len(src), xerialBlock)); len(scratch) < need {
		scratch = make([]byte, need)
	}
	for len(src) > 0 {
		n := min(len(src), xerialBlock)
		block := snappy.Encode(scratch, src[:n])
		dst = binary.BigEndian.AppendUint32(dst, uint32(len(block)))
		dst = append(dst, block...)
		src = src[n:]
	}
	return dst, scratch
}
