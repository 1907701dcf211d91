package streams

import (
	"cmp"
	"math"
	"slices"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Bounds of details.
const (
	maxColumnsSeen = 1 << 16 // parameters, tags and kinds of events that are told apart
	maxTagValues   = 10      // that are kept of a tag
	maxTagValue    = 100     // bytes of each
)

// Details are all that is known of one stream on one partition.
type Details struct {
	*Summary
	Context    codec.Context // the newest
	Formats    []string      // of its rows and events
	Parameters []*Parameter  // by name and kind
	Tags       []*Tag        // by name
	Events     []*Event      // by id
	Cut        bool          // there are more parameters, tags or kinds of events

	own        *Summary // when the survey has none
	parameters map[column]*Parameter
	tags       map[string]*Tag
	events     map[string]*Event
}

// Parameter is what was seen of a parameter, and what it was defined to be.
type Parameter struct {
	Name       string
	Kind       codec.ColumnKind
	Definition *codec.Definition // nil when there is none
	Values     int64
	Numbers    int64   // that are finite
	Low, High  float64 // of them
}

// Tag is what was seen of a tag.
type Tag struct {
	Name   string
	Values []string // some, in the order in which they came; long ones are cut
	More   bool     // there are more
}

// Event is what was seen of a kind of event, and what it was defined to be.
type Event struct {
	ID         string
	Definition *codec.EventDefinition // nil when there is none
	Count      int64
}

type column struct {
	kind codec.ColumnKind
	name string
}

func newDetails() *Details {
	return &Details{parameters: make(map[column]*Parameter), tags: make(map[string]*Tag), events: make(map[string]*Event)}
}

func (d *Details) add(p *Packet) {
	if p.Err != nil {
		return
	}
	switch p.Header.Kind {
	case codec.KindContext:
		d.define(p.Context)
	case codec.KindRows:
		d.format(p.Header.Format)
		for i := range p.Rows.Columns {
			d.column(&p.Rows.Columns[i], len(p.Rows.Times))
		}
	case codec.KindEvent:
		d.format(p.Header.Format)
		if e := d.event(p.Event.ID); e != nil {
			e.Count++
		}
		for name, value := range p.Event.Tags {
			if t := d.tag(name); t != nil {
				t.add(value)
			}
		}
	}
}

func (d *Details) format(f codec.Format) {
	if !slices.Contains(d.Formats, f.String()) {
		d.Formats = append(d.Formats, f.String())
	}
}

// define takes a context, whose definitions are all that hold.
func (d *Details) define(c *codec.Context) {
	d.Context = *c
	for _, p := range d.Parameters {
		p.Definition = nil
	}
	for _, e := range d.Events {
		e.Definition = nil
	}
	for i := range c.Parameters {
		if p := d.parameter(c.Parameters[i].Kind, c.Parameters[i].ID); p != nil {
			p.Definition = &c.Parameters[i]
		}
	}
	for i := range c.Events {
		if e := d.event(c.Events[i].ID); e != nil {
			e.Definition = &c.Events[i]
		}
	}
}

func (d *Details) column(c *codec.Column, rows int) {
	if c.Kind == codec.Tag {
		t := d.tag(c.Name)
		for i := 0; t != nil && i < rows && !t.More; i++ {
			if c.Has(i) {
				t.add(c.Texts[i])
			}
		}
		return
	}
	p := d.parameter(c.Kind, c.Name)
	if p == nil {
		return
	}
	for i := range rows {
		if !c.Has(i) {
			continue
		}
		p.Values++
		if c.Kind != codec.Number || math.IsNaN(c.Numbers[i]) || math.IsInf(c.Numbers[i], 0) {
			continue
		}
		v := c.Numbers[i]
		if p.Numbers == 0 {
			p.Low, p.High = v, v
		}
		p.Numbers++
		p.Low, p.High = min(p.Low, v), max(p.High, v)
	}
}

func (d *Details) parameter(kind codec.ColumnKind, name string) *Parameter {
	return seen(d, d.parameters, column{kind, name}, &d.Parameters, &Parameter{Name: name, Kind: kind}, func(a, b *Parameter) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Kind, b.Kind))
	})
}

func (d *Details) tag(name string) *Tag {
	return seen(d, d.tags, name, &d.Tags, &Tag{Name: name}, func(a, b *Tag) int { return cmp.Compare(a.Name, b.Name) })
}

func (d *Details) event(id string) *Event {
	return seen(d, d.events, id, &d.Events, &Event{ID: id}, func(a, b *Event) int { return cmp.Compare(a.ID, b.ID) })
}

// seen returns what is known under a key, or takes fresh into the list, which stays in order; nil when there are too many.
func seen[K comparable, V any](d *Details, known map[K]*V, key K, list *[]*V, fresh *V, order func(a, b *V) int) *V {
	if v, ok := known[key]; ok {
		return v
	}
	if len(known) >= maxColumnsSeen {
		d.Cut = true
		return nil
	}
	known[key] = fresh
	at, _ := slices.BinarySearchFunc(*list, fresh, order)
	*list = slices.Insert(*list, at, fresh)
	return fresh
}

func (t *Tag) add(value string) {
	if len(value) > maxTagValue {
		cut := maxTagValue
		for cut > 0 && !utf8.RuneStart(value[cut]) {
			cut--
		}
		value = value[:cut] + "…"
	}
	switch {
	case slices.Contains(t.Values, value):
	case len(t.Values) == maxTagValues:
		t.More = true
	default:
		t.Values = append(t.Values, string([]byte(value))) // not the packet's memory
	}
}
