package batch

// Varints are little-endian groups of seven bits; a signed number is zigzag-coded. Readers give the place behind the
// number, or a negative one when b ends before it does or the number does not fit its type: clients read no more than 5
// bytes for 32 bits and 10 for 64, so a longer form of a small number is refused too.

func readVarint32(b []byte, at int) (v int32, next int) {
	if uint(at) < uint(len(b)) && b[at] < 0x80 {
		u := uint32(b[at])
		return int32(u>>1) ^ -int32(u&1), at + 1
	}
	var u uint32
	for shift := 0; shift < 35 && at < len(b); shift += 7 {
		c := b[at]
		at++
		if shift == 28 && c > 0x0f {
			return 0, -1
		}
		u |= uint32(c&0x7f) << shift
		if c < 0x80 {
			return int32(u>>1) ^ -int32(u&1), at
		}
	}
	return 0, -1
}

// shortVarint makes a number of its first two bytes and gives its length, which is 3 when it is longer than two.
func shortVarint(first, second byte) (v, length int) {
	u, length := int(first), 1
	if u >= 0x80 {
		u, length = u&0x7f|int(second)<<7, 2+int(second>>7)
	}
	return u>>1 ^ -(u & 1), length
}

func readVarint64(b []byte, at int) (v int64, next int) {
	var u uint64
	for shift := 0; shift < 70 && at < len(b); shift += 7 {
		c := b[at]
		at++
		if shift == 63 && c > 0x01 {
			return 0, -1
		}
		u |= uint64(c&0x7f) << shift
		if c < 0x80 {
			return int64(u>>1) ^ -int64(u&1), at
		}
	}
	return 0, -1
}

// readBytes reads a length and as many bytes; nil is null, which is any negative length, as in Kafka.
func readBytes(b []byte, at int) (v []byte, next int) {
	n, at := readVarint32(b, at)
	if at < 0 || int(n) > len(b)-at {
		return nil, -1
	}
	if n < 0 {
		return nil, at
	}
	end := at + int(n)
	return b[at:end:end], end
}

// appendBytes is the inverse of readBytes.
func appendBytes(dst, v []byte) []byte {
	if v == nil {
		return append(dst, 1)
	}
	return append(appendVarint(dst, int64(len(v))), v...)
}

// appendVarint writes 32 and 64 bits alike.
func appendVarint(dst []byte, v int64) []byte {
	u := uint64(v<<1) ^ uint64(v>>63)
	for u >= 0x80 {
		dst = append(dst, byte(u)|0x80)
		u >>= 7
	}
	return append(dst, byte(u))
}
