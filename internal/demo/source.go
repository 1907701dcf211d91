package demo

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/connect/host"
)

// A Sampler is where rows come from: a host.Reader.
type Sampler interface {
	// Read waits for the next samples; they are valid until the next call.
	Read(ctx context.Context) ([]host.Sample, error)
	// Cost is the share of a core that reading takes.
	Cost() float64
}

// silence is how long nothing comes of a thing before it counts as gone: processes are read once a second at the least.
const silence = 2500 * time.Millisecond

// thing is a core, disk, interface or process with its open stream.
type thing struct {
	stream  *bobbin.Stream
	numbers []bobbin.Number // of the sample's values, in their order
	seq     bobbin.Number
	run     bobbin.Tag
	next    uint64
	seen    time.Time
	err     error // of opening
}

// source turns samples into streams: one for each thing, which opens with its first sample and closes when no more come.
type source struct {
	run      string
	producer *bobbin.Producer
	things   map[string]*thing
	numbers  map[string]uint64 // the last number of streams that were closed: a process with the same number and name may come again
	began    time.Time
}

func newSource(run string, p *bobbin.Producer) *source {
	return &source{run: run, producer: p, things: make(map[string]*thing), numbers: make(map[string]uint64), began: time.Now()}
}

// write writes a round of samples.
func (s *source) write(ctx context.Context, samples []host.Sample) error {
	if err := s.open(ctx, samples); err != nil {
		return err
	}
	now := time.Now()
	for i := range samples {
		x := s.things[samples[i].Stream]
		x.seen = now
		r := x.stream.Row(bobbin.At(samples[i].Time)).Tag(x.run, s.run).Num(x.seq, float64(x.next+1))
		for j, v := range samples[i].Values {
			if j < len(x.numbers) {
				r = r.Num(x.numbers[j], v.Number)
			}
		}
		if err := r.Write(ctx); err != nil {
			return err
		}
		x.next++
	}
	return s.close(ctx, func(x *thing) bool { return now.Sub(x.seen) > silence }, bobbin.Closed)
}

// open opens the streams of samples that have none, all at once.
func (s *source) open(ctx context.Context, samples []host.Sample) error {
	var opening sync.WaitGroup
	var fresh []*thing
	for i := range samples {
		sample := &samples[i]
		if s.things[sample.Stream] != nil {
			continue
		}
		x := &thing{next: s.numbers[sample.Stream], seen: time.Now()}
		s.things[sample.Stream] = x
		fresh = append(fresh, x)
		opening.Go(func() { x.err = s.openOne(ctx, x, sample) })
	}
	opening.Wait()
	for _, x := range fresh {
		if x.err != nil {
			return x.err
		}
	}
	return nil
}

func (s *source) openOne(ctx context.Context, x *thing, sample *host.Sample) (err error) {
	kind, name, _ := strings.Cut(sample.Stream, "/")
	x.stream, err = s.producer.Stream(ctx, sample.Stream, &bobbin.StreamOptions{
		Properties: bobbin.Properties{Name: name, Location: "/" + kind, Metadata: map[string]string{"run": s.run}, Recorded: bobbin.At(sample.Time)},
		Buffer:     bobbin.Buffer{Rows: 1}, // seen at once
	})
	if err != nil {
		return err
	}
	for _, v := range sample.Values {
		d := bobbin.Definition{Unit: v.Unit}
		if v.Unit == "share" {
			d.Max = 1
		}
		x.numbers = append(x.numbers, x.stream.Number(v.Name, &d))
	}
	x.seq, x.run = x.stream.Number(seqParameter, nil), x.stream.Tag(runTag)
	event := "found"
	if kind == "proc" && sample.Time.Sub(s.began) > silence {
		event = "started"
	}
	return x.stream.Emit(ctx, bobbin.Event{Time: bobbin.At(sample.Time), ID: event, Value: name})
}

// close ends the streams of things that are gone, after an event that says so, all at once.
func (s *source) close(ctx context.Context, gone func(*thing) bool, how bobbin.End) error {
	var closing sync.WaitGroup
	ended := make(map[string]*thing)
	for id, x := range s.things {
		if x.stream == nil || !gone(x) {
			continue
		}
		ended[id] = x
		closing.Go(func() {
			if how == bobbin.Closed {
				_, name, _ := strings.Cut(id, "/")
				if x.err = x.stream.Emit(ctx, bobbin.Event{Time: bobbin.At(x.seen), ID: "exited", Value: name}); x.err != nil {
					return
				}
			}
			x.err = x.stream.Close(ctx, how)
		})
	}
	closing.Wait()
	for id, x := range ended {
		if x.err != nil {
			return x.err
		}
		s.numbers[id] = x.next
		delete(s.things, id)
	}
	return nil
}
