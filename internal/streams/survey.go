package streams

import (
	"cmp"
	"context"
	"errors"
	"io"
	"slices"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

// Bounds of a survey.
const (
	MaxStreams    = 100_000
	maxNameShown  = 256     // bytes of a stream's name that are kept
	maxParameters = 4 << 20 // of all streams together
	maxNames      = 1 << 18 // different ones
)

// SurveyOptions say what a survey looks at.
type SurveyOptions struct {
	Topic      string
	Partitions []int32                 // all when empty
	Stream     string                  // whose Details are wanted; empty: of none
	Progress   func(done, total int64) // called now and then with how many records were read, of so many; may be nil
}

// Survey is what the streams of a topic are, as of its end when the survey began.
type Survey struct {
	Streams []*Summary // by id; a stream that stands on more than one partition comes once for each
	Details []*Details // of the stream that was asked for, on each of its partitions; the one that was written last comes first
	More    bool       // there are more streams than MaxStreams; those that came first are here
	Foreign int64      // records that are no packets
	Broken  int64      // packets that cannot be read
	Why     error      // what is wrong with the first of them
}

// Summary is one stream on one partition.
type Summary struct {
	ID         string
	Partition  int32
	Ended      bool // by End; a packet that came later opens it again
	End        codec.End
	Name       string
	Packets    int64
	Rows       int64
	Events     int64
	Bytes      int64 // of values
	Timed      bool  // First and Last are known
	First      int64 // the earliest and the latest time of rows and events, nanoseconds since 1970-01-01 UTC
	Last       int64
	Start, Tip int64     // offsets of its first and its last packet
	Written    time.Time // when its last packet was
	Parameters []string  // of its definitions and rows, by name; empty names are none
	Cut        bool      // there are more parameters

	parameters []uint32
}

// State is open, closed, aborted or terminated.
func (s *Summary) State() string {
	if s.Ended {
		return s.End.String()
	}
	return "open"
}

// place is one stream on one partition.
type place struct {
	partition int32
	id        string
}

// survey is a Survey under way.
type survey struct {
	Survey
	o       SurveyOptions
	streams map[place]*Summary
	details map[int32]*Details
	decoder Decoder
	names   map[string]uint32
	list    []string
	named   int // parameters of all streams
}

// TakeSurvey reads a topic to what is its end now.
func TakeSurvey(ctx context.Context, c *kafka.Client, o SurveyOptions) (*Survey, error) {
	total, err := records(ctx, c, o.Topic, o.Partitions)
	if err != nil {
		return nil, err
	}
	r, err := c.NewReader(ctx, kafka.ReaderOptions{Topic: o.Topic, Partitions: o.Partitions, UntilEnd: true})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	s := &survey{o: o, streams: make(map[place]*Summary), details: make(map[int32]*Details), names: make(map[string]uint32)}
	var done int64
	for {
		batch, err := r.Poll(ctx, 1000)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		for i := range batch {
			s.take(&batch[i])
		}
		done += int64(len(batch))
		if o.Progress != nil {
			o.Progress(done, total)
		}
	}
	s.finish()
	return &s.Survey, nil
}

// records counts those between the bounds of partitions.
func records(ctx context.Context, c *kafka.Client, topic string, partitions []int32) (int64, error) {
	bounds, err := c.Offsets(ctx, topic)
	if err != nil {
		return 0, err
	}
	var n int64
	for _, b := range bounds {
		if len(partitions) == 0 || slices.Contains(partitions, b.Partition) {
			n += b.End - b.Start
		}
	}
	return n, nil
}

func (s *survey) take(r *kafka.Record) {
	p, ok := s.decoder.Decode(r)
	if !ok {
		s.Foreign++
		return
	}
	if p.Err != nil {
		s.Broken++
		s.Why = cmp.Or(s.Why, p.Err)
	}
	at := place{p.Partition, p.Stream}
	sum := s.streams[at]
	switch {
	case sum == nil && len(s.streams) >= MaxStreams:
		s.More = true
	case sum == nil:
		sum = &Summary{ID: p.Stream, Partition: p.Partition, Start: p.Offset}
		s.streams[at] = sum
	}
	if sum != nil {
		s.add(sum, &p)
	}
	if s.o.Stream != "" && p.Stream == s.o.Stream {
		d := s.details[p.Partition]
		if d == nil {
			d = newDetails()
			s.details[p.Partition] = d
		}
		if d.Summary = sum; sum == nil { // beyond the limit; it counts all the same
			d.Summary = cmp.Or(d.own, &Summary{ID: p.Stream, Partition: p.Partition, Start: p.Offset})
			d.own = d.Summary
			s.add(d.Summary, &p)
		}
		d.add(&p)
	}
}

// add counts a packet.
func (s *survey) add(sum *Summary, p *Packet) {
	sum.Packets++
	sum.Bytes += int64(p.Size)
	sum.Tip, sum.Written = p.Offset, p.Written
	if p.Err != nil {
		return
	}
	sum.Ended = false
	switch p.Header.Kind {
	case codec.KindContext:
		name := p.Context.Properties.Name
		sum.Name = name[:min(len(name), maxNameShown)]
		for i := range p.Context.Parameters {
			s.parameter(sum, p.Context.Parameters[i].ID)
		}
	case codec.KindRows:
		sum.Rows += int64(len(p.Rows.Times))
		for _, t := range p.Rows.Times {
			sum.time(t)
		}
		for i := range p.Rows.Columns {
			if c := &p.Rows.Columns[i]; c.Kind != codec.Tag {
				s.parameter(sum, c.Name)
			}
		}
	case codec.KindEvent:
		sum.Events++
		sum.time(p.Event.Time)
	case codec.KindEnd:
		sum.Ended, sum.End = true, p.End
	}
}

func (s *Summary) time(t int64) {
	if !s.Timed {
		s.Timed, s.First, s.Last = true, t, t
		return
	}
	s.First, s.Last = min(s.First, t), max(s.Last, t)
}

// parameter takes note of a parameter's name, which all streams share.
func (s *survey) parameter(sum *Summary, name string) {
	n, ok := s.names[name]
	if ok {
		at, has := slices.BinarySearch(sum.parameters, n)
		if has {
			return
		}
		if s.named < maxParameters {
			s.named++
			sum.parameters = slices.Insert(sum.parameters, at, n)
			return
		}
	} else if len(s.list) < maxNames && s.named < maxParameters {
		n = uint32(len(s.list))
		s.names[name] = n
		s.list = append(s.list, name)
		s.named++
		sum.parameters = append(sum.parameters, n) // it is the largest number
		return
	}
	sum.Cut = true
}

func (s *survey) finish() {
	for _, sum := range s.streams {
		s.Streams = append(s.Streams, sum)
	}
	for _, d := range s.details {
		s.Details = append(s.Details, d)
		s.nameParameters(d.Summary)
	}
	for _, sum := range s.Streams {
		s.nameParameters(sum)
	}
	slices.SortFunc(s.Streams, func(a, b *Summary) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Partition, b.Partition))
	})
	slices.SortFunc(s.Details, func(a, b *Details) int {
		return cmp.Or(b.Summary.Written.Compare(a.Summary.Written), cmp.Compare(a.Summary.Partition, b.Summary.Partition))
	})
}

func (s *survey) nameParameters(sum *Summary) {
	sum.Parameters = make([]string, len(sum.parameters))
	for i, n := range sum.parameters {
		sum.Parameters[i] = s.list[n]
	}
	slices.Sort(sum.Parameters)
}
