package codec_test

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// What was encoded decodes to the same, in both formats, in whole and in parts, and the same again into a block that was used before for other rows.
func TestRowsComeBack(t *testing.T) {
	var used codec.Block // by all draws
	rapid.Check(t, func(t *rapid.T) {
		b := drawBlock(t)
		from := rapid.IntRange(0, len(b.Times)-1).Draw(t, "from")
		to := rapid.IntRange(from+1, len(b.Times)).Draw(t, "to")
		for _, f := range formats {
			value := encode(t, f, b)
			ranged, err := codec.AppendRange([]byte("before"), f, b, from, to)
			if err != nil {
				t.Fatal(err)
			}
			some, found := strings.CutPrefix(string(ranged), "before")
			if !found {
				t.Fatal("what stood before is gone")
			}
			if f == codec.JSON && !json.Valid(value) {
				t.Fatalf("no JSON: %s", value)
			}
			for _, x := range []struct {
				value []byte
				want  *codec.Block
			}{{value, b}, {[]byte(some), part(b, from, to)}} {
				var fresh codec.Block
				for _, into := range []*codec.Block{&fresh, &used} {
					if err := codec.DecodeRows(f, x.value, into); err != nil {
						t.Fatalf("%v: %q: %v", f, x.value, err)
					}
					if d := cmp.Diff(describeFor(f, x.want), describeFor(f, into)); d != "" {
						t.Fatalf("%v: %q: %s", f, x.value, d)
					}
					if again := encode(t, f, into); string(again) != string(x.value) {
						t.Fatalf("%v: %q, and then %q", f, x.value, again)
					}
				}
			}
		}
	})
}

// Whatever was in a block before, absent values are 0, "" and nil, and nothing is held on to behind the end.
func TestUsedBlocksHoldOnToNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var b codec.Block
		for range rapid.IntRange(1, 4).Draw(t, "packets") {
			f := rapid.SampledFrom(formats).Draw(t, "format")
			value := encode(t, f, drawBlock(t))
			if rapid.Bool().Draw(t, "cut") { // an error leaves nothing behind either
				if err := codec.DecodeRows(f, value[:rapid.IntRange(0, len(value)-1).Draw(t, "at")], &b); err == nil {
					t.Fatal("a packet that is cut short is read")
				}
			} else if err := codec.DecodeRows(f, value, &b); err != nil {
				t.Fatal(err)
			}
		}
		for i := range b.Columns {
			c := &b.Columns[i]
			for i := range b.Times {
				if c.Has(i) {
					continue
				}
				if c.Numbers != nil && len(c.Numbers) != 0 && c.Numbers[i] != 0 || len(c.Texts) != 0 && c.Texts[i] != "" || len(c.Bytes) != 0 && c.Bytes[i] != nil {
					t.Fatalf("row %d of %+v", i, c)
				}
			}
		}
		check := func() {
			for i, c := range b.Columns[:cap(b.Columns)] {
				n, m := len(c.Texts), len(c.Bytes)
				if i >= len(b.Columns) {
					n, m = 0, 0
				}
				for _, s := range c.Texts[n:cap(c.Texts)] {
					if s != "" {
						t.Fatalf("column %d still holds text %q", i, s)
					}
				}
				for _, s := range c.Bytes[m:cap(c.Bytes)] {
					if s != nil {
						t.Fatalf("column %d still holds bytes %q", i, s)
					}
				}
			}
		}
		check()
		size := memory(&b)
		b.Reset()
		check()
		if len(b.Times) != 0 || len(b.Columns) != 0 || memory(&b) != size {
			t.Fatalf("%d rows, %d columns, and %d bytes of %d", len(b.Times), len(b.Columns), memory(&b), size)
		}
	})
}

// A clone stays as it is, whatever becomes of the block and the value.
func TestClonesOwnTheirMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range formats {
			value := encode(t, f, drawBlock(t))
			var b codec.Block
			if err := codec.DecodeRows(f, value, &b); err != nil {
				t.Fatal(err)
			}
			want := describe(&b, false)
			clone := b.Clone()
			for i := range value {
				value[i] = 'x'
			}
			for i := range b.Times {
				b.Times[i]++
				for _, c := range b.Columns {
					if c.Numbers != nil && len(c.Numbers) > 0 {
						c.Numbers[i]++
					}
					if len(c.Present) > 0 {
						c.Present[i/8]++
					}
				}
			}
			if d := cmp.Diff(want, describe(clone, false)); d != "" {
				t.Fatal(d)
			}
			if d := cmp.Diff(want, describe(clone.Clone(), false)); d != "" {
				t.Fatal(d)
			}
		}
	})
}

// Numbers are written as encoding/json writes them.
func TestNumbersAreWrittenAsEncodingJSONDoes(t *testing.T) {
	check := func(t interface{ Fatalf(string, ...any) }, v float64) {
		value, err := codec.AppendRows(nil, codec.JSON, &codec.Block{Times: []int64{0}, Columns: []codec.Column{{Name: "x", Numbers: []float64{v}}}})
		if err != nil {
			t.Fatalf("%v", err)
		}
		n, err := json.Marshal(v)
		if err != nil {
			return // it is no number, which TestRowsComeBack covers
		}
		if want := fmt.Sprintf(`{"times":[0],"numbers":{"x":[%s]}}`, n); string(value) != want {
			t.Fatalf("%s, not %s", value, want)
		}
	}
	rapid.Check(t, func(t *rapid.T) { check(t, numbers.Draw(t, "number")) })
	for e := -30; e <= 30; e++ { // at the edges of all that is decided by size
		v := math.Pow10(e)
		for _, d := range []float64{1, 1.5, 0.999999999999999, 1.00000000000001, 1.25, 9.9999999999999} {
			for _, x := range []float64{v * d, math.Nextafter(v*d, 0), math.Nextafter(v*d, math.Inf(1))} {
				check(t, x)
				check(t, -x)
			}
		}
	}
}

// Numbers are read as strconv reads them.
func TestNumbersAreReadAsStrconvDoes(t *testing.T) {
	number := rapid.OneOf(
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,19})(\.[0-9]{1,20})?([eE][-+]?[0-9]{1,3})?`),
		rapid.StringMatching(`-?(0|[1-9][0-9]{0,3})\.[0-9]{12,17}`), // as most measured values are
		rapid.StringMatching(`-?(0|[1-9])[0-9]{0,40}(\.[0-9]{1,40})?([eE][-+]?[0-9]{1,6})?`),
		rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) }),
		// Halfway between two floats, or next to it.
		rapid.Custom(func(t *rapid.T) string {
			n := rapid.Uint64Range(1<<53, 1<<62).Draw(t, "n")
			k := rapid.IntRange(1, 18).Draw(t, "decimals")
			return fmt.Sprintf("%de-%d", n, k)
		}),
	)
	rapid.Check(t, func(t *rapid.T) {
		s := number.Draw(t, "number")
		var want float64
		err := json.Unmarshal([]byte(s), &want)
		var b codec.Block
		ours := codec.DecodeRows(codec.JSON, []byte(`{"times":[0],"numbers":{"x":[`+s+`]}}`), &b)
		if (ours == nil) != (err == nil) {
			t.Fatalf("%v, but encoding/json: %v", ours, err)
		}
		if err == nil && math.Float64bits(b.Columns[0].Numbers[0]) != math.Float64bits(want) {
			t.Fatalf("%v, not %v", b.Columns[0].Numbers[0], want)
		}
	})
}

func TestTimesAreReadWithin64Bits(t *testing.T) {
	for s, ok := range map[string]bool{
		"0": true, "-0": true, "9223372036854775807": true, "-9223372036854775808": true,
		"9223372036854775808": false, "-9223372036854775809": false, "18446744073709551617": false, "99999999999999999999999999": false,
		"01": false, "1.0": false, "1e3": false, "-": false, "": false, `"1"`: false, "null": false, "+1": false, "0x1": false,
	} {
		var b codec.Block
		err := codec.DecodeRows(codec.JSON, []byte(`{"times":[`+s+`]}`), &b)
		if (err == nil) != ok {
			t.Errorf("%s: %v", s, err)
		}
		if ok {
			if n, err := json.Number(s).Int64(); err != nil || n != b.Times[0] {
				t.Errorf("%s: %d", s, b.Times[0])
			}
		}
	}
}

// byModel says what a value means, as encoding/json reads it.
func byModel(value []byte) ([]string, error) {
	var members map[string]json.RawMessage
	if err := json.Unmarshal(value, &members); err != nil {
		return nil, err
	}
	var b codec.Block
	if err := json.Unmarshal(members["times"], &b.Times); err != nil {
		return nil, err
	}
	for kind, member := range []string{"numbers", "texts", "bytes", "tags"} {
		if members[member] == nil {
			continue
		}
		var columns map[string][]any
		if err := json.Unmarshal(members[member], &columns); err != nil {
			return nil, err
		}
		for name, values := range columns {
			c := codec.Column{Kind: codec.ColumnKind(kind), Name: name, Present: make([]byte, (len(values)+7)/8)}
			for i, v := range values {
				var number float64
				var text string
				var raw []byte
				if v != nil {
					c.Present[i/8] |= 1 << (i % 8)
				}
				switch v := v.(type) {
				case float64:
					number = v
				case string:
					text = v
					if c.Kind == codec.Bytes {
						b, err := json.Marshal(v)
						if err == nil {
							err = json.Unmarshal(b, &raw)
						}
						if err != nil {
							return nil, err
						}
					}
					number = map[string]float64{"NaN": math.NaN(), "Infinity": math.Inf(1), "-Infinity": math.Inf(-1)}[v]
				}
				switch c.Kind {
				case codec.Number:
					c.Numbers = append(c.Numbers, number)
				case codec.Bytes:
					c.Bytes = append(c.Bytes, raw)
				default:
					c.Texts = append(c.Texts, text)
				}
			}
			b.Columns = append(b.Columns, c)
		}
	}
	return sorted(describe(&b, true)), nil
}

func sorted(s []string) []string {
	slices.Sort(s)
	return s
}

// However a packet is written in JSON, it is read as encoding/json reads it.
func TestAnyJSONIsReadAsEncodingJSONDoes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		space := func() string { return rapid.SampledFrom([]string{"", "", "", " ", "\n\t", "\r\n  "}).Draw(t, "space") }
		text := func(s string) string { // with escapes where none are needed
			if rapid.Bool().Draw(t, "plain") {
				j, err := json.Marshal(s)
				if err != nil {
					t.Fatal(err)
				}
				return string(j)
			}
			var b strings.Builder
			b.WriteByte('"')
			for _, r := range s {
				switch {
				case r == '/':
					b.WriteString(`\/`)
				case r > 0xffff:
					fmt.Fprintf(&b, `\u%04x\u%04X`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
				default:
					fmt.Fprintf(&b, `\u%04X`, r)
				}
			}
			b.WriteByte('"')
			return b.String()
		}
		var compact any
		b := drawBlock(t)
		if err := json.Unmarshal(encode(t, codec.JSON, b), &compact); err != nil {
			t.Fatal(err)
		}
		var write func(v any) string
		write = func(v any) string {
			var parts []string
			switch v := v.(type) {
			case map[string]any:
				for k, x := range v { // in any order
					parts = append(parts, space()+text(k)+space()+":"+write(x))
				}
				return space() + "{" + strings.Join(parts, ",") + space() + "}" + space()
			case []any:
				for _, x := range v {
					parts = append(parts, write(x))
				}
				return space() + "[" + strings.Join(parts, ",") + space() + "]" + space()
			case string:
				return space() + text(v) + space()
			}
			j, err := json.Marshal(v)
			if err != nil {
				t.Fatal(err)
			}
			return space() + string(j) + space()
		}
		members := compact.(map[string]any)
		times := members["times"]
		delete(members, "times")
		members["unknown"] = []any{map[string]any{"times": []any{nil, true, false, 1e300, "\\\"", map[string]any{}, []any{}}}}
		value := write(members)
		at := strings.LastIndexByte(value, '}')
		exact, err := json.Marshal(b.Times) // a float64 holds them not
		if err != nil || times == nil {
			t.Fatal(err)
		}
		value = value[:at] + `,"times":` + string(exact) + value[at:]

		want, err := byModel([]byte(value))
		if err != nil {
			t.Fatal(err)
		}
		var got codec.Block
		if err := codec.DecodeRows(codec.JSON, []byte(value), &got); err != nil {
			t.Fatalf("%s: %v", value, err)
		}
		if d := cmp.Diff(want, sorted(describe(&got, true))); d != "" {
			t.Fatalf("%s: %s", value, d)
		}
	})
}

// A writer that gives what cannot be written learns what is wrong, and has its bytes as they were.
func TestWhatCannotBeWritten(t *testing.T) {
	two := []float64{1, 2}
	many := make([]codec.Column, codec.MaxColumns+1)
	for _, x := range []struct {
		want    string
		times   int
		columns []codec.Column
	}{
		{"no rows", 0, nil},
		{"2 values for 3 rows", 3, []codec.Column{{Name: "a", Numbers: two}}},
		{"1 values for 2 rows", 2, []codec.Column{{Kind: codec.Text, Name: "a", Texts: []string{""}}}},
		{"0 values for 2 rows", 2, []codec.Column{{Kind: codec.Bytes, Name: "a"}}},
		{"values of another kind", 2, []codec.Column{{Name: "a", Numbers: two, Texts: []string{""}}}},
		{"Present has 2 bytes for 2 rows, not 1", 2, []codec.Column{{Name: "a", Numbers: two, Present: []byte{1, 1}}}},
		{"the name is empty", 2, []codec.Column{{Numbers: two}}},
		{"more than 255 bytes", 2, []codec.Column{{Name: strings.Repeat("ä", 128), Numbers: two}}},
		{"the name is not UTF-8", 2, []codec.Column{{Name: "a\xff", Numbers: two}}},
		{`tag column "b": another column has the same kind and name`, 2, []codec.Column{
			{Kind: codec.Tag, Name: "b", Texts: []string{"", ""}}, {Kind: codec.Text, Name: "b", Texts: []string{"", ""}}, {Kind: codec.Tag, Name: "b", Texts: []string{"", ""}}}},
		{`text column "a": the text of row 1 is not UTF-8`, 2, []codec.Column{{Kind: codec.Text, Name: "a", Texts: []string{"x", "x\xff"}}}},
		{"the text of row 0 is not UTF-8", 2, []codec.Column{{Kind: codec.Tag, Name: "a", Texts: []string{"\xc3", "\xa4"}}}}, // ä, cut in two
		{"no such kind of column", 2, []codec.Column{{Kind: 4, Name: "a", Numbers: two}}},
		{"65537 columns are too many, the limit is 65536", 1, many},
		{"1048577 rows are too many, the limit is 1048576", codec.MaxRows + 1, nil},
	} {
		for _, f := range formats {
			out, err := codec.AppendRows([]byte("before"), f, &codec.Block{Times: make([]int64, x.times), Columns: x.columns})
			var e *codec.Error
			if !errors.Is(err, codec.ErrInvalid) || !errors.As(err, &e) || e.Offset != -1 || !strings.Contains(err.Error(), x.want) || string(out) != "before" {
				t.Errorf("%v: %.60q, %v, not %s", f, out, err, x.want)
			}
		}
	}
	b := &codec.Block{Times: []int64{1, 2}}
	for _, r := range [][2]int{{0, 0}, {1, 1}, {-1, 1}, {0, 3}, {2, 1}, {2, 3}} {
		if _, err := codec.AppendRange(nil, codec.JSON, b, r[0], r[1]); !errors.Is(err, codec.ErrInvalid) {
			t.Errorf("rows %v of 2: %v", r, err)
		}
	}
	if _, err := codec.AppendRows(nil, 2, b); !errors.Is(err, codec.ErrInvalid) {
		t.Error(err)
	}
	if err := codec.DecodeRows(2, nil, b); !errors.Is(err, codec.ErrUnknown) || len(b.Times) != 0 {
		t.Error(err)
	}
}

// A wide block: names are unique within their kind, which is also found among thousands.
func TestNamesAreUniqueInWideBlocks(t *testing.T) {
	b := &codec.Block{Times: []int64{1}}
	for i := range 3000 {
		b.Columns = append(b.Columns, codec.Column{Kind: codec.Text, Name: fmt.Sprint(i / 2), Texts: []string{""}})
		if i%2 == 1 {
			b.Columns[i] = codec.Column{Kind: codec.Number, Name: fmt.Sprint(i / 2), Numbers: []float64{0}}
		}
	}
	for _, f := range formats {
		var into codec.Block
		if err := codec.DecodeRows(f, encode(t, f, b), &into); err != nil || len(into.Columns) != 3000 {
			t.Fatal(err)
		}
	}
	b.Columns[2998].Name = "7"
	if _, err := codec.AppendRows(nil, codec.JSON, b); !errors.Is(err, codec.ErrInvalid) || !strings.Contains(err.Error(), `text column "7"`) {
		t.Fatal(err)
	}
}

// Broken bytes are refused, with what is wrong and where.
func TestBrokenJSON(t *testing.T) {
	deep := strings.Repeat("[", 100) + strings.Repeat("]", 100)
	for _, x := range []struct{ value, want string }{
		{``, "the JSON ends where there should be an object"},
		{`[]`, "at byte 0: '[' where there should be an object"},
		{`{}`, "there are no times"},
		{`{"times":[]}`, "there are no rows"},
		{`{"times":null}`, "at byte 9: 'n' where there should be an array"},
		{`{"times":[1]`, "at byte 12: the JSON ends where there should be a comma or }"},
		{`{"times":[1],}`, "at byte 13: '}' where there should be the name of a member"},
		{`{"times":[1,]}`, "at byte 12: there is no whole number"},
		{`{"times":[1]}x`, "at byte 13: 'x' where there should be the end"},
		{`{"times":[1],"times":[1]}`, `at byte 13: "times" stands here a second time`},
		{`{"times":[1],"t\u0069mes":[1]}`, `at byte 13: "times" stands here a second time`},
		{`{"times":[1],"numbers":{"a":[1],"a":[1]}}`, `number column "a": another column has the same kind and name`},
		{`{"times":[1],"numbers":{"a":[1,2]}}`, `number column "a": 2 values for 1 rows`},
		{`{"numbers":{"a":[]},"times":[1]}`, `number column "a": 0 values for 1 rows`},
		{`{"times":[1],"numbers":{"a":[01]}}`, `at byte 29: number column "a": there is no number`},
		{`{"times":[1],"numbers":{"a":[1.]}}`, "there is no number"},
		{`{"times":[1],"numbers":{"a":[.5]}}`, "there is no number"},
		{`{"times":[1],"numbers":{"a":[1e]}}`, "there is no number"},
		{`{"times":[1],"numbers":{"a":[true]}}`, "there is no number"},
		{`{"times":[1],"numbers":{"a":[1e999]}}`, "the number is too large for 64 bits"},
		{`{"times":[1],"numbers":{"a":["nan"]}}`, `"nan" is no number; the only texts that are one are NaN, Infinity and -Infinity`},
		{`{"times":[1],"numbers":{"a":[nul]}}`, "'n' where there should be a value"},
		{`{"times":[1],"numbers":{"":[1]}}`, "the name is empty"},
		{`{"times":[1],"numbers":{"` + strings.Repeat("x", 256) + `":[1]}}`, "the name has more than 255 bytes"},
		{`{"times":[1],"texts":{"a":[1]}}`, "'1' where there should be a text"},
		{`{"times":[1],"texts":{"a":["` + "\xff" + `"]}}`, "a text is not UTF-8"},
		{`{"times":[1],"texts":{"a":["` + "\n" + `"]}}`, "a text has a control character as it is; it must be escaped"},
		{`{"times":[1],"texts":{"a":["\x"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\ud800"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\ud800\u0041"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\udc00\ud800"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\u12"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\u00zz"]}}`, "there is no such escape"},
		{`{"times":[1],"texts":{"a":["\`, "a text has no end"},
		{`{"times":[1],"texts":{"a":["abc`, "a text has no end"},
		{`{"times":[1],"bytes":{"a":["AQI"]}}`, `bytes column "a": bytes are not in base64`},
		{`{"times":[1],"bytes":{"a":["AQJ="]}}`, "bytes are not in base64"}, // bits behind the last byte
		{`{"times":[1],"bytes":{"a":["AQ\nID"]}}`, "bytes are not in base64"},
		{`{"times":[1],"x":` + deep + `}`, "values are nested deeper than 64 times"},
		{`{"times":[1],"x":{"a" 1}}`, "'1' where there should be a colon"},
		{`{"times":[1],"x":[1 2]}`, "'2' where there should be a comma or ]"},
		{`{"times":[1],"x":tru}`, "'t' where there should be a value"},
		{`{"times":[1],"x":-}`, "'-' where there should be a value"},
	} {
		var b codec.Block
		err := codec.DecodeRows(codec.JSON, []byte(x.value), &b)
		if !errors.Is(err, codec.ErrBroken) || !strings.Contains(err.Error(), x.want) || len(b.Times)+len(b.Columns) != 0 {
			t.Errorf("%s: %v, not %s", x.value, err, x.want)
		}
	}
	var b codec.Block // what is passed over only has to be JSON
	if err := codec.DecodeRows(codec.JSON, []byte(`{"x":[-1e999,"\u00e4",{"x":1,"x":null}],"Times":3,"times":[1]}`), &b); err != nil {
		t.Error(err)
	}
}

func TestBrokenBinary(t *testing.T) {
	uv := func(n uint64) string { return string(binary.AppendUvarint(nil, n)) }
	for _, x := range []struct{ value, want string }{
		{"", "the number of rows is cut short"},
		{"\x00\x00\x00", "0 rows, not 1 to 1048576"},
		{uv(codec.MaxRows+1) + "\x00", "1048577 rows"},
		{"\x01", "the number of columns is cut short"},
		{"\x01" + uv(codec.MaxColumns+1) + "\x00", "65537 columns"},
		{uv(codec.MaxRows) + "\x00\x00", "1048576 rows of 0 columns cannot be in 1 bytes"},
		{"\x01" + uv(codec.MaxColumns) + "\x00", "1 rows of 65536 columns cannot be in 1 bytes"},
		{"\x01\x00\x80", "the time of row 0 is cut short"},
		{"\x01\x00" + strings.Repeat("\xff", 9) + "\x02", "does not fit 64 bits"},
		{"\x01\x00\x00\x00", "at byte 3: 1 bytes follow the last column"},
		{"\x01\x01\x00\x04\x01a\x00", "4 is no kind of column"},
		{"\x01\x01\x00\x01\x00a\x00", "a column's name is empty or not UTF-8"},
		{"\x01\x01\x00\x01\x01\xff\x00", "a column's name is empty or not UTF-8"},
		{"\x01\x01\x00\x01" + uv(256) + strings.Repeat("a", 256) + "\x00", "has 256 bytes, the limit is 255"},
		{"\x01\x01\x00\x01\x09a\x00", "has 9 bytes, and only 2 are left"},
		{"\x01\x01\x00\x00\x01a\x00", `at byte 6: number column "a": 1 numbers are cut short`},
		{"\x01\x01\x00\x80\x01a\x02" + strings.Repeat("\x00", 8), "bits for rows that are not there"},
		{"\x01\x01\x00\x80\x01a\x00" + strings.Repeat("\x00", 7) + "\x01", "row 0 has a number, and has none by the bitmap"},
		{"\x01\x01\x00\x81\x01a\x00\x01x", "row 0 has a value, and has none by the bitmap"},
		{"\x01\x01\x00\x81\x01a", "cannot be in 4 bytes"},
		{"\x01\x01\x00\x01\x01a\x09x", "the value of row 0 has 9 bytes, and only 1 are left"},
		{"\x02\x01\x00\x00\x01\x01a\x01\x01x", "the values have 2 bytes, and only 1 are left"},
		{"\x02\x01\x00\x00\x01\x01a\x00\x80", "the length of row 1 is cut short"},
		{"\x01\x01\x00\x03\x01a\x01\xff", `tag column "a": the texts are not UTF-8`},
		{"\x02\x01\x00\x00\x01\x01a\x01\x01ä", "the text of row 1 begins within a character"},
		{"\x01\x02\x00\x01\x01a\x00\x01\x01a\x00", "another column has the same kind and name"},
	} {
		var b codec.Block
		err := codec.DecodeRows(codec.Binary, []byte(x.value), &b)
		if !errors.Is(err, codec.ErrBroken) || !strings.Contains(err.Error(), x.want) || len(b.Times)+len(b.Columns) != 0 {
			t.Errorf("%q: %v, not %s", x.value, err, x.want)
		}
	}
	var b codec.Block
	if err := codec.DecodeRows(codec.Binary, []byte("\x81\x00\x80\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), &b); err != nil || b.Times[0] != math.MinInt64 {
		t.Error(b.Times, err) // also in more bytes than are needed
	}
}

// Every cut and every flipped bit of a packet is refused or read as something else; nothing else happens, and no more memory is taken than in proportion.
func TestDamageIsBounded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		for _, f := range formats {
			value := encode(t, f, drawBlock(t))
			at := rapid.IntRange(0, len(value)-1).Draw(t, "at")
			value[at] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			read(t, f, value)
			read(t, f, value[:at])
		}
	})
}

// read decodes whatever it is, and checks what is promised of it.
func read(t interface{ Fatalf(string, ...any) }, f codec.Format, value []byte) {
	var b codec.Block
	err := codec.DecodeRows(f, value, &b)
	if m := memory(&b); m > 64*len(value)+1024 {
		t.Fatalf("%d bytes of memory for %d bytes", m, len(value))
	}
	if err != nil {
		var e *codec.Error
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(value) || len(err.Error()) > 4000 {
			t.Fatalf("%#v", err)
		}
		return
	}
	for _, g := range formats {
		again, err := codec.AppendRows(nil, g, &b)
		if err != nil {
			t.Fatalf("it was read, and cannot be written: %v", err)
		}
		var c codec.Block
		if err := codec.DecodeRows(g, again, &c); err != nil {
			t.Fatalf("it was read and written, and cannot be read: %v", err)
		}
		if d := cmp.Diff(describeFor(g, &b), describeFor(g, &c)); d != "" {
			t.Fatalf("read, written and read: %s", d)
		}
	}
}
