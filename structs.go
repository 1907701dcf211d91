package bobbin

import (
	"context"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Structs writes values of a struct type as rows of a stream. It belongs to the goroutine of its stream.
//
// The fields that count have a tag `bobbin:"name,option,…"`. Floats, integers and bools are numbers (true is 1), strings texts, byte slices bytes; a nil pointer to one of them
// is no value. Options: tag (a string says to what the row belongs), time (a time.Time or Time, the row's moment; without one it is now), and for the definition unit=…, min=…, max=…, format=….
type Structs[T any] struct {
	s      *Stream
	fields []field
	moment []int // index of the field with the time; nil for now
}

// field is a field of a struct that is a column.
type field struct {
	index  []int
	kind   codec.ColumnKind
	column handle
}

var (
	timeType  = reflect.TypeFor[time.Time]()
	nanosType = reflect.TypeFor[Time]()
)

// StructsOf resolves the fields of T once. Fields of embedded structs count as if they were T's own.
func StructsOf[T any](s *Stream) (*Structs[T], error) {
	const op = "write structs to stream"
	t := reflect.TypeFor[T]()
	if t.Kind() != reflect.Struct {
		return nil, s.error(op, invalidf("%v is no struct", t))
	}
	w := &Structs[T]{s: s}
	for _, f := range reflect.VisibleFields(t) {
		tagged, ok := f.Tag.Lookup("bobbin")
		if !ok || tagged == "-" {
			continue
		}
		if err := w.add(f, tagged); err != nil {
			return nil, s.error(op, invalidf("field %s of %v: %w", f.Name, t, err))
		}
	}
	if len(w.fields) == 0 {
		return nil, s.error(op, invalidf("%v has no field with a tag such as `bobbin:\"speed\"`", t))
	}
	return w, nil
}

// add resolves one field.
func (w *Structs[T]) add(f reflect.StructField, tagged string) error {
	if !f.IsExported() {
		return fmt.Errorf("it is not exported")
	}
	name, rest, _ := strings.Cut(tagged, ",")
	var def Definition
	isTag, isTime, defined := false, false, false
	for rest != "" {
		var option string
		option, rest, _ = strings.Cut(rest, ",")
		key, value, _ := strings.Cut(option, "=")
		var err error
		switch key {
		case "tag":
			isTag = true
		case "time":
			isTime = true
		case "unit":
			def.Unit, defined = value, true
		case "format":
			def.Format, defined = value, true
		case "min":
			def.Min, err = strconv.ParseFloat(value, 64)
			defined = true
		case "max":
			def.Max, err = strconv.ParseFloat(value, 64)
			defined = true
		default:
			return fmt.Errorf("the option %q is none of tag, time, unit=, min=, max= and format=", option)
		}
		if err != nil {
			return fmt.Errorf("%s is no number: %w", option, err)
		}
	}
	if isTime {
		if f.Type != timeType && f.Type != nanosType {
			return fmt.Errorf("a %v is no time.Time or bobbin.Time", f.Type)
		}
		if w.moment != nil {
			return fmt.Errorf("there is a field for the time already")
		}
		w.moment = f.Index
		return nil
	}
	if err := checkName(name); err != nil {
		return err
	}
	t := f.Type
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	kind := codec.Number
	switch {
	case t.Kind() == reflect.String && isTag:
		kind = codec.Tag
	case t.Kind() == reflect.String:
		kind = codec.Text
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Uint8:
		kind = codec.Bytes
	case t.Kind() == reflect.Bool, isNumber(reflect.Zero(t)):
	default:
		return fmt.Errorf("a %v is none of number, bool, string and []byte", f.Type)
	}
	if isTag && kind != codec.Tag {
		return fmt.Errorf("a tag is a string")
	}
	var d *Definition
	if defined {
		d = &def
		if err := checkDefinition(name, d); err != nil {
			return err
		}
	}
	w.fields = append(w.fields, field{index: f.Index, kind: kind, column: w.s.define(kind, name, d)})
	return nil
}

func isNumber(v reflect.Value) bool { return v.CanInt() || v.CanUint() || v.CanFloat() }

// Write writes each value as a row.
func (w *Structs[T]) Write(ctx context.Context, values ...T) error {
	for i := range values {
		v := reflect.ValueOf(&values[i]).Elem()
		at := Time(0)
		switch {
		case w.moment == nil:
			at = At(time.Now()) - w.s.epoch
		default:
			switch t := v.FieldByIndex(w.moment).Interface().(type) {
			case time.Time:
				at = At(t)
			case Time:
				at = t
			}
		}
		row := w.s.Row(at)
		for _, f := range w.fields {
			x := v.FieldByIndex(f.index)
			if x.Kind() == reflect.Pointer {
				if x.IsNil() {
					continue
				}
				x = x.Elem()
			}
			row.add(f.column, cellOf(f.kind, x))
		}
		if err := row.Write(ctx); err != nil {
			return err
		}
	}
	return nil
}

func cellOf(kind codec.ColumnKind, x reflect.Value) cell {
	c := cell{kind: kind}
	switch {
	case kind == codec.Bytes:
		c.bytes = x.Bytes()
	case kind != codec.Number:
		c.text = x.String()
	case x.Kind() == reflect.Bool:
		if x.Bool() {
			c.number = 1
		}
	case x.CanInt():
		c.number = float64(x.Int())
	case x.CanUint():
		c.number = float64(x.Uint())
	default:
		c.number = x.Float()
	}
	return c
}
