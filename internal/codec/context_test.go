package codec_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

func drawContext(t *rapid.T) codec.Context {
	var c codec.Context
	c.Properties = codec.Properties{
		Name: texts.Draw(t, "name"), Location: texts.Draw(t, "location"), Metadata: rapid.MapOfN(texts, texts, 0, 3).Draw(t, "metadata"),
		Parents: rapid.SliceOfN(names, 0, 3).Draw(t, "parents"), Recorded: times.Draw(t, "recorded"),
	}
	for _, id := range rapid.SliceOfNDistinct(names, 0, 4, rapid.ID).Draw(t, "parameters") {
		d := codec.Definition{
			ID: id, Kind: codec.ColumnKind(rapid.IntRange(0, 2).Draw(t, "kind")), Name: texts.Draw(t, "name"), Description: texts.Draw(t, "description"),
			Unit: texts.Draw(t, "unit"), Format: texts.Draw(t, "format"), Location: texts.Draw(t, "location"),
		}
		if rapid.Bool().Draw(t, "range") {
			d.Min, d.Max = numbers.Draw(t, "min"), numbers.Draw(t, "max")
			if !(d.Min <= d.Max) {
				d.Min, d.Max = math.Inf(-1), 1
			}
		}
		c.Parameters = append(c.Parameters, d)
	}
	for _, id := range rapid.SliceOfNDistinct(names, 0, 3, rapid.ID).Draw(t, "events") {
		c.Events = append(c.Events, codec.EventDefinition{
			ID: id, Name: texts.Draw(t, "name"), Description: texts.Draw(t, "description"), Location: texts.Draw(t, "location"), Level: int(rapid.Int32().Draw(t, "level")),
		})
	}
	return c
}

// emptyIsNil: a context that was read has nil for what is empty.
var emptyIsNil = cmp.Options{
	cmp.FilterValues(func(a, b map[string]string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
	cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
}

func TestContextsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := drawContext(t)
		value, err := codec.AppendContext([]byte("x"), &c)
		if err != nil {
			t.Fatal(err)
		}
		value = value[1:]
		got, err := codec.DecodeContext(value)
		if err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		clear(value) // the context has memory of its own
		if d := cmp.Diff(c, got, emptyIsNil); d != "" {
			t.Fatal(d)
		}
	})
}

func TestAnEmptyContextIsAnEmptyObject(t *testing.T) {
	value, err := codec.AppendContext(nil, &codec.Context{})
	if err != nil || string(value) != "{}" {
		t.Fatalf("%s, %v", value, err)
	}
	for _, s := range []string{"{}", ` {"properties":{"metadata":{},"parents":[]},"parameters":[],"events":[],"new":[{"properties":1}]} `} {
		c, err := codec.DecodeContext([]byte(s))
		if d := cmp.Diff(codec.Context{}, c); err != nil || d != "" {
			t.Errorf("%s: %v %s", s, err, d)
		}
	}
}

func TestContextsThatCannotBeWritten(t *testing.T) {
	parameter := func(d codec.Definition) codec.Context {
		if d.ID == "" {
			d.ID = "a"
		}
		return codec.Context{Parameters: []codec.Definition{d}}
	}
	twice := parameter(codec.Definition{})
	twice.Parameters = append(twice.Parameters, twice.Parameters[0])
	for _, x := range []struct {
		want    string
		context codec.Context
	}{
		{"name or location of the stream is not UTF-8", codec.Context{Properties: codec.Properties{Location: "\xff"}}},
		{`metadata "a" is not UTF-8`, codec.Context{Properties: codec.Properties{Metadata: map[string]string{"a": "\xff"}}}},
		{`parent "" is no id of a stream`, codec.Context{Properties: codec.Properties{Parents: []string{""}}}},
		{`is no id of a stream`, codec.Context{Properties: codec.Properties{Parents: []string{strings.Repeat("a", 1025)}}}},
		{"more than 65536 of metadata, parents, parameters or events", codec.Context{Events: make([]codec.EventDefinition, codec.MaxColumns+1)}},
		{`parameter "": as an id: the name is empty`, codec.Context{Parameters: make([]codec.Definition, 1)}},
		{`parameter "a": it is defined twice`, twice},
		{`parameter "a": it is neither a number, a text nor bytes`, parameter(codec.Definition{Kind: codec.Tag})},
		{`parameter "a": there is no range from 1 to 0`, parameter(codec.Definition{Min: 1})},
		{`parameter "a": there is no range from 0 to NaN`, parameter(codec.Definition{Max: math.NaN()})},
		{`parameter "a": a text of it is not UTF-8`, parameter(codec.Definition{Unit: "\xff"})},
		{`event "": as an id: the name is empty`, codec.Context{Events: make([]codec.EventDefinition, 1)}},
		{`event "e": it is defined twice`, codec.Context{Events: []codec.EventDefinition{{ID: "e"}, {ID: "e"}}}},
		{`event "e": a text of it is not UTF-8`, codec.Context{Events: []codec.EventDefinition{{ID: "e", Description: "\xff"}}}},
		{`event "e": level 4294967296 does not fit 32 bits`, codec.Context{Events: []codec.EventDefinition{{ID: "e", Level: 1 << 32}}}},
	} {
		if out, err := codec.AppendContext([]byte("x"), &x.context); !errors.Is(err, codec.ErrInvalid) || !strings.Contains(err.Error(), x.want) || string(out) != "x" {
			t.Errorf("%q, %v, not %s", out, err, x.want)
		}
	}
	// Two parameters of different kinds may have one id.
	if _, err := codec.AppendContext(nil, &codec.Context{Parameters: []codec.Definition{{ID: "a"}, {ID: "a", Kind: codec.Text}}}); err != nil {
		t.Error(err)
	}
}

func TestBrokenContexts(t *testing.T) {
	for _, x := range []struct {
		reason      error
		value, want string
	}{
		{codec.ErrBroken, `[]`, "an object"},
		{codec.ErrBroken, `{"parameters":[{"id":"a"},{"id":"a"}]}`, `parameter "a": it is defined twice`},
		{codec.ErrBroken, `{"parameters":[{"name":"a"}]}`, `as an id: the name is empty`},
		{codec.ErrBroken, `{"parameters":[{"id":"a","min":1}]}`, "min and max stand together or not at all"},
		{codec.ErrBroken, `{"parameters":[{"id":"a","min":2,"max":1}]}`, "there is no range from 2 to 1"},
		{codec.ErrUnknown, `{"parameters":[{"id":"a","kind":"tag"}]}`, `there are no parameters of kind "tag"`},
		{codec.ErrBroken, `{"events":[{"id":"a","level":2147483648}]}`, "does not fit 32 bits"},
		{codec.ErrBroken, `{"properties":{"metadata":{"a":"","a":""}}}`, `"a" stands here a second time`},
		{codec.ErrBroken, `{"properties":{"parents":[""]}}`, "is no id of a stream"},
		{codec.ErrBroken, `{"events":[` + strings.Repeat(`{},`, codec.MaxColumns) + `{}]}`, "there are more than 65536 elements"},
	} {
		c, err := codec.DecodeContext([]byte(x.value))
		if d := cmp.Diff(codec.Context{}, c); !errors.Is(err, x.reason) || !strings.Contains(err.Error(), x.want) || d != "" {
			t.Errorf("%.60s: %v, not %s", x.value, err, x.want)
		}
	}
}

func TestEnds(t *testing.T) {
	for end := codec.Closed; end <= codec.Terminated; end++ {
		value := codec.AppendEnd(nil, end)
		if got, err := codec.DecodeEnd(value); err != nil || got != end || string(value) != `{"end":"`+end.String()+`"}` {
			t.Errorf("%s: %v, %v", value, got, err)
		}
	}
	for value, want := range map[string]error{
		`{"end":"exploded"}`: codec.ErrUnknown, `{}`: codec.ErrBroken, `{"end":1}`: codec.ErrBroken, `{"end":"closed","end":"closed"}`: codec.ErrBroken, ``: codec.ErrBroken,
	} {
		if _, err := codec.DecodeEnd([]byte(value)); !errors.Is(err, want) {
			t.Errorf("%s: %v", value, err)
		}
	}
}
