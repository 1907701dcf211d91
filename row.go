package bobbin

import (
	"context"
	"fmt"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Event is something that happened to a stream at one moment. As a packet it is what a reader gets.
type Event struct {
	Time  Time   // now when it is 0
	ID    string // what happened, such as pit-in: 1 to 255 bytes
	Value string
	Tags  map[string]string // a reader must not change them
}

// Row is a row that is being given to a stream. It is a value and takes no memory; what is wrong with it is the error of Write. A row that is never
// written makes the stream's next row fail.
type Row struct {
	s *Stream
	n uint64
}

// stage holds the values of the row that is being given.
type stage struct {
	n     uint64 // of the row
	open  bool
	time  Time
	cells []cell
	err   error
}

type cell struct {
	col    int
	kind   codec.ColumnKind
	number float64
	text   string
	bytes  []byte
}

// init makes room for the rows of a stream.
func (g *stage) init(s *Stream) { g.cells = make([]cell, 0, 8+len(s.tags)) }

// Row begins a row at a moment, to which the stream's epoch is added. Values are given by name of their handle; what is not given has no value. Rows keep the
// order in which they are written, whatever their times.
func (s *Stream) Row(t Time) Row {
	g := &s.stage
	if g.open {
		g.err = invalidf("the row at %v before this one was never written", g.time)
	}
	g.n++
	g.open, g.time, g.cells = true, t, g.cells[:0]
	return Row{s, g.n}
}

// Num gives the row a number. NaN and infinities are kept.
func (r Row) Num(h Number, v float64) Row {
	r.add(h.handle, cell{kind: codec.Number, number: v})
	return r
}

// Text gives the row a text.
func (r Row) Text(h Text, v string) Row {
	r.add(h.handle, cell{kind: codec.Text, text: v})
	return r
}

// Bytes gives the row bytes, which must not be changed until Write returns.
func (r Row) Bytes(h Bytes, v []byte) Row {
	r.add(h.handle, cell{kind: codec.Bytes, bytes: v})
	return r
}

// Tag says to what the row belongs.
func (r Row) Tag(h Tag, v string) Row {
	r.add(h.handle, cell{kind: codec.Tag, text: v})
	return r
}

func (r Row) add(h handle, c cell) {
	g := &r.s.stage
	switch {
	case !g.open || g.n != r.n:
		g.err = invalidf("a value was given to a row that is written already")
	case h.of != &r.s.names:
		g.err = invalidf("a handle of another stream was used, or one that failed")
	default:
		c.col = h.col
		g.cells = append(g.cells, c)
	}
}

// Write gives the row to the stream's buffer, and the buffer to the cluster when it is full.
func (r Row) Write(ctx context.Context) error {
	const op = "write a row to stream"
	s, g := r.s, &r.s.stage
	err := g.err
	if !g.open || g.n != r.n {
		err = invalidf("the row is written already")
	}
	g.open, g.err = false, nil
	if err != nil {
		return s.error(op, err)
	}
	s.mu.Lock()
	if s.err != nil || s.closed {
		s.mu.Unlock()
		return s.take(op)
	}
	before := len(s.rows.times)
	s.rows.begin(int64(g.time + s.epoch))
	for i := range s.tags {
		s.rows.text(s.tags[i].of.col, &s.names, s.tags[i].value)
	}
	for i := range g.cells {
		switch c := &g.cells[i]; c.kind {
		case codec.Number:
			s.rows.number(c.col, &s.names, c.number)
		case codec.Bytes:
			s.rows.data(c.col, &s.names, c.bytes)
		default:
			s.rows.text(c.col, &s.names, c.text)
		}
	}
	full := s.added(before)
	s.mu.Unlock()
	if full {
		return s.write(ctx)
	}
	return ctxError(ctx, s, op)
}

// ctxError makes a call fail whose context has ended, such as that of a handler which lost its partition.
func ctxError(ctx context.Context, s *Stream, op string) error {
	if ctx.Err() != nil {
		return s.error(op, context.Cause(ctx))
	}
	return nil
}

// RowWriter writes rows of the same numbers. It belongs to the goroutine of its stream.
type RowWriter struct {
	s       *Stream
	columns []int
	err     error
}

// Rows returns a writer of rows that have a value for each of these parameters.
func (s *Stream) Rows(parameters ...Number) *RowWriter {
	w := &RowWriter{s: s, columns: make([]int, len(parameters))}
	for i, p := range parameters {
		if p.of != &s.names {
			w.err = invalidf("parameter %d is a handle of another stream, or one that failed", i)
			break
		}
		w.columns[i] = p.col
	}
	return w
}

// Append writes one row, its values in the order of the parameters.
func (w *RowWriter) Append(ctx context.Context, t Time, values ...float64) error {
	const op = "write a row to stream"
	s := w.s
	if w.err != nil {
		return s.error(op, w.err)
	}
	if len(values) != len(w.columns) {
		return s.error(op, invalidf("%d values for %d parameters", len(values), len(w.columns)))
	}
	s.mu.Lock()
	if s.err != nil || s.closed {
		s.mu.Unlock()
		return s.take(op)
	}
	before := len(s.rows.times)
	s.rows.begin(int64(t + s.epoch))
	for i := range s.tags {
		s.rows.text(s.tags[i].of.col, &s.names, s.tags[i].value)
	}
	for i, v := range values {
		s.rows.number(w.columns[i], &s.names, v)
	}
	full := s.added(before)
	s.mu.Unlock()
	if full {
		return s.write(ctx)
	}
	return ctxError(ctx, s, op)
}

// Columns are many rows that are given at once, column by column.
type Columns struct {
	s       *Stream
	times   []Time
	columns []given
	err     error
}

// given is one column of Columns.
type given struct {
	col     int
	kind    codec.ColumnKind
	numbers []float64
	texts   []string
	bytes   [][]byte
	present []bool // nil when all rows have a value
}

// Columns begins rows at these moments. Every column has one value for each of them. The slices are copied by Write and must not be changed before.
func (s *Stream) Columns(times []Time) *Columns { return &Columns{s: s, times: times} }

// Num gives a column of numbers.
func (c *Columns) Num(h Number, values []float64) *Columns {
	return c.add(h.handle, len(values), given{kind: codec.Number, numbers: values})
}

// Text gives a column of texts.
func (c *Columns) Text(h Text, values []string) *Columns {
	return c.add(h.handle, len(values), given{kind: codec.Text, texts: values})
}

// Bytes gives a column of bytes.
func (c *Columns) Bytes(h Bytes, values [][]byte) *Columns {
	return c.add(h.handle, len(values), given{kind: codec.Bytes, bytes: values})
}

// Tag gives a column of tags.
func (c *Columns) Tag(h Tag, values []string) *Columns {
	return c.add(h.handle, len(values), given{kind: codec.Tag, texts: values})
}

// Present says which rows have a value in the column that was given last; the others have none.
func (c *Columns) Present(rows []bool) *Columns {
	switch {
	case c.err != nil:
	case len(c.columns) == 0:
		c.err = invalidf("Present comes behind the column that it is about")
	case len(rows) != len(c.times):
		c.err = invalidf("Present has %d rows, the times are %d", len(rows), len(c.times))
	default:
		c.columns[len(c.columns)-1].present = rows
	}
	return c
}

func (c *Columns) add(h handle, n int, g given) *Columns {
	switch {
	case c.err != nil:
	case h.of != &c.s.names:
		c.err = invalidf("column %d is a handle of another stream, or one that failed", len(c.columns))
	case n != len(c.times):
		c.err = invalidf("the column %q has %d values, the times are %d", c.s.names.list[h.col].name, n, len(c.times))
	default:
		g.col = h.col
		c.columns = append(c.columns, g)
	}
	return c
}

// Write gives the rows to the stream, in their order.
func (c *Columns) Write(ctx context.Context) error {
	const op = "write columns to stream"
	s := c.s
	if c.err != nil {
		return s.error(op, c.err)
	}
	for from := 0; from < len(c.times); {
		s.mu.Lock()
		if s.err != nil || s.closed {
			s.mu.Unlock()
			return fmt.Errorf("%w (%d of %d rows were taken)", s.take(op), from, len(c.times))
		}
		before := len(s.rows.times)
		to := min(from+max(s.buffer.Rows-before, 1), from+chunk, len(c.times))
		for _, t := range c.times[from:to] {
			s.rows.begin(int64(t + s.epoch))
		}
		for j := range s.tags {
			for row := before; row < len(s.rows.times); row++ {
				s.rows.textAt(row, s.tags[j].of.col, &s.names, s.tags[j].value)
			}
		}
		for j := range c.columns {
			c.columns[j].addTo(&s.rows, &s.names, before, from, to)
		}
		full := s.added(before)
		s.mu.Unlock()
		from = to
		if full {
			if err := s.write(ctx); err != nil {
				return err
			}
		}
	}
	return ctxError(ctx, s, op)
}

// chunk is how many rows are added at once at the most: the size of what waits is looked at in between.
const chunk = 1024

// addTo adds the values from one row to another; the first of them belongs to row at of the builder.
func (g *given) addTo(b *builder, names *columns, at, from, to int) {
	if g.kind == codec.Number && g.present == nil {
		b.numbersAt(at, g.col, names, g.numbers[from:to])
		return
	}
	for i := from; i < to; i++ {
		if g.present != nil && !g.present[i] {
			continue
		}
		switch row := at + i - from; g.kind {
		case codec.Number:
			b.numbersAt(row, g.col, names, g.numbers[i:i+1])
		case codec.Bytes:
			b.dataAt(row, g.col, names, g.bytes[i])
		default:
			b.textAt(row, g.col, names, g.texts[i])
		}
	}
}
