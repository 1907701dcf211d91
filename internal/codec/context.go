package codec

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Context is all that a stream says about itself.
type Context struct {
	Properties Properties
	Parameters []Definition
	Events     []EventDefinition
}

// Properties are what a stream is, and where.
type Properties struct {
	Name     string
	Location string // a path, such as /team-a
	Metadata map[string]string
	Parents  []string // ids of the streams from which this one was made
	Recorded int64    // when the recording began, nanoseconds since 1970-01-01 UTC; 0 when not said
}

// Definition says what a parameter means.
type Definition struct {
	ID          string     // 1 to MaxName bytes; no two parameters of a kind have the same
	Kind        ColumnKind // Number, Text or Bytes
	Name        string
	Description string
	Unit        string
	Format      string
	Location    string
	Min, Max    float64 // the range, Min ≤ Max, either may be infinite; none when both are 0
}

// EventDefinition says what an event means.
type EventDefinition struct {
	ID          string // 1 to MaxName bytes; no two events have the same
	Name        string
	Description string
	Location    string
	Level       int // as in log/slog, within 32 bits
}

// End is how a stream ended.
type End uint8

// The ends.
const (
	Closed End = iota
	Aborted
	Terminated
)

// String returns the end as packets name it.
func (e End) String() string { return nameOf(ends[:], int(e), "End") }

var ends = [...]string{Closed: "closed", Aborted: "aborted", Terminated: "terminated"}

const (
	writeContext = "write context"
	maxParent    = 1024 // bytes of a stream's id
)

// The members of the objects of a context, in the order in which they are written.
var (
	contextMembers    = []string{"properties", "parameters", "events"}
	propertyMembers   = []string{"name", "location", "metadata", "parents", "recorded"}
	definitionMembers = []string{"id", "kind", "name", "description", "unit", "format", "location", "min", "max"}
	eventMembers      = []string{"id", "name", "description", "location", "level"}
)

// AppendContext appends a context. An error is ErrInvalid and says what is wrong with it; dst is then returned as it was.
func AppendContext(dst []byte, c *Context) ([]byte, error) {
	if p := c.problem(); p != "" {
		return dst, invalid(writeContext, "%s", p)
	}
	top := fields{dst: dst, names: contextMembers}
	if p := c.Properties; p.Name != "" || p.Location != "" || len(p.Metadata) > 0 || len(p.Parents) > 0 || p.Recorded != 0 {
		o := fields{dst: top.member(0), names: propertyMembers}
		o.text(0, p.Name)
		o.text(1, p.Location)
		if len(p.Metadata) > 0 {
			o.dst = appendMap(o.member(2), p.Metadata, slices.Sorted(maps.Keys(p.Metadata)))
		}
		if len(p.Parents) > 0 {
			o.dst = appendArray(o.member(3), p.Parents, appendString)
		}
		if p.Recorded != 0 {
			o.dst = strconv.AppendInt(o.member(4), p.Recorded, 10)
		}
		top.dst = o.end()
	}
	if len(c.Parameters) > 0 {
		top.dst = appendArray(top.member(1), c.Parameters, appendDefinition)
	}
	if len(c.Events) > 0 {
		top.dst = appendArray(top.member(2), c.Events, appendEventDefinition)
	}
	return top.end(), nil
}

func appendDefinition(dst []byte, d Definition) []byte {
	o := fields{dst: dst, names: definitionMembers}
	for i, s := range []string{d.ID, d.Kind.String(), d.Name, d.Description, d.Unit, d.Format, d.Location} {
		o.text(i, s)
	}
	if d.Min != 0 || d.Max != 0 {
		o.dst = appendNumber(o.member(7), d.Min)
		o.dst = appendNumber(o.member(8), d.Max)
	}
	return o.end()
}

func appendEventDefinition(dst []byte, d EventDefinition) []byte {
	o := fields{dst: dst, names: eventMembers}
	for i, s := range []string{d.ID, d.Name, d.Description, d.Location} {
		o.text(i, s)
	}
	if d.Level != 0 {
		o.dst = strconv.AppendInt(o.member(4), int64(d.Level), 10)
	}
	return o.end()
}

// fields writes an object whose members have the names that are given.
type fields struct {
	dst   []byte
	names []string
	any   bool
}

// member begins a member, and gives the bytes to which its value is to be appended.
func (o *fields) member(i int) []byte {
	if o.any {
		o.dst = append(o.dst, ',')
	} else {
		o.dst = append(o.dst, '{')
	}
	o.any = true
	o.dst = appendString(o.dst, o.names[i])
	return append(o.dst, ':')
}

// text writes a member that is a text, if it is not empty.
func (o *fields) text(i int, s string) {
	if s != "" {
		o.dst = appendString(o.member(i), s)
	}
}

func (o *fields) end() []byte {
	if !o.any {
		o.dst = append(o.dst, '{')
	}
	return append(o.dst, '}')
}

// appendArray appends an array.
func appendArray[T any](dst []byte, all []T, each func([]byte, T) []byte) []byte {
	dst = append(dst, '[')
	for i, v := range all {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = each(dst, v)
	}
	return append(dst, ']')
}

// problem says what is wrong with a context, empty when nothing is. Texts are looked at too.
func (c *Context) problem() string {
	p := &c.Properties
	switch {
	case !utf8.ValidString(p.Name) || !utf8.ValidString(p.Location):
		return "name or location of the stream is not UTF-8"
	case len(p.Metadata) > MaxColumns || len(p.Parents) > MaxColumns || len(c.Parameters) > MaxColumns || len(c.Events) > MaxColumns:
		return fmt.Sprintf("there are more than %d of metadata, parents, parameters or events", MaxColumns)
	}
	for k, v := range p.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return fmt.Sprintf("metadata %.300q is not UTF-8", k)
		}
	}
	for _, id := range p.Parents {
		if id == "" || len(id) > maxParent || !utf8.ValidString(id) {
			return fmt.Sprintf("parent %.300q is no id of a stream, which has 1 to %d bytes of UTF-8", id, maxParent)
		}
	}
	type key struct {
		kind ColumnKind
		id   string
	}
	seen := make(map[key]bool, len(c.Parameters))
	for i := range c.Parameters {
		d := &c.Parameters[i]
		p := d.problem()
		if seen[key{d.Kind, d.ID}] {
			p = "it is defined twice"
		}
		if p != "" {
			return fmt.Sprintf("parameter %.300q: %s", d.ID, p)
		}
		seen[key{d.Kind, d.ID}] = true
	}
	events := make(map[string]bool, len(c.Events))
	for i := range c.Events {
		d := &c.Events[i]
		p := d.problem()
		if events[d.ID] {
			p = "it is defined twice"
		}
		if p != "" {
			return fmt.Sprintf("event %.300q: %s", d.ID, p)
		}
		events[d.ID] = true
	}
	return ""
}

func (d *Definition) problem() string {
	if p := nameProblem(d.ID); p != "" {
		return "as an id: " + p
	}
	for _, s := range []string{d.Name, d.Description, d.Unit, d.Format, d.Location} {
		if !utf8.ValidString(s) {
			return "a text of it is not UTF-8"
		}
	}
	switch {
	case d.Kind > Bytes:
		return "it is neither a number, a text nor bytes"
	case !(d.Min <= d.Max): // also when one of them is no number
		return fmt.Sprintf("there is no range from %v to %v", d.Min, d.Max)
	}
	return ""
}

func (d *EventDefinition) problem() string {
	if p := nameProblem(d.ID); p != "" {
		return "as an id: " + p
	}
	for _, s := range []string{d.Name, d.Description, d.Location} {
		if !utf8.ValidString(s) {
			return "a text of it is not UTF-8"
		}
	}
	if int64(d.Level) < math.MinInt32 || int64(d.Level) > math.MaxInt32 {
		return fmt.Sprintf("level %d does not fit 32 bits", d.Level)
	}
	return ""
}

// DecodeContext reads the value of a packet with a context. The context has memory of its own. An error is ErrUnknown when a parameter is of a kind that is not known
// here, otherwise ErrBroken.
func DecodeContext(value []byte) (Context, error) {
	s := scanner{op: "read context", b: value}
	var c Context
	err := s.document(func() error {
		return s.members(contextMembers, func(i int) (err error) {
			switch i {
			case 0:
				return s.properties(&c.Properties)
			case 1:
				c.Parameters, err = list(&s, (*scanner).definition)
			case 2:
				c.Events, err = list(&s, (*scanner).eventDefinition)
			}
			return err
		})
	})
	if err == nil {
		if p := c.problem(); p != "" {
			err = s.fail(0, "%s", p)
		}
	}
	if err != nil {
		return Context{}, err
	}
	return c, nil
}

// list reads an array, nil when it is empty.
func list[T any](s *scanner, each func(*scanner) (T, error)) ([]T, error) {
	var all []T
	err := s.array(func() error {
		if len(all) == MaxColumns {
			return s.fail(s.at, "there are more than %d elements", MaxColumns)
		}
		v, err := each(s)
		all = append(all, v)
		return err
	})
	return all, err
}

func (s *scanner) properties(p *Properties) error {
	return s.members(propertyMembers, func(i int) (err error) {
		switch i {
		case 0:
			p.Name, err = s.own()
		case 1:
			p.Location, err = s.own()
		case 2:
			p.Metadata, err = s.texts(false)
		case 3:
			p.Parents, err = list(s, (*scanner).own)
		case 4:
			p.Recorded, err = s.integer()
		}
		return err
	})
}

func (s *scanner) definition() (Definition, error) {
	var d Definition
	texts := [...]*string{0: &d.ID, 2: &d.Name, 3: &d.Description, 4: &d.Unit, 5: &d.Format, 6: &d.Location}
	start, bounds := s.at, 0
	err := s.members(definitionMembers, func(i int) (err error) {
		switch i {
		case 1:
			at := s.at
			name, err := s.value()
			if err != nil {
				return err
			}
			k := find(columnKinds[:Tag], name)
			if k < 0 {
				return &Error{Op: s.op, Reason: ErrUnknown, Offset: at, Detail: fmt.Sprintf("there are no parameters of kind %.40q; a newer Bobbin may know it", name)}
			}
			d.Kind = ColumnKind(k)
		case 7:
			bounds++
			d.Min, err = s.number()
		case 8:
			bounds++
			d.Max, err = s.number()
		default:
			*texts[i], err = s.own()
		}
		return err
	})
	if err == nil && bounds == 1 {
		err = s.fail(start, "min and max stand together or not at all")
	}
	return d, err
}

func (s *scanner) eventDefinition() (EventDefinition, error) {
	var d EventDefinition
	texts := [...]*string{&d.ID, &d.Name, &d.Description, &d.Location}
	err := s.members(eventMembers, func(i int) (err error) {
		if i < len(texts) {
			*texts[i], err = s.own()
			return err
		}
		at := s.at
		level, err := s.integer()
		if err == nil && (level < math.MinInt32 || level > math.MaxInt32) {
			err = s.fail(at, "level %d does not fit 32 bits", level)
		}
		d.Level = int(level)
		return err
	})
	return d, err
}

// AppendEnd appends how a stream ended.
func AppendEnd(dst []byte, e End) []byte {
	dst = append(dst, `{"end":`...)
	dst = appendString(dst, e.String())
	return append(dst, '}')
}

// DecodeEnd reads the value of a packet with an end. An error is ErrUnknown when the end is not known here, otherwise ErrBroken.
func DecodeEnd(value []byte) (End, error) {
	s := scanner{op: "read end", b: value}
	end := -1
	err := s.document(func() error {
		return s.members([]string{"end"}, func(int) error {
			at := s.at
			name, err := s.value()
			if err != nil {
				return err
			}
			if end = find(ends[:], name); end < 0 {
				return &Error{Op: s.op, Reason: ErrUnknown, Offset: at, Detail: fmt.Sprintf("the end %.40q is not known; a newer Bobbin may know it", name)}
			}
			return nil
		})
	})
	if err == nil && end < 0 {
		err = s.fail(0, "there is no end")
	}
	if err != nil {
		return 0, err
	}
	return End(end), nil
}
