package batch

import (
	"encoding/binary"
	"errors"
	"io"
	"sync"

	"github.com/klauspost/compress/snappy"
)

const (
	// snappyReach is how far back within its block a copy may refer when Snappy is decoded piece by piece. Snappy itself refers 64 KiB back; the encoder that
	// franz-go uses 4 MiB.
	snappyReach = 4 << 20
	// snappyStep is how much is decoded before what is beyond the reach is dropped.
	snappyStep = 1 << 20
)

// snappyReader decodes Snappy, with Kafka's framing or one block without it, and keeps no more of a block than copies may refer to.
type snappyReader struct {
	src    []byte // what follows the block
	framed bool
	begun  bool // of a raw block
	limit  int  // what all blocks to come may hold

	block   []byte // what is to be decoded of the block
	left    int    // bytes that it still has to give
	done    int    // bytes that it gave
	literal int    // bytes of a literal that are to be copied

	window []byte // the last bytes of the block
	read   int    // of the window
	err    error
}

var snappyReaders = sync.Pool{New: func() any { return new(snappyReader) }}

func openSnappy(src []byte, limit int) *snappyReader {
	z := snappyReaders.Get().(*snappyReader)
	*z = snappyReader{src: src, limit: limit, window: z.window[:0]}
	if isXerial(src) {
		z.framed, z.src = true, src[xerialHeader:]
	}
	return z
}

func (z *snappyReader) Close() error {
	z.src, z.block = nil, nil
	snappyReaders.Put(z)
	return nil
}

func (z *snappyReader) Read(p []byte) (int, error) {
	for z.read == len(z.window) {
		if z.err != nil {
			return 0, z.err
		}
		if z.left == 0 && len(z.block) == 0 && z.literal == 0 {
			z.err = z.next()
		} else {
			z.err = z.step()
		}
	}
	n := copy(p, z.window[z.read:])
	z.read += n
	return n, nil
}

// next begins the next block.
func (z *snappyReader) next() error {
	block := z.src
	switch {
	case !z.framed && z.begun, z.framed && len(z.src) == 0:
		return io.EOF
	case z.framed:
		if len(z.src) < 4 {
			return errors.New("a block's length is cut")
		}
		n := binary.BigEndian.Uint32(z.src)
		if z.src = z.src[4:]; uint64(n) > uint64(len(z.src)) {
			return errors.New("a block is cut")
		}
		block, z.src = z.src[:n], z.src[n:]
	}
	z.begun = true
	n, err := snappy.DecodedLen(block)
	switch {
	case err != nil:
		return err
	case n > z.limit:
		return errLimit
	case n > snappyMost(len(block)):
		return snappy.ErrCorrupt
	}
	_, at := binary.Uvarint(block)
	z.block, z.left, z.done, z.limit = block[at:], n, 0, z.limit-n
	z.window, z.read = z.window[:0], 0
	return nil
}

// step decodes until a piece is there or the block ends.
func (z *snappyReader) step() error {
	z.room()
	stop := min(cap(z.window), len(z.window)+pieceSize)
	for len(z.window)+64 <= stop && (z.literal > 0 || len(z.block) > 0) {
		if z.literal > 0 {
			n := min(z.literal, len(z.block), stop-len(z.window))
			if n == 0 {
				return snappy.ErrCorrupt
			}
			z.window = append(z.window, z.block[:n]...)
			z.block, z.literal = z.block[n:], z.literal-n
			z.done += n
			continue
		}
		if err := z.element(); err != nil {
			return err
		}
	}
	if len(z.block) == 0 && (z.literal > 0 || z.left > 0) {
		return snappy.ErrCorrupt
	}
	return nil
}

// room drops what no copy may refer to any more, or makes the window larger.
func (z *snappyReader) room() {
	if cap(z.window)-len(z.window) >= pieceSize {
		return
	}
	if cap(z.window) >= snappyReach+snappyStep {
		n := copy(z.window, z.window[len(z.window)-snappyReach:])
		z.window, z.read = z.window[:n], n
		return
	}
	grown := make([]byte, len(z.window), min(max(4*cap(z.window), 4*pieceSize), snappyReach+snappyStep))
	copy(grown, z.window)
	z.window = grown
}

// element decodes a tag and the copy that it stands for, or begins a literal.
func (z *snappyReader) element() error {
	b := z.block
	tag := b[0]
	var size, length, offset int // size is that of the element, without a literal's bytes
	switch tag & 3 {
	case 0:
		size, length = 1, int(tag>>2)+1
		if extra := int(tag>>2) - 59; extra > 0 {
			if size += extra; size > len(b) {
				return snappy.ErrCorrupt
			}
			v := 0
			for i := range extra {
				v |= int(b[1+i]) << (8 * i)
			}
			length = v + 1
		}
		if length <= 0 || length > z.left || length > len(b)-size {
			return snappy.ErrCorrupt
		}
		z.block, z.literal, z.left = b[size:], length, z.left-length
		return nil
	case 1:
		if size = 2; size > len(b) {
			return snappy.ErrCorrupt
		}
		length, offset = 4+int(tag>>2&7), int(tag&0xe0)<<3|int(b[1])
	case 2:
		if size = 3; size > len(b) {
			return snappy.ErrCorrupt
		}
		length, offset = 1+int(tag>>2), int(binary.LittleEndian.Uint16(b[1:]))
	case 3:
		if size = 5; size > len(b) {
			return snappy.ErrCorrupt
		}
		length, offset = 1+int(tag>>2), int(binary.LittleEndian.Uint32(b[1:]))
	}
	if offset <= 0 || offset > z.done || length > z.left {
		return snappy.ErrCorrupt
	}
	if offset > snappyReach {
		return errors.New("a Snappy block refers to more than 4 MiB before")
	}
	for rest := length; rest > 0; { // what it refers to may be what it makes
		n := min(rest, offset)
		from := len(z.window) - offset
		z.window = append(z.window, z.window[from:from+n]...)
		rest -= n
	}
	z.block, z.left, z.done = b[size:], z.left-length, z.done+length
	return nil
}
