package bobbin

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// BenchmarkIdleStream reports the memory of a stream that is read and has nothing to give at the moment.
func BenchmarkIdleStream(b *testing.B) {
	var began atomic.Int64
	p := aPartition(ConsumerOptions{}, func(_ context.Context, s *StreamReader) error {
		v, n := s.Number("v"), 0
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			if rows, ok := p.(*Rows); ok {
				for _, row := range rows.All() {
					if _, ok := row.Num(v); ok {
						n++
					}
				}
				began.Add(1)
			}
		}
		return nil
	})
	memory := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapInuse + m.StackInuse
	}
	before := memory()
	const streams = 10_000
	for i := range int64(streams) {
		p.take(kafka.PartitionRecords{Records: []kafka.Record{packetRecord(i, fmt.Sprint("stream-", i), codec.KindRows, rowsValue([]int64{1, 2, 3}))}})
	}
	for began.Load() < streams {
		runtime.Gosched()
	}
	b.ReportMetric(float64(memory()-before)/streams, "B/stream")
	var ms runtime.MemStats
	runtime.ReadMemStats(&ms)
	b.ReportMetric(float64(ms.StackInuse)/streams, "stack/stream")
	b.ReportMetric(0, "ns/op")
	p.cancel(ErrRevoked)
	p.handlers.Wait()
}

// BenchmarkReadRows reports what a value costs on its way from a record to a handler, and that nothing is allocated for it.
func BenchmarkReadRows(b *testing.B) {
	for _, format := range []codec.Format{codec.JSON, codec.Binary} {
		b.Run(format.String(), func(b *testing.B) {
			const rows, numbers = 1000, 10
			block := codec.Block{Times: make([]int64, rows)}
			for c := range numbers {
				block.Columns = append(block.Columns, codec.Column{Kind: codec.Number, Name: fmt.Sprint("n", c), Numbers: make([]float64, rows)})
			}
			for i := range rows {
				block.Times[i] = int64(i) * 1e6
				for c := range block.Columns {
					block.Columns[c].Numbers[i] = float64(i*c) / 8
				}
			}
			value, err := codec.AppendRows(nil, format, &block)
			if err != nil {
				b.Fatal(err)
			}
			read := make(chan int)
			p := aPartition(ConsumerOptions{}, func(_ context.Context, s *StreamReader) error {
				var handles []Number
				for c := range numbers {
					handles = append(handles, s.Number(fmt.Sprint("n", c)))
				}
				sum := 0.0
				for p, err := range s.Packets() {
					if err != nil {
						return err
					}
					if rows, ok := p.(*Rows); ok {
						for _, row := range rows.All() {
							for _, h := range handles {
								v, _ := row.Num(h)
								sum += v
							}
						}
						read <- rows.Len()
					}
				}
				return nil
			})
			h := codec.Header{Format: format, Kind: codec.KindRows, Context: codec.NoContext}
			rec := kafka.Record{Key: []byte("s"), Value: value, Headers: []kafka.Header{{Key: codec.HeaderKey, Value: h.Append(nil)}}}
			b.ReportAllocs()
			b.SetBytes(int64(len(value)))
			for i := 0; b.Loop(); i++ {
				rec.Offset = int64(i)
				p.take(kafka.PartitionRecords{Records: []kafka.Record{rec}})
				<-read
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rows*numbers), "ns/value")
			p.cancel(ErrRevoked)
			p.handlers.Wait()
		})
	}
}

// BenchmarkBuildRows reports what a value costs on its way into a block, and that nothing is allocated for it.
func BenchmarkBuildRows(b *testing.B) {
	const rows, numbers = 1000, 10
	var names columns
	var build builder
	for c := range numbers {
		names.resolve(codec.Number, fmt.Sprint("n", c))
	}
	value := make([]byte, 0, 1<<20)
	b.ReportAllocs()
	for b.Loop() {
		for i := range int64(rows) {
			build.begin(i)
			for c := range numbers {
				build.number(c, &names, float64(i))
			}
		}
		var err error
		if value, err = codec.AppendRows(value[:0], codec.Binary, build.finish()); err != nil {
			b.Fatal(err)
		}
		build.reset()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/(rows*numbers), "ns/value")
}
