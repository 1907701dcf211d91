package bobbin

import (
	"iter"
	"math"
	"slices"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// View is a buffer of a StreamReader: rows collected under conditions of its own, with the parameters of its choice.
type View struct {
	r          *StreamReader
	cond       Buffer
	projection []handle // all columns when empty

	build    builder
	takes    []int // of the reader's block: the handle of each column that the view takes, -1 of the others
	cursor   int   // the next row of the block
	low, top int64
	born     time.Time // when the first row came
	first    item      // of the first row
	last     item      // of the last row
	held     int64     // bytes that count as waiting
	given    bool      // the handler has its rows
	rowsOut  Rows
}

// viewBytes is the size at which a view's rows are given whatever its conditions say.
const viewBytes = 8 << 20

// Buffer makes rows come in packets of the buffer's size from now on, with these parameters only, all of them when none is named: rows that have none of them are left out. More than one
// buffer give their packets independently, each all rows; Rows.View says whose a packet is. Rows that wait are given before an event or another packet behind them, when the
// stream ends, and when the consumer's memory is short. A zero Buffer does not collect, it only chooses.
func (r *StreamReader) Buffer(cond Buffer, parameters ...Parameter) *View {
	v := &View{r: r, cond: cond, cursor: math.MaxInt} // the packet that was read last is not for it
	for _, p := range parameters {
		if h := p.column(); h.of == &r.names {
			v.projection = append(v.projection, h)
		}
	}
	v.rowsOut = Rows{view: v, names: &r.names}
	r.views = append(r.views, v)
	return v
}

func (v *View) rows() int {
	if v.given {
		return 0
	}
	return len(v.build.times)
}

// forget lets go of the rows.
func (v *View) forget() {
	v.build.reset()
	v.given = false
	if v.held > 0 {
		v.r.s.p.free(v.held)
		v.held = 0
	}
}

// readRows decodes a packet of rows.
func (r *StreamReader) readRows(h codec.Header, it item) error {
	if r.block == nil {
		r.block = r.s.p.consumer.blocks.Get().(*codec.Block)
	}
	if err := codec.DecodeRows(h.Format, it.record.Value, r.block); err != nil {
		return err
	}
	if len(r.views) == 0 {
		r.direct = Rows{block: r.block, names: &r.names, slots: r.direct.slots[:0]}
		r.out = append(r.out, delivery{packet: &r.direct, item: it})
		return nil
	}
	r.feeding = &it
	for _, v := range r.views {
		v.look()
	}
	return nil
}

// look prepares for the rows of the reader's block.
func (v *View) look() {
	v.cursor, v.takes = 0, v.takes[:0]
	for i := range v.r.block.Columns {
		c := &v.r.block.Columns[i]
		h := v.r.names.resolve(c.Kind, c.Name)
		if len(v.projection) > 0 && c.Kind != codec.Tag && !slices.Contains(v.projection, h) {
			v.takes = append(v.takes, -1)
			continue
		}
		v.takes = append(v.takes, h.col)
	}
}

// fromViews gives the views rows of the packet that was read, and returns what one of them has to give.
func (r *StreamReader) fromViews() Packet {
	if len(r.views) == 0 {
		r.flush = false
		return nil
	}
	for _, v := range r.views {
		if r.feeding != nil && v.feed() {
			return v.give()
		}
	}
	if r.feeding != nil {
		done := *r.feeding
		r.feeding = nil
		r.s.past(done.number)
	}
	var now time.Time
	for _, v := range r.views {
		if v.rows() == 0 {
			continue
		}
		if r.flush {
			return v.give()
		}
		if v.cond.Age > 0 {
			if now.IsZero() {
				now = time.Now()
			}
			if !now.Before(v.born.Add(v.cond.Age)) {
				return v.give()
			}
		}
	}
	r.flush = false
	return nil
}

// feed takes rows until the view has to be given, which it says.
func (v *View) feed() bool {
	b := v.r.block
	names := &v.r.names
	for v.cursor < len(b.Times) {
		t := b.Times[v.cursor]
		n := len(v.build.times)
		if n > 0 && v.cond.Span > 0 && apart(min(v.low, t), max(v.top, t)) >= uint64(v.cond.Span) {
			return true
		}
		row := v.cursor
		v.cursor++
		if !v.wants(row) {
			continue
		}
		before := v.build.bytes
		v.build.begin(t)
		for c := range b.Columns {
			col, h := &b.Columns[c], v.takes[c]
			if h < 0 || !col.Has(row) {
				continue
			}
			switch col.Kind {
			case codec.Number:
				v.build.number(h, names, col.Numbers[row])
			case codec.Bytes:
				v.build.data(h, names, col.Bytes[row])
			default:
				v.build.text(h, names, col.Texts[row])
			}
		}
		v.last = *v.r.feeding
		if n == 0 {
			v.first, v.born, v.low, v.top = v.last, time.Now(), t, t
		}
		v.low, v.top = min(v.low, t), max(v.top, t)
		grown := int64(v.build.bytes - before)
		v.held += grown
		v.r.s.p.hold(grown)
		if v.full() {
			return true
		}
	}
	return v.cond == (Buffer{}) && len(v.build.times) > 0 // pass-through: packet by packet
}

// apart is how far two times are from each other, the later one behind.
func apart(early, late int64) uint64 { return uint64(late) - uint64(early) }

// wants says whether a row has one of the parameters of the view.
func (v *View) wants(row int) bool {
	if len(v.projection) == 0 {
		return true
	}
	for c := range v.r.block.Columns {
		if h := v.takes[c]; h >= 0 && v.r.block.Columns[c].Has(row) && slices.Contains(v.projection, handle{&v.r.names, h}) {
			return true
		}
	}
	return false
}

func (v *View) full() bool {
	n := len(v.build.times)
	return v.cond.Rows > 0 && n >= v.cond.Rows || n >= codec.MaxRows || v.build.bytes >= viewBytes
}

// give makes the view's rows a packet.
func (v *View) give() Packet {
	v.rowsOut.block, v.rowsOut.slots = v.build.finish(), v.rowsOut.slots[:0]
	v.given = true
	v.r.emitted = v
	it := v.last
	if v.r.marked < 0 {
		v.r.marked = v.first.number
	}
	v.r.current = it
	return &v.rowsOut
}

// due returns when the first view is to be given for its age.
func (r *StreamReader) due() (at time.Time, ok bool) {
	for _, v := range r.views {
		if v.rows() > 0 && v.cond.Age > 0 {
			if t := v.born.Add(v.cond.Age); !ok || t.Before(at) {
				at, ok = t, true
			}
		}
	}
	return at, ok
}

// held says whether a view has rows.
func (r *StreamReader) held() bool {
	return slices.ContainsFunc(r.views, func(v *View) bool { return v.rows() > 0 })
}

// Rows is a packet of rows, in the order in which they were written.
type Rows struct {
	block *codec.Block
	names *columns
	slots []int // by handle: the column of the block, plus 1; 0 when there is none
	view  *View
}

// View returns the buffer from which the rows come, nil when they come as they were written.
func (p *Rows) View() *View { return p.view }

// Len returns how many rows there are.
func (p *Rows) Len() int { return len(p.block.Times) }

// Time returns when row i was measured.
func (p *Rows) Time(i int) Time { return Time(p.block.Times[i]) }

// slot returns the column of a handle, or nil.
func (p *Rows) slot(h handle) *codec.Column {
	if h.of != p.names {
		return nil
	}
	for len(p.slots) <= h.col {
		n := p.names.list[len(p.slots)]
		at := 0
		for i := range p.block.Columns {
			if c := &p.block.Columns[i]; c.Kind == n.kind && c.Name == n.name {
				at = i + 1
				break
			}
		}
		p.slots = append(p.slots, at)
	}
	if at := p.slots[h.col]; at > 0 {
		return &p.block.Columns[at-1]
	}
	return nil
}

// Num returns all numbers of a parameter, one for each row: NaN where a row has none, which Has tells from a NaN that was written. nil when no row has one.
func (p *Rows) Num(h Number) []float64 {
	c := p.slot(h.handle)
	if c == nil {
		return nil
	}
	if len(c.Present) > 0 {
		for i := range c.Numbers {
			if !c.Has(i) {
				c.Numbers[i] = math.NaN()
			}
		}
	}
	return c.Numbers
}

// Has says whether row i has a value of a parameter or tag.
func (p *Rows) Has(i int, of Parameter) bool {
	c := p.slot(of.column())
	return c != nil && c.Has(i)
}

// All gives each row with its number.
func (p *Rows) All() iter.Seq2[int, RowView] {
	return func(yield func(int, RowView) bool) {
		for i := range p.block.Times {
			if !yield(i, RowView{p, i}) {
				return
			}
		}
	}
}

// Row returns row i.
func (p *Rows) Row(i int) RowView { return RowView{p, i} }

// Clone returns a copy that stays valid.
func (p *Rows) Clone() *Rows {
	return &Rows{block: p.block.Clone(), names: p.names, slots: slices.Clone(p.slots), view: p.view}
}

// RowView is one row of a packet.
type RowView struct {
	p *Rows
	i int
}

// Time returns when the row was measured.
func (r RowView) Time() Time { return r.p.Time(r.i) }

// Num returns a number of the row, and whether it has it.
func (r RowView) Num(h Number) (float64, bool) {
	if c := r.p.slot(h.handle); c != nil && c.Has(r.i) {
		return c.Numbers[r.i], true
	}
	return 0, false
}

// Text returns a text of the row, and whether it has it.
func (r RowView) Text(h Text) (string, bool) { return r.text(h.handle) }

// Tag returns a tag of the row, and whether it has it.
func (r RowView) Tag(h Tag) (string, bool) { return r.text(h.handle) }

func (r RowView) text(h handle) (string, bool) {
	if c := r.p.slot(h); c != nil && c.Has(r.i) {
		return c.Texts[r.i], true
	}
	return "", false
}

// Bytes returns bytes of the row, and whether it has them.
func (r RowView) Bytes(h Bytes) ([]byte, bool) {
	if c := r.p.slot(h.handle); c != nil && c.Has(r.i) {
		return c.Bytes[r.i], true
	}
	return nil, false
}

// Values gives the names and values of the row's parameters: float64, string or []byte. It is for programs that do not know the parameters beforehand.
func (r RowView) Values() iter.Seq2[string, any] {
	return func(yield func(string, any) bool) {
		for j := range r.p.block.Columns {
			c := &r.p.block.Columns[j]
			if !c.Has(r.i) {
				continue
			}
			var v any
			switch c.Kind {
			case codec.Number:
				v = c.Numbers[r.i]
			case codec.Text:
				v = c.Texts[r.i]
			case codec.Bytes:
				v = c.Bytes[r.i]
			default:
				continue
			}
			if !yield(c.Name, v) {
				return
			}
		}
	}
}

// Tags gives the names and values of the row's tags.
func (r RowView) Tags() iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for j := range r.p.block.Columns {
			if c := &r.p.block.Columns[j]; c.Kind == codec.Tag && c.Has(r.i) && !yield(c.Name, c.Texts[r.i]) {
				return
			}
		}
	}
}
