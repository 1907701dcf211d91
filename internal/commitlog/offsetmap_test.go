package commitlog

import (
	"fmt"
	"testing"
)

// The table of keys knows the last offset of each key, takes no more memory than its limit, uses nearly all of it, and says so when it is full.
func TestOffsetMapKeepsToItsLimit(t *testing.T) {
	const bytes = 8 << 20
	m := newOffsetMap(bytes, 0.9)
	size := func() (n int) {
		for i := range m.shards {
			n += len(m.shards[i].slots) * mapSlotSize
		}
		return n
	}
	if size() > 0 {
		t.Fatalf("an empty table has %d bytes", size())
	}
	n := int64(0)
	for ; m.put(fmt.Appendf(nil, "key %d", n), n); n++ {
		if n == 1000 && size() > 200_000 {
			t.Fatalf("%d bytes for a thousand keys", size())
		}
	}
	if size() > bytes || float64(n) < 0.8*bytes/mapSlotSize || m.count != int(n) {
		t.Fatalf("full with %d keys in %d bytes", n, size())
	}
	if !m.put([]byte("key 7"), n) {
		t.Error("a key that is known finds no room")
	}
	for i := range n {
		want := i
		if i == 7 {
			want = n
		}
		if got := m.get(fmt.Appendf(nil, "key %d", i)); got != want {
			t.Fatalf("key %d: %d, want %d", i, got, want)
		}
	}
	if got := m.get([]byte("another")); got != -1 {
		t.Errorf("a key that is not there: %d", got)
	}
	if m.clear(); m.get([]byte("key 1")) != -1 || size() > 0 {
		t.Error("it is not empty")
	}
}
