package codec

import (
	"encoding/binary"
	"slices"
	"unsafe"
)

// resized returns n values, whatever they are, in the memory of s if it suffices. What is cut off is cleared, so that it holds on to nothing.
func resized[T any](s []T, n int) []T {
	if n > cap(s) {
		return slices.Grow(s[:0], n)[:n]
	}
	if n < len(s) {
		clear(s[n:])
	}
	return s[:n]
}

// textOf is b as a text, without a copy: b is never changed again.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

// bytesOf is a text as bytes, without a copy: they are never changed.
func bytesOf(s string) []byte { return unsafe.Slice(unsafe.StringData(s), len(s)) }

// memoryOf is the memory in which numbers are, as bytes.
func memoryOf(numbers []float64) []byte {
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(numbers))), 8*len(numbers))
}

// littleEndian says that this machine has numbers in memory as packets have them.
var littleEndian = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// turn turns the bytes of each number around.
func turn(b []byte) {
	for ; len(b) >= 8; b = b[8:] {
		binary.BigEndian.PutUint64(b, binary.LittleEndian.Uint64(b))
	}
}
