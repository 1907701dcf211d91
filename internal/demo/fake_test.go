package demo

import (
	"bytes"
	"context"
	"errors"
	"hash/fnv"
	"slices"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/connect/host"
)

// A fakeCluster keeps records in memory. What the reader sees of them can be changed by a fault.
type fakeCluster struct {
	mu      sync.Mutex
	logs    [4][]Record
	arrived chan struct{} // closed and replaced when a record arrives
	fault   func(read []Record) []Record
	refuse  error // of every write
	held    []Record
}

func newFakeCluster() *fakeCluster { return &fakeCluster{arrived: make(chan struct{})} }

func (c *fakeCluster) EnsureTopic(context.Context, TopicSpec) ([]Offsets, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []Offsets
	for p := range c.logs {
		out = append(out, Offsets{Partition: int32(p), End: int64(len(c.logs[p]))})
	}
	return out, nil
}

func (c *fakeCluster) Writer(context.Context, string) (Writer, error) { return fakeWriter{c}, nil }

func (c *fakeCluster) Reader(_ context.Context, _ string, from []Offsets) (Reader, error) {
	r := &fakeReader{c: c}
	for _, o := range from {
		r.next[o.Partition] = o.End
	}
	return r, nil
}

type fakeWriter struct{ c *fakeCluster }

func (w fakeWriter) Write(_ context.Context, r Record, done func(int64, error)) {
	c := w.c
	c.mu.Lock()
	if c.refuse != nil {
		c.mu.Unlock()
		done(-1, c.refuse)
		return
	}
	h := fnv.New32a()
	h.Write(r.Key)
	r.Partition = int32(h.Sum32() % uint32(len(c.logs)))
	r.Offset = int64(len(c.logs[r.Partition]))
	r.Key, r.Value = bytes.Clone(r.Key), bytes.Clone(r.Value)
	c.logs[r.Partition] = append(c.logs[r.Partition], r)
	close(c.arrived)
	c.arrived = make(chan struct{})
	c.mu.Unlock()
	done(r.Offset, nil)
}

func (fakeWriter) Close() {}

type fakeReader struct {
	c    *fakeCluster
	next [4]int64
}

func (r *fakeReader) Poll(ctx context.Context) ([]Record, error) {
	for {
		r.c.mu.Lock()
		var out []Record
		for p := range r.next {
			out = append(out, r.c.logs[p][r.next[p]:]...)
			r.next[p] = int64(len(r.c.logs[p]))
		}
		arrived, fault := r.c.arrived, r.c.fault
		r.c.mu.Unlock()
		if len(out) > 0 {
			if fault != nil {
				out = fault(slices.Clone(out))
			}
			return out, nil
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-arrived:
		}
	}
}

func (*fakeReader) Close() {}

// A fakeSampler delivers ticks readings of each stream at once, and then waits for the end, which it asks for itself.
type fakeSampler struct {
	streams []string
	ticks   int
	end     func()
	err     error // instead of the end
}

func (s *fakeSampler) Read(ctx context.Context) ([]host.Sample, error) {
	if s.ticks == 0 {
		if s.err != nil {
			return nil, s.err
		}
		s.end()
		<-ctx.Done()
		return nil, ctx.Err()
	}
	s.ticks--
	var out []host.Sample
	for _, name := range s.streams {
		out = append(out, host.Sample{Stream: name, Time: time.Now(), Values: []host.Value{{Name: "cpu", Unit: "cores", Number: 0.5}}})
	}
	return out, nil
}

func (*fakeSampler) Cost() float64 { return 0.03 }

var errNoSpace = errors.New("no space left on the disk")
