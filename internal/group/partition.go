package group

import "unicode/utf16"

// javaHash is the hash code of a text in Java: of its UTF-16 units.
func javaHash(s string) uint32 {
	h := uint32(0)
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(u)
	}
	return h
}

// Partition returns the partition of __consumer_offsets that a group belongs to, among n: the absolute value of its id's hash in Java, modulo n.
func Partition(group string, n int32) int32 {
	h := int32(javaHash(group))
	switch {
	case h == -1<<31:
		return 0 // it has no absolute value
	case h < 0:
		h = -h
	}
	return h % n
}
