package codec_test

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

func TestEventsComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		e := codec.Event{Time: times.Draw(t, "time"), ID: names.Draw(t, "id"), Value: texts.Draw(t, "value"), Tags: rapid.MapOfN(names, texts, 0, 5).Draw(t, "tags")}
		want := e
		if len(e.Tags) == 0 {
			want.Tags = nil
		}
		for _, f := range formats {
			value, err := codec.AppendEvent([]byte("x"), f, &e)
			if err != nil {
				t.Fatal(err)
			}
			value = value[1:]
			got, err := codec.DecodeEvent(f, value)
			if err != nil {
				t.Fatalf("%q: %v", value, err)
			}
			clear(value) // the event has memory of its own
			if d := cmp.Diff(want, got); d != "" {
				t.Fatal(d)
			}
		}
	})
}

func TestEventsThatCannotBeWritten(t *testing.T) {
	many := map[string]string{}
	for i := range codec.MaxColumns + 1 {
		many[fmt.Sprint(i)] = ""
	}
	for _, x := range []struct {
		want  string
		event codec.Event
	}{
		{"the name is empty", codec.Event{}},
		{"more than 255 bytes", codec.Event{ID: strings.Repeat("a", 256)}},
		{"the name is not UTF-8", codec.Event{ID: "\xff"}},
		{`event "a": the value is not UTF-8`, codec.Event{ID: "a", Value: "\xff"}},
		{`event "a": tag "": the name is empty`, codec.Event{ID: "a", Tags: map[string]string{"": ""}}},
		{`event "a": the value of tag "b" is not UTF-8`, codec.Event{ID: "a", Tags: map[string]string{"b": "\xff"}}},
		{`65537 tags are too many`, codec.Event{ID: "a", Tags: many}},
	} {
		for _, f := range formats {
			if out, err := codec.AppendEvent([]byte("x"), f, &x.event); !errors.Is(err, codec.ErrInvalid) || !strings.Contains(err.Error(), x.want) || string(out) != "x" {
				t.Errorf("%q, %v, not %s", out, err, x.want)
			}
		}
	}
	if _, err := codec.AppendEvent(nil, 2, &codec.Event{ID: "a"}); !errors.Is(err, codec.ErrInvalid) {
		t.Error(err)
	}
	if _, err := codec.DecodeEvent(2, nil); !errors.Is(err, codec.ErrUnknown) {
		t.Error(err)
	}
}

func TestBrokenEvents(t *testing.T) {
	for _, x := range []struct {
		format      codec.Format
		value, want string
	}{
		{codec.JSON, `{"id":"a"}`, "there is no time"},
		{codec.JSON, `{"time":1}`, "the name is empty"},
		{codec.JSON, `{"time":1.5,"id":"a"}`, "there is no whole number"},
		{codec.JSON, `{"time":1,"id":"a","id":"b"}`, `"id" stands here a second time`},
		{codec.JSON, `{"time":1,"id":"a","tags":{"x":"1","x":"2"}}`, `"x" stands here a second time`},
		{codec.JSON, `{"time":1,"id":"a","tags":{"x":1}}`, "'1' where there should be a text"},
		{codec.JSON, `{"time":1,"id":"a","tags":{"":"1"}}`, "the name is empty"},
		{codec.JSON, `{"time":1,"id":null}`, "'n' where there should be a text"},
		{codec.JSON, `{"time":1,"id":"a"} 1`, "'1' where there should be the end"},
		{codec.Binary, "", "the time is cut short"},
		{codec.Binary, "\x02\x00\x00\x00", "the name is empty"},
		{codec.Binary, "\x02\x01\xff\x00\x00", "the name is not UTF-8"},
		{codec.Binary, "\x02\x80\x02" + strings.Repeat("a", 256) + "\x00\x00", "the limit is 255"},
		{codec.Binary, "\x02\x01a\x01\xff\x00", "the value is not UTF-8"},
		{codec.Binary, "\x02\x01a\x05x\x00", "has 5 bytes, and only 2 are left"},
		{codec.Binary, "\x02\x01a\x00", "the number of tags is cut short"},
		{codec.Binary, "\x02\x01a\x00" + string(binary.AppendUvarint(nil, 1<<60)), "cannot be in 0 bytes"},
		{codec.Binary, "\x02\x01a\x00\x02\x01b\x00\x01b\x00", `tag "b" does not come after tag "b"`},
		{codec.Binary, "\x02\x01a\x00\x02\x01b\x00\x01a\x00", `tag "a" does not come after tag "b"`},
		{codec.Binary, "\x02\x01a\x00\x00\x00", "1 bytes follow the last tag"},
	} {
		e, err := codec.DecodeEvent(x.format, []byte(x.value))
		if !errors.Is(err, codec.ErrBroken) || !strings.Contains(err.Error(), x.want) || e.ID != "" {
			t.Errorf("%q: %+v, %v, not %s", x.value, e, err, x.want)
		}
	}
	if e, err := codec.DecodeEvent(codec.JSON, []byte(` { "new" : [ 1, {"id":2} ] , "id" : "\u0061", "time" : -1 } `)); err != nil || e.ID != "a" || e.Time != -1 {
		t.Error(e, err)
	}
}
