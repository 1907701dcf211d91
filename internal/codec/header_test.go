package codec_test

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

func TestHeadersAreWrittenAndReadAsDocumented(t *testing.T) {
	for _, x := range []struct {
		header codec.Header
		value  string
	}{
		{codec.Header{Kind: codec.KindContext, Context: codec.NoContext}, "json/1 context"},
		{codec.Header{Format: codec.Binary, Kind: codec.KindRows, Context: 4711}, "binary/1 rows 4711"},
		{codec.Header{Kind: codec.KindRows, Context: 0}, "json/1 rows 0"},
		{codec.Header{Format: codec.Binary, Kind: codec.KindEvent, Context: 1<<63 - 1}, "binary/1 event 9223372036854775807"},
		{codec.Header{Kind: codec.KindEnd, Context: 7}, "json/1 end 7"},
	} {
		if got := string(x.header.Append([]byte("x")))[1:]; got != x.value {
			t.Errorf("%+v: %q, not %q", x.header, got, x.value)
		}
		if got, err := codec.ParseHeader([]byte(x.value)); err != nil || got != x.header {
			t.Errorf("%q: %+v, %v", x.value, got, err)
		}
	}
	in := codec.Header{Format: codec.Binary, Kind: codec.KindContext, Context: codec.NoContext} // contexts and ends are JSON in both formats
	if got := string(in.Append(nil)); got != "json/1 context" {
		t.Error(got)
	}
}

// Readers tell what a newer writer wrote from what is broken.
func TestHeadersOfOthers(t *testing.T) {
	for value, want := range map[string]error{
		"avro/1 rows": codec.ErrUnknown, "json/2 rows": codec.ErrUnknown, "json/10 something entirely new": codec.ErrUnknown, "binary/1 table": codec.ErrUnknown,
		"JSON/1 rows": codec.ErrUnknown, "json/1 ": codec.ErrUnknown, "json/1 Rows": codec.ErrUnknown, "json/99999999999999999999 rows": codec.ErrUnknown,
		"": codec.ErrBroken, "json": codec.ErrBroken, "json/1": codec.ErrBroken, "json rows": codec.ErrBroken, "/1 rows": codec.ErrBroken, "json/ rows": codec.ErrBroken,
		"json/01 rows": codec.ErrBroken, "json/1.0 rows": codec.ErrBroken, "json/1 rows ": codec.ErrBroken, "json/1 rows -1": codec.ErrBroken, "json/1 rows 007": codec.ErrBroken,
		"json/1 rows 1 ": codec.ErrBroken, "json/1 rows 1 2": codec.ErrBroken, "json/1 rows 9223372036854775808": codec.ErrBroken, "json/1 rows 99999999999999999999": codec.ErrBroken,
		"binary/1 context": codec.ErrBroken, "binary/1 end 3": codec.ErrBroken, "json/1 rows\x00": codec.ErrUnknown, strings.Repeat("x", 1<<20): codec.ErrBroken,
	} {
		h, err := codec.ParseHeader([]byte(value))
		var e *codec.Error
		if !errors.Is(err, want) || !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(value) || len(err.Error()) > 1000 || h != (codec.Header{}) {
			t.Errorf("%.40q: %+v, %v", value, h, err)
		}
	}
}

func TestHeadersComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := codec.Header{
			Format: codec.Format(rapid.IntRange(0, 1).Draw(t, "format")), Kind: codec.Kind(rapid.IntRange(0, 3).Draw(t, "kind")),
			Context: rapid.OneOf(rapid.Just(int64(codec.NoContext)), rapid.Int64Min(0)).Draw(t, "context"),
		}
		got, err := codec.ParseHeader(h.Append(nil))
		if h.Kind == codec.KindContext || h.Kind == codec.KindEnd {
			h.Format = codec.JSON
		}
		if err != nil || got != h {
			t.Fatalf("%+v, %v", got, err)
		}
	})
}

func TestNamesOfConstants(t *testing.T) {
	got := strings.Join([]string{
		codec.JSON.String(), codec.Binary.String(), codec.Format(9).String(), codec.KindContext.String(), codec.KindEnd.String(), codec.Kind(4).String(),
		codec.Number.String(), codec.Tag.String(), codec.ColumnKind(200).String(), codec.Closed.String(), codec.Terminated.String(), codec.End(3).String(),
	}, " ")
	if want := "json binary Format(9) context end Kind(4) number tag ColumnKind(200) closed terminated End(3)"; got != want {
		t.Error(got)
	}
}
