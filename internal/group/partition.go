package group

import (
	"math"
	"unicode/utf16"
)

// javaHash is the hash code of a text in Java: of its UTF-16 units.
func javaHash(s string) uint32 {
	h := uint32(0)
	for _, u := range utf16.Encode([]rune(s)) {
		h = 31*h + uint32(u)
	}
	return h
}

// Partition returns the partition of __consumer_offsets that a group belongs to, among n: the absolute value of the hash of its id in Java; 0 for the one
// hash that has none.
func Partition(group string, n int32) int32 {
	h := int32(javaHash(group))
	if h == math.MinInt32 {
		h = 0
	}
	return max(h, -h) % n
}
