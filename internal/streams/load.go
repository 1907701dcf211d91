package streams

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"github.com/bobbinstream/bobbin"
	"github.com/bobbinstream/bobbin/connect/file"
)

// LoadOptions say what is loaded, and where to.
type LoadOptions struct {
	Topic    string
	Stream   string            // of all rows, when File.Stream is empty
	File     file.Options      //
	Tags     []string          // columns that are tags
	Units    map[string]string // of parameters
	Format   bobbin.Format
	Speed    float64               // times as fast as it was recorded; 0: as fast as it goes
	Strict   bool                  // end at the first line that is wrong
	Bad      func(*file.LineError) // is told of each line that is wrong
	Progress func(Loaded)
}

// Loaded is what a load did.
type Loaded struct {
	Streams     int
	Rows        int64
	Values      int64 // of parameters
	BadLines    int64 // that were passed over
	BadValues   int64 // that rows do not have for it
	Timed       bool
	First, Last int64 // times of the rows
	TimeFormat  file.TimeFormat
	Tagged      map[string]int64 // how often each column of Tags had a value
	Written     int64            // packets
	Acked       int64
	Failed      int64
}

// loadAge is how long rows wait for others when nobody waits for them: files often have rows of many streams side by side.
const loadAge = 250 * time.Millisecond

// load is a Load under way.
type load struct {
	o       LoadOptions
	writing context.Context // lasts longer than the caller's
	pace    pace
	p       *bobbin.Producer
	streams map[string]*loading
	tags    map[string]bool
	done    Loaded
}

// loading is a stream that is written, with its handles.
type loading struct {
	s       *bobbin.Stream
	numbers map[string]bobbin.Number
	texts   map[string]bobbin.Text
	tags    map[string]bobbin.Tag
}

// Load writes the rows of a file to streams of a topic that is there, and closes these: Closed, or Aborted when it does not come to the end. It returns what was done also with an error; that of ctx comes
// after what was written was given some time to be acknowledged.
func Load(ctx context.Context, in io.Reader, c *bobbin.Client, o LoadOptions) (Loaded, error) {
	x := &load{o: o, pace: pace{speed: o.Speed}, streams: make(map[string]*loading), tags: make(map[string]bool)}
	x.done.Tagged = make(map[string]int64)
	for _, t := range o.Tags {
		x.tags[t] = true
	}
	f, err := file.Open(in, o.File)
	if err != nil {
		return x.done, err
	}
	if x.p, err = c.Producer(o.Topic, &bobbin.ProducerOptions{Format: o.Format}); err != nil {
		return x.done, err
	}
	writing, end := lasting(ctx)
	defer end()
	x.writing = writing
	err = x.rows(ctx, f)
	x.done.TimeFormat = f.TimeFormat()
	how := bobbin.Closed
	settling := writing
	if err != nil {
		how = bobbin.Aborted
		limited, cancel := context.WithTimeout(writing, settleTime)
		defer cancel()
		settling = limited
	}
	err = first(err, x.close(settling, how))
	st := x.p.Stats()
	x.done.Streams, x.done.Written, x.done.Acked, x.done.Failed = len(x.streams), st.Packets, st.Acked, st.Failed
	return x.done, err
}

// rows writes all rows.
func (x *load) rows(ctx context.Context, f *file.Reader) error {
	for {
		row, err := f.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if bad, ok := errors.AsType[*file.LineError](err); ok {
			if x.o.Strict {
				return bad
			}
			if x.o.Bad != nil {
				x.o.Bad(bad)
			}
			if !bad.Value {
				x.done.BadLines++
				continue
			}
			x.done.BadValues++
		} else if err != nil {
			return err
		}
		if err := x.pace.wait(ctx, row.Time); err != nil {
			return err
		}
		if err := x.row(&row); err != nil {
			return fmt.Errorf("line %d: %w", row.Line, err)
		}
		if x.o.Progress != nil {
			x.o.Progress(x.done)
		}
	}
}

func (x *load) row(row *file.Row) error {
	id := row.Stream
	if x.o.File.Stream == "" {
		id = x.o.Stream
	}
	s, err := x.stream(id)
	if err != nil {
		return err
	}
	r := s.s.Row(bobbin.Time(row.Time))
	for i := range row.Values {
		v := &row.Values[i]
		if x.tags[v.Name] {
			text := v.Text
			if v.Kind == file.Number {
				text = strconv.FormatFloat(v.Number, 'f', -1, 64)
			}
			r.Tag(s.tag(v.Name), text)
			x.done.Tagged[v.Name]++
			continue
		}
		x.done.Values++
		if v.Kind == file.Number {
			r.Num(s.number(v.Name, x.o.Units), v.Number)
		} else {
			r.Text(s.text(v.Name), v.Text)
		}
	}
	if err := r.Write(x.writing); err != nil {
		return err
	}
	x.done.Rows++
	if !x.done.Timed {
		x.done.Timed, x.done.First, x.done.Last = true, row.Time, row.Time
	}
	x.done.First, x.done.Last = min(x.done.First, row.Time), max(x.done.Last, row.Time)
	return nil
}

func (x *load) stream(id string) (*loading, error) {
	if s := x.streams[id]; s != nil {
		return s, nil
	}
	if len(x.streams) >= MaxStreams {
		return nil, fmt.Errorf("there are more than %d streams; does the column %q really say the stream?", MaxStreams, x.o.File.Stream)
	}
	o := bobbin.StreamOptions{}
	if x.o.Speed == 0 {
		o.Buffer = bobbin.Buffer{Rows: 1000, Age: loadAge}
	}
	opened, err := x.p.Stream(x.writing, id, &o)
	if err != nil {
		return nil, err
	}
	s := &loading{s: opened, numbers: make(map[string]bobbin.Number), texts: make(map[string]bobbin.Text), tags: make(map[string]bobbin.Tag)}
	x.streams[id] = s
	return s, nil
}

func (s *loading) number(name string, units map[string]string) bobbin.Number {
	h, ok := s.numbers[name]
	if !ok {
		var def *bobbin.Definition
		if unit := units[name]; unit != "" {
			def = &bobbin.Definition{Unit: unit}
		}
		h = s.s.Number(name, def)
		s.numbers[name] = h
	}
	return h
}

func (s *loading) text(name string) bobbin.Text {
	h, ok := s.texts[name]
	if !ok {
		h = s.s.Text(name, nil)
		s.texts[name] = h
	}
	return h
}

func (s *loading) tag(name string) bobbin.Tag {
	h, ok := s.tags[name]
	if !ok {
		h = s.s.Tag(name)
		s.tags[name] = h
	}
	return h
}

// close ends the streams, many at a time.
func (x *load) close(ctx context.Context, how bobbin.End) error {
	errs := make(chan error, len(x.streams))
	turns := make(chan struct{}, closers)
	for _, s := range x.streams {
		turns <- struct{}{}
		go func() {
			errs <- s.s.Close(ctx, how)
			<-turns
		}()
	}
	var all []error
	for range x.streams {
		all = append(all, <-errs)
	}
	return errors.Join(append(all, x.p.Close(ctx))...)
}
