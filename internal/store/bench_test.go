package store

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// BenchmarkAppend appends batches to four partitions on the disk, sixteen in flight for each, and waits for all answers: all of the broker but
// its network.
func BenchmarkAppend(b *testing.B) {
	for _, size := range []int{4 << 10, 128 << 10, 1 << 20} {
		b.Run(fmt.Sprintf("%dKiB", size>>10), func(b *testing.B) {
			s := mustOpen(b, Options{FS: vfs.Disk(), Dir: filepath.Join(b.TempDir(), "data")})
			defer mustClose(b, s)
			t, err := s.CreateTopic(context.Background(), newTopic("t", 4))
			if err != nil {
				b.Fatal(err)
			}
			flight := make(chan struct{}, 64)
			free := make(chan batch.Batch, 4096) // memory that the log has let go
			var records [][]byte
			for range size / 1024 {
				records = append(records, make([]byte, 1010))
			}
			one := makeBatch(batch.None, records...)
			b.SetBytes(int64(len(one)))
			b.ReportAllocs()
			b.ResetTimer()
			now := time.Now().UnixMilli()
			for i := range b.N {
				flight <- struct{}{}
				var x batch.Batch
				select {
				case x = <-free:
				default:
					x = append(x, one...)
				}
				o := &owned{b: x, free: free}
				o.Retain()
				t.Partitions[i%4].Append(context.Background(), &commitlog.Append{Batch: x, Owner: o, Now: now, Done: func(a *commitlog.Append) {
					if a.Err != nil {
						b.Error(a.Err)
					}
					o.Release()
					<-flight
				}})
			}
			for range cap(flight) {
				flight <- struct{}{}
			}
		})
	}
}

// owned is a batch's memory, used again once the log has let it go.
type owned struct {
	n    atomic.Int32
	b    batch.Batch
	free chan batch.Batch
}

func (o *owned) Retain() { o.n.Add(1) }

func (o *owned) Release() {
	if o.n.Add(-1) == 0 {
		select {
		case o.free <- o.b:
		default:
		}
	}
}
