package main

import (
	"encoding/json"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
	"github.com/bobbinstream/bobbin/internal/streams"
)

// packetJSON is a packet of a stream in JSON.
type packetJSON struct {
	Kind    string          `json:"kind,omitempty"`
	Format  string          `json:"format,omitempty"`
	Context *int64          `json:"context,omitempty"` // offset of the stream's context
	Content json.RawMessage `json:"content,omitempty"` // as docs/formats/packet.md shows it in JSON, whatever the format is
	Error   string          `json:"error,omitempty"`   // why it cannot be read
}

// packetOf returns the packet that a record is; nil when it is none.
func packetOf(d *streams.Decoder, r *kafka.Record) *packetJSON {
	p, ok := d.Decode(r)
	if !ok {
		return nil
	}
	j := &packetJSON{}
	if p.Err == nil {
		j.Kind, j.Format, j.Content = p.Header.Kind.String(), p.Header.Format.String(), r.Value
		if p.Header.Context >= 0 {
			j.Context = &p.Header.Context
		}
		if p.Header.Format == codec.Binary {
			switch p.Header.Kind {
			case codec.KindRows:
				j.Content, p.Err = codec.AppendRows(nil, codec.JSON, p.Rows)
			case codec.KindEvent:
				j.Content, p.Err = codec.AppendEvent(nil, codec.JSON, p.Event)
			}
		}
	}
	if p.Err != nil {
		j.Content, j.Error = nil, p.Err.Error()
	}
	return j
}

// Bounds of a packet in one line.
const (
	shownColumns = 8
	shownText    = 40 // bytes of a text
)

// appendPacket writes a record that is a packet in short, in one line without its end; false says that it is none.
func appendPacket(dst []byte, d *streams.Decoder, r *kafka.Record) ([]byte, bool) {
	p, ok := d.Decode(r)
	if !ok {
		return dst, false
	}
	dst = append(dst, word(p.Stream)...)
	if p.Err != nil {
		dst = append(dst, "  cannot be read: "...)
		return append(dst, p.Err.Error()...), true
	}
	switch p.Header.Kind {
	case codec.KindContext:
		dst = appendContext(append(dst, "  "...), p.Context)
	case codec.KindRows:
		n := len(p.Rows.Times)
		dst = append(append(dst, "  "...), count(n, "row")...)
		dst = append(append(dst, ' '), moment(p.Rows.Times[0])...)
		if n > 1 {
			dst = append(append(dst, " to "...), moment(p.Rows.Times[n-1])...)
		}
		dst = append(dst, ':')
		shown := 0
		for i := range p.Rows.Columns {
			if c := &p.Rows.Columns[i]; c.Has(0) {
				if shown++; shown > shownColumns {
					dst = append(dst, " …"...)
					break
				}
				dst = appendCell(append(dst, ' '), c, 0, "", true)
			}
		}
		if n > 1 {
			dst = append(dst, " …"...)
		}
	case codec.KindEvent:
		dst = append(dst, "  "...)
		dst = appendEvent(dst, p.Event, true)
	case codec.KindEnd:
		dst = append(append(dst, "  "...), p.End.String()...)
	}
	return dst, true
}

// appendContext writes what a stream says about itself in short.
func appendContext(dst []byte, c *codec.Context) []byte {
	dst = append(dst, "context"...)
	if name := c.Properties.Name; name != "" {
		dst = append(append(dst, ' '), strconv.Quote(short(name))...)
	}
	dst = append(append(dst, ", "...), count(len(c.Parameters), "parameter")...)
	dst = append(append(dst, " and "...), count(len(c.Events), "event")...)
	return append(dst, " defined"...)
}

// appendCell writes a value as name=value, a tag as {name=value}.
func appendCell(dst []byte, c *codec.Column, row int, unit string, cut bool) []byte {
	if c.Kind == codec.Tag {
		dst = append(dst, '{')
	}
	dst = append(append(dst, word(c.Name)...), '=')
	switch c.Kind {
	case codec.Number:
		dst = append(dst, number(c.Numbers[row])...)
	case codec.Bytes:
		dst = append(append(append(dst, '<'), count(len(c.Bytes[row]), "byte")...), '>')
	default:
		text := c.Texts[row]
		if cut {
			text = short(text)
		}
		dst = append(dst, word(text)...)
	}
	if unit != "" {
		dst = append(append(dst, ' '), unit...)
	}
	if c.Kind == codec.Tag {
		dst = append(dst, '}')
	}
	return dst
}

func appendEvent(dst []byte, e *codec.Event, cut bool) []byte {
	dst = append(append(dst, "event "...), word(e.ID)...)
	if cut {
		dst = append(append(dst, ' '), moment(e.Time)...)
	}
	if value := e.Value; value != "" {
		if cut {
			value = short(value)
		}
		dst = append(append(dst, ' '), strconv.Quote(value)...)
	}
	for _, name := range slices.Sorted(maps.Keys(e.Tags)) {
		dst = append(append(append(append(append(dst, " {"...), word(name)...), '='), word(e.Tags[name])...), '}')
	}
	return dst
}

// short cuts a text.
func short(s string) string {
	if len(s) <= shownText {
		return s
	}
	n := shownText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + "…"
}

// sampleJSON is a row, an event, or a change of a stream, as `stream tail` writes it.
type sampleJSON struct {
	Kind       string            `json:"kind"` // row, event, context, end or broken
	Stream     string            `json:"stream"`
	Time       *time.Time        `json:"time,omitempty"`
	Partition  int32             `json:"partition"`
	Offset     int64             `json:"offset"` // of the packet
	Values     map[string]any    `json:"values,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	ID         string            `json:"id,omitempty"`    // of an event
	Value      string            `json:"value,omitempty"` // of an event
	End        string            `json:"end,omitempty"`
	Properties json.RawMessage   `json:"context,omitempty"`
	Error      string            `json:"error,omitempty"`
}

// valueJSON is a value of a row in JSON, which has neither NaN nor infinities: they are texts.
func valueJSON(c *codec.Column, row int) any {
	switch c.Kind {
	case codec.Number:
		switch v := c.Numbers[row]; {
		case math.IsNaN(v):
			return "NaN"
		case math.IsInf(v, 1):
			return "Infinity"
		case math.IsInf(v, -1):
			return "-Infinity"
		default:
			return v
		}
	case codec.Bytes:
		return c.Bytes[row]
	default:
		return c.Texts[row]
	}
}
