package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/bobbinstream/bobbin"
)

// What the library's contests write: rows of ten numbers by a few writers, a thousand rows a packet.
const (
	streamNumbers = 10
	streamWriters = 8
	streamRows    = 1000
	streamParts   = 4
)

// rowsContest moves the same rows through streams and through plain records of packed 8-byte values, with the same client library below, on each broker.
func (b *bench) rowsContest() contest {
	c := contest{
		name:  "streams-rows",
		about: fmt.Sprintf("rows of %d numbers are written, stored, read and decoded for %v a turn: through streams, and by plain franz-go as packed 8-byte values", streamNumbers, b.dur/2),
		contestants: []contestant{
			{"streams", b.rowsTurn(b.startBobbin, moveStreams)},
			{"plain", b.rowsTurn(b.startBobbin, movePlain)},
		},
		probe: b.throughputProbe,
		goals: []goal{{"rows a second on bobbin, streams ÷ plain", ratio("rows_s", "streams", "plain"), 0.6, true}},
	}
	if b.kafka != "" {
		c.contestants = append(c.contestants, contestant{"streams-kafka", b.rowsTurn(b.startKafka, moveStreams)}, contestant{"plain-kafka", b.rowsTurn(b.startKafka, movePlain)})
		c.goals = append(c.goals, goal{"rows a second on Kafka, streams ÷ plain", ratio("rows_s", "streams-kafka", "plain-kafka"), 0.6, true})
	}
	return c
}

// mover writes so many rows by each writer, then reads all of them, and returns the sum of the numbers that it read.
type mover func(ctx context.Context, addr, topic string, rows int) (sum float64, err error)

// number is column c of row i, by every writer the same.
func number(i, c int) float64 { return float64(c) + math.Sqrt(float64(i))/3 }

func (b *bench) rowsTurn(server server, move mover) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := server(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		rows, want := 0, 0.0
		grow := func(n int) {
			for ; rows < n; rows++ {
				for c := range streamNumbers {
					want += number(rows, c) * streamWriters
				}
			}
		}
		for grow(50 * streamRows); ; grow(4 * rows) {
			topic := "rows-" + strconv.Itoa(rows)
			if err := createTopic(ctx, p.addr, topic, streamParts); err != nil {
				return nil, err
			}
			before := time.Now()
			sum, err := move(ctx, p.addr, topic, rows)
			if err != nil {
				return nil, err
			}
			took := time.Since(before)
			if math.Abs(sum-want) > want*1e-9 {
				return nil, fmt.Errorf("the numbers that were read have the sum %v, not %v: a wrong run has no speed", sum, want)
			}
			if took > b.dur/2 {
				return figures{"rows_s": float64(rows*streamWriters) / took.Seconds(), "rows": float64(rows * streamWriters), "seconds": took.Seconds()}, nil
			}
		}
	}
}

// openStreams makes a client of the library.
func openStreams(ctx context.Context, addr string) (*bobbin.Client, error) {
	return bobbin.Open(ctx, &bobbin.Options{Brokers: []string{addr}})
}

// each runs writers side by side.
func each(n int, write func(i int) error) error {
	errs := make(chan error, n)
	for i := range n {
		go func() { errs <- write(i) }()
	}
	var failed error
	for range n {
		if err := <-errs; err != nil {
			failed = err
		}
	}
	return failed
}

func moveStreams(ctx context.Context, addr, topic string, rows int) (float64, error) {
	client, err := openStreams(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer client.Close()
	p, err := client.Producer(topic, &bobbin.ProducerOptions{Format: bobbin.Binary, Placement: bobbin.Hashed})
	if err != nil {
		return 0, err
	}
	err = each(streamWriters, func(w int) error {
		s, err := p.Stream(ctx, fmt.Sprintf("writer-%d", w), &bobbin.StreamOptions{Buffer: bobbin.Buffer{Rows: streamRows}})
		if err != nil {
			return err
		}
		var columns []bobbin.Number
		for c := range streamNumbers {
			columns = append(columns, s.Number(fmt.Sprintf("n%d", c), nil))
		}
		row, values := s.Rows(columns...), make([]float64, streamNumbers)
		for i := range rows {
			for c := range values {
				values[c] = number(i, c)
			}
			if err := row.Append(ctx, bobbin.Time(i), values...); err != nil {
				return err
			}
		}
		return s.Close(ctx, bobbin.Closed)
	})
	if err != nil {
		return 0, err
	}
	x, err := client.Consumer(topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		return 0, err
	}
	reading, stop := context.WithCancel(ctx)
	defer stop()
	var mu sync.Mutex
	sum, ended := 0.0, 0
	err = x.Run(reading, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
		var columns []bobbin.Number
		for c := range streamNumbers {
			columns = append(columns, s.Number(fmt.Sprintf("n%d", c)))
		}
		own := 0.0
		for p, err := range s.Packets() {
			if err != nil {
				return err
			}
			if rows, ok := p.(*bobbin.Rows); ok {
				for _, h := range columns {
					for _, v := range rows.Num(h) {
						own += v
					}
				}
			}
		}
		mu.Lock()
		defer mu.Unlock()
		sum += own
		if ended++; ended == streamWriters {
			stop()
		}
		return nil
	}))
	return sum, err
}

func movePlain(ctx context.Context, addr, topic string, rows int) (float64, error) {
	// The settings are those of the library's producer.
	producer, err := newClient(addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.MaxBufferedBytes(32<<20), kgo.ProducerLinger(0))
	if err != nil {
		return 0, err
	}
	defer producer.Close()
	var failed atomic.Value
	err = each(streamWriters, func(w int) error {
		key := fmt.Appendf(nil, "writer-%d", w)
		var value []byte
		for i := range rows {
			value = binary.LittleEndian.AppendUint64(value, uint64(i))
			for c := range streamNumbers {
				value = binary.LittleEndian.AppendUint64(value, math.Float64bits(number(i, c)))
			}
			if (i+1)%streamRows == 0 || i == rows-1 {
				producer.Produce(ctx, &kgo.Record{Key: key, Value: value}, func(_ *kgo.Record, err error) {
					if err != nil {
						failed.Store(err)
					}
				})
				value = make([]byte, 0, streamRows*8*(1+streamNumbers))
			}
		}
		return nil
	})
	if err == nil {
		err = producer.Flush(ctx)
	}
	if err == nil && failed.Load() != nil {
		err = failed.Load().(error)
	}
	if err != nil {
		return 0, err
	}
	consumer, err := newClient(addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()), kgo.FetchMaxBytes(16<<20))
	if err != nil {
		return 0, err
	}
	defer consumer.Close()
	sum, read := 0.0, 0
	for read < rows*streamWriters {
		fetches := consumer.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return 0, err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			for v := r.Value; len(v) > 0; v = v[8*(1+streamNumbers):] {
				for c := range streamNumbers {
					sum += math.Float64frombits(binary.LittleEndian.Uint64(v[8*(1+c):]))
				}
				read++
			}
		})
	}
	return sum, nil
}

// packetRate is how many packets a second the latency of streams is measured with.
const packetRate = 1000

// streamsLatencyContest measures what the library adds to the way of one packet.
func (b *bench) streamsLatencyContest() contest {
	return contest{
		name:  "streams-1k",
		about: fmt.Sprintf("%d packets of one row of %d numbers a second for %v, from the intended moment to the handler", packetRate, streamNumbers, b.e2eFor),
		contestants: []contestant{
			{"streams", b.pacedTurn(pacedStreams)},
			{"plain", b.pacedTurn(pacedPlain)},
		},
		probe: b.latencyProbe,
		goals: []goal{{"p50, streams ÷ plain", ratio("p50_ms", "streams", "plain"), 1.2, false}},
	}
}

// paced sends packets, each with its number, and calls arrived for each that comes out again.
type paced func(ctx context.Context, addr, topic string, arrived func(i int)) (send func(i int) error, end func() error, err error)

func (b *bench) pacedTurn(way paced) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		p, err := b.startBobbin(ctx, dir)
		if err != nil {
			return nil, err
		}
		defer p.kill()
		if err := createTopic(ctx, p.addr, "paced", streamParts); err != nil {
			return nil, err
		}
		n := int(b.e2eFor.Seconds() * packetRate)
		every := time.Second / packetRate
		var start time.Time
		took := make([]time.Duration, n)
		var seen atomic.Int64
		done := make(chan struct{})
		send, end, err := way(ctx, p.addr, "paced", func(i int) {
			took[i] = time.Since(start.Add(time.Duration(i) * every))
			if seen.Add(1) == int64(n) {
				close(done)
			}
		})
		if err != nil {
			return nil, err
		}
		start = time.Now().Add(time.Second)
		for i := range n {
			if err := pause(ctx, time.Until(start.Add(time.Duration(i)*every))); err != nil {
				return nil, err
			}
			if err := send(i); err != nil {
				return nil, err
			}
		}
		select {
		case <-done:
		case <-time.After(20 * time.Second):
			return nil, fmt.Errorf("%d of %d packets came", seen.Load(), n)
		}
		if err := end(); err != nil {
			return nil, err
		}
		return latencyFigures(took[packetRate:]), nil // the first second warms up
	}
}

func pacedStreams(ctx context.Context, addr, topic string, arrived func(i int)) (func(int) error, func() error, error) {
	client, err := openStreams(ctx, addr)
	if err != nil {
		return nil, nil, err
	}
	p, err := client.Producer(topic, &bobbin.ProducerOptions{Format: bobbin.Binary, Placement: bobbin.Hashed})
	if err != nil {
		return nil, nil, err
	}
	s, err := p.Stream(ctx, "paced", &bobbin.StreamOptions{Buffer: bobbin.Buffer{Rows: 1}})
	if err != nil {
		return nil, nil, err
	}
	var columns []bobbin.Number
	for c := range streamNumbers {
		columns = append(columns, s.Number(fmt.Sprintf("n%d", c), nil))
	}
	row, values := s.Rows(columns...), make([]float64, streamNumbers)
	x, err := client.Consumer(topic, &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		return nil, nil, err
	}
	reading, stop := context.WithCancel(ctx)
	ran := make(chan error, 1)
	go func() {
		ran <- x.Run(reading, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if rows, ok := p.(*bobbin.Rows); ok {
					for i := range rows.Len() {
						arrived(int(rows.Time(i)))
					}
				}
			}
			return nil
		}))
	}()
	end := func() error {
		stop()
		if err := <-ran; err != nil {
			return err
		}
		return client.Close()
	}
	return func(i int) error { return row.Append(ctx, bobbin.Time(i), values...) }, end, nil
}

func pacedPlain(ctx context.Context, addr, topic string, arrived func(i int)) (func(int) error, func() error, error) {
	producer, err := newClient(addr, kgo.DefaultProduceTopic(topic), kgo.ProducerBatchCompression(kgo.Lz4Compression()), kgo.ProducerLinger(0))
	if err != nil {
		return nil, nil, err
	}
	consumer, err := newClient(addr, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	if err != nil {
		return nil, nil, err
	}
	reading, stop := context.WithCancel(ctx)
	ran := make(chan struct{})
	go func() {
		defer close(ran)
		for reading.Err() == nil {
			consumer.PollFetches(reading).EachRecord(func(r *kgo.Record) { arrived(int(binary.LittleEndian.Uint64(r.Value))) })
		}
	}()
	send := func(i int) error {
		value := binary.LittleEndian.AppendUint64(make([]byte, 0, 8*(1+streamNumbers)), uint64(i))
		value = append(value, make([]byte, 8*streamNumbers)...)
		producer.Produce(ctx, &kgo.Record{Key: []byte("paced"), Value: value}, nil)
		return nil
	}
	end := func() error {
		stop()
		<-ran
		consumer.Close()
		producer.Close()
		return nil
	}
	return send, end, nil
}

// openStreamsCount is how many streams are open at once in the contest of memory.
const openStreamsCount = 10_000

// streamsMemoryContest keeps many streams open, writes to each now and then, and watches the memory of the process that writes and reads them.
func (b *bench) streamsMemoryContest() contest {
	soak := 30 * b.dur // ten minutes
	return contest{
		name:  "streams-10k",
		about: fmt.Sprintf("%d open streams on one topic are read for %v, 1,000 rows a second in all", openStreamsCount, soak),
		contestants: []contestant{
			{"streams", func(ctx context.Context, dir string) (figures, error) { return b.manyStreams(ctx, dir, soak) }},
		},
		probe: b.throughputProbe,
		goals: []goal{
			{"bytes of memory of a stream that is read", only("bytes_stream", "streams"), 8192, false},
			{"growth of memory a minute, after the first, in per cent", only("growth_percent", "streams"), 1, false},
		},
	}
}

func (b *bench) manyStreams(ctx context.Context, dir string, soak time.Duration) (figures, error) {
	server, err := b.startBobbin(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer server.kill()
	if err := createTopic(ctx, server.addr, "many", streamParts); err != nil {
		return nil, err
	}
	writing, err := openStreams(ctx, server.addr)
	if err != nil {
		return nil, err
	}
	defer writing.Close()
	p, err := writing.Producer("many", &bobbin.ProducerOptions{Format: bobbin.Binary, Placement: bobbin.Hashed})
	if err != nil {
		return nil, err
	}
	rows := make([]*bobbin.RowWriter, openStreamsCount)
	for i := range rows {
		s, err := p.Stream(ctx, fmt.Sprintf("stream-%d", i), &bobbin.StreamOptions{Buffer: bobbin.Buffer{Rows: 1}})
		if err != nil {
			return nil, err
		}
		rows[i] = s.Rows(s.Number("value", nil))
	}
	if err := p.Flush(ctx); err != nil {
		return nil, err
	}
	reading, err := openStreams(ctx, server.addr)
	if err != nil {
		return nil, err
	}
	defer reading.Close()
	x, err := reading.Consumer("many", &bobbin.ConsumerOptions{Start: bobbin.Earliest()})
	if err != nil {
		return nil, err
	}
	before := liveMemory()
	running, stop := context.WithCancel(ctx)
	defer stop()
	var read atomic.Int64
	ran := make(chan error, 1)
	go func() {
		ran <- x.Run(running, bobbin.HandlerFunc(func(_ context.Context, s *bobbin.StreamReader) error {
			for p, err := range s.Packets() {
				if err != nil {
					return err
				}
				if rows, ok := p.(*bobbin.Rows); ok {
					read.Add(int64(rows.Len()))
				}
			}
			return nil
		}))
	}()
	written := int64(0)
	var at []float64 // live memory at each sixth of a minute, or oftener in a short run
	step := min(10*time.Second, soak/12)
	start := time.Now()
	for next := start.Add(step); time.Since(start) < soak; {
		for range 10 { // a hundredth of a second's worth
			if err := rows[written%openStreamsCount].Append(ctx, bobbin.At(time.Now()), float64(written)); err != nil {
				return nil, err
			}
			written++
		}
		if err := pause(ctx, time.Until(start.Add(time.Duration(written)*time.Millisecond))); err != nil {
			return nil, err
		}
		if time.Now().After(next) {
			next = next.Add(step)
			at = append(at, float64(liveMemory()))
		}
	}
	if err := p.Flush(ctx); err != nil {
		return nil, err
	}
	for waited := time.Now(); read.Load() < written; {
		if time.Since(waited) > 20*time.Second {
			return nil, fmt.Errorf("%d of %d rows came", read.Load(), written)
		}
		if err := pause(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	open := x.Stats().Streams
	stop()
	if err := <-ran; err != nil {
		return nil, err
	}
	if open != openStreamsCount {
		return nil, fmt.Errorf("%d streams were open", open)
	}
	steady := at[len(at)/6:]
	minutes := float64(len(steady)-1) * step.Minutes()
	return figures{
		"bytes_stream":   (steady[len(steady)-1] - float64(before)) / openStreamsCount,
		"growth_percent": 100 * slope(steady) * float64(len(steady)-1) / steady[0] / minutes, "mb": steady[len(steady)-1] / 1e6,
	}, nil
}

// slope is the growth from one value to the next, by least squares.
func slope(y []float64) float64 {
	n := float64(len(y))
	var sx, sy, sxx, sxy float64
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
	}
	return (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

// liveMemory is what this process holds after a collection: heap and stacks.
func liveMemory() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapInuse + m.StackInuse
}
