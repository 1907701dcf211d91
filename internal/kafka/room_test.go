package kafka

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
)

// However many come and give up, there is never more on its way than there is room, and at the end all of it is free again.
func TestRoomIsNeverOverfilledAndNeverLost(t *testing.T) {
	r := newRoom(5, 100)
	var records, bytes atomic.Int64
	var all sync.WaitGroup
	for i := range 50 {
		all.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 200 {
				size := random.IntN(150)
				ctx, cancel := context.WithCancel(context.Background())
				if random.IntN(3) == 0 {
					cancel()
				}
				err := r.take(ctx, context.Background(), size)
				switch {
				case err == nil:
					if n, b := records.Add(1), bytes.Add(int64(min(size, 100))); n > 5 || b > 100 {
						t.Errorf("%d records of %d bytes at one time", n, b)
					}
					records.Add(-1)
					bytes.Add(-int64(min(size, 100)))
					r.give(size)
				case !errors.Is(err, context.Canceled):
					t.Error(err)
				}
				cancel()
			}
		})
	}
	all.Wait()
	if r.records != 5 || r.bytes != 100 || r.waiting.Len() != 0 {
		t.Errorf("%d records and %d bytes are free, %d wait", r.records, r.bytes, r.waiting.Len())
	}
}
