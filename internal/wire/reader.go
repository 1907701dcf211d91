package wire

import "encoding/binary"

// reader walks over bytes from outside. Once they end early it is bad and stays so: it returns zeros and has nothing left.
type reader struct {
	src []byte
	bad bool
}

func (r *reader) fail() {
	r.src, r.bad = nil, true
}

// take returns the next n bytes.
func (r *reader) take(n int) []byte {
	if n < 0 || n > len(r.src) {
		r.fail()
		return nil
	}
	b := r.src[:n:n]
	r.src = r.src[n:]
	return b
}

// nullable returns the next n bytes, and none when n is negative.
func (r *reader) nullable(n int) []byte {
	if n < 0 {
		return nil
	}
	return r.take(n)
}

func (r *reader) uint16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) uint32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// uvarint reads an unsigned number of at most 5 bytes and 32 bits.
func (r *reader) uvarint() uint32 {
	var x uint32
	for i, c := range r.src {
		if i == 4 && c > 0x0f {
			break
		}
		x |= uint32(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.src = r.src[i+1:]
			return x
		}
	}
	r.fail()
	return 0
}

// tagCount reads how many tagged fields follow; each has at least a byte for its key and one for its size.
func (r *reader) tagCount() int {
	n := r.uvarint()
	if uint64(n)*2 > uint64(len(r.src)) {
		r.fail()
		return 0
	}
	return int(n)
}

func (r *reader) skipTags() {
	for n := r.tagCount(); n > 0 && !r.bad; n-- {
		r.uvarint()
		r.take(int(r.uvarint()))
	}
}
