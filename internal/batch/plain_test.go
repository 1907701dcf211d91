package batch

import (
	"math/rand/v2"
	"testing"
)

// parsePlain takes a record for nothing else than parse does, and takes those that are plain.
func TestPlainRecordsAreReadAsOthersAre(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	taken, plain := 0, 0
	for range 200_000 {
		b := NewBuilder(NoProducer())
		n := 1 + r.IntN(3)
		for range n {
			var key []byte
			if r.IntN(3) > 0 {
				key = make([]byte, r.IntN(100))
			}
			b.Append(1_000+r.Int64N(1<<r.IntN(30)), key, make([]byte, r.IntN(1<<r.IntN(10))))
		}
		body := []byte(b.Bytes()[HeaderSize:])
		changed := r.IntN(2) == 0
		if changed {
			for range 1 + r.IntN(3) {
				body[r.IntN(min(len(body), 24))] = byte(r.Uint32()) >> r.IntN(8)
			}
			body = body[:len(body)-r.IntN(min(3, len(body)))]
		}
		for len(body) > 0 {
			var want, got fields
			length, why := want.parse(body)
			n := got.parsePlain(body)
			if n != 0 && (why != "" || n != length || got.timestampDelta != want.timestampDelta || got.offsetDelta != want.offsetDelta || want.headerCount != 0) {
				t.Fatalf("%x: %d bytes, %+v; parse: %d bytes, %+v, %s", body, n, got, length, want, why)
			}
			if n > 0 {
				taken++
			}
			if !changed {
				plain++
			}
			if why != "" {
				break
			}
			body = body[length:]
		}
	}
	if taken < plain*3/4 {
		t.Errorf("%d records were taken, %d are plain", taken, plain)
	}
}
