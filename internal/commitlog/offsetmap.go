package commitlog

import (
	"crypto/sha256"
	"encoding/binary"
)

const (
	mapShards   = 256
	mapSlotSize = 24 // a key's hash, and its offset plus one
	mapMinSlots = 16
)

// offsetMap knows the last offset of each key, by the key's hash: 128 bits of SHA-256, so that nobody can make two keys that are taken for one. It takes
// memory as it is needed, and no more than its limit. It grows a shard at a time, so that growing takes little.
type offsetMap struct {
	limit  int // slots of a shard at most
	most   int // entries of a shard at most
	total  int // entries at most
	load   float64
	shards [mapShards]mapShard
	count  int
}

type mapShard struct {
	slots []mapSlot
	count int
}

type mapSlot struct {
	hash [16]byte
	next int64 // the offset plus one; 0 for a free slot
}

// newOffsetMap makes a map of so many bytes, of whose slots a part may be in use.
func newOffsetMap(bytes int64, load float64) *offsetMap {
	m := &offsetMap{limit: max(int(bytes/mapSlotSize/mapShards), 2), load: load}
	if m.load <= 0 || m.load >= 1 {
		m.load = 0.9
	}
	m.most = min(max(int(float64(m.limit)*m.load), 1), m.limit-1) // one is always free
	m.total = max(int(float64(bytes/mapSlotSize)*m.load), 1)
	return m
}

// clear forgets all keys and lets the memory go.
func (m *offsetMap) clear() {
	m.shards, m.count = [mapShards]mapShard{}, 0
}

// put notes a key's offset, which is above all offsets before. It says false when there is no room for another key.
func (m *offsetMap) put(key []byte, offset int64) bool {
	h := sha256.Sum256(key)
	s := &m.shards[h[0]]
	if len(s.slots) > 0 {
		if i, found := s.find(h[:16]); found {
			s.slots[i].next = offset + 1
			return true
		}
	}
	if s.count >= m.most || m.count >= m.total {
		return false
	}
	if s.count+1 > int(float64(len(s.slots))*m.load) && len(s.slots) < m.limit {
		s.grow(min(max(mapMinSlots, len(s.slots)+len(s.slots)/2), m.limit))
	}
	i, _ := s.find(h[:16])
	s.slots[i] = mapSlot{hash: [16]byte(h[:16]), next: offset + 1}
	s.count++
	m.count++
	return true
}

// get returns a key's offset, or -1.
func (m *offsetMap) get(key []byte) int64 {
	h := sha256.Sum256(key)
	s := &m.shards[h[0]]
	if len(s.slots) == 0 {
		return -1
	}
	i, _ := s.find(h[:16])
	return s.slots[i].next - 1
}

// find returns a hash's slot, or the free one where it belongs.
func (s *mapShard) find(hash []byte) (int, bool) {
	i := int(binary.LittleEndian.Uint64(hash[8:]) % uint64(len(s.slots)))
	for ; s.slots[i].next != 0; i = (i + 1) % len(s.slots) {
		if s.slots[i].hash == [16]byte(hash) {
			return i, true
		}
	}
	return i, false
}

func (s *mapShard) grow(n int) {
	old := s.slots
	s.slots = make([]mapSlot, n)
	for _, x := range old {
		if x.next != 0 {
			i, _ := s.find(x.hash[:])
			s.slots[i] = x
		}
	}
}
