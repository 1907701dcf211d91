package bobbin

import "encoding/binary"

// partitionOf returns where Kafka's own clients put a key among n partitions: murmur2 of its bytes without the sign, modulo n
// (org.apache.kafka.common.utils.Utils.murmur2 and toPositive).
func partitionOf(key string, n int) int32 {
	return int32(murmur2([]byte(key))&0x7fffffff) % int32(n)
}

// murmur2 is the 32-bit hash of Austin Appleby's with Kafka's seed.
func murmur2(data []byte) uint32 {
	const m, r = 0x5bd1e995, 24
	h := 0x9747b28c ^ uint32(len(data))
	for len(data) >= 4 {
		k := binary.LittleEndian.Uint32(data)
		k *= m
		k ^= k >> r
		k *= m
		h *= m
		h ^= k
		data = data[4:]
	}
	switch len(data) {
	case 3:
		h ^= uint32(data[2]) << 16
		fallthrough
	case 2:
		h ^= uint32(data[1]) << 8
		fallthrough
	case 1:
		h ^= uint32(data[0])
		h *= m
	}
	h ^= h >> 13
	h *= m
	h ^= h >> 15
	return h
}
