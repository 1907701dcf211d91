package file_test

import (
	"bytes"
	stdcsv "encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"math/big"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/connect/file"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// describe says what a row means, in one line.
func describe(r file.Row) string {
	s := fmt.Sprintf("%d: %s@%s", r.Line, r.Stream, time.Unix(0, r.Time).UTC().Format(time.RFC3339Nano))
	for _, v := range r.Values {
		if v.Kind == file.Text {
			s += fmt.Sprintf(" %s=%q", v.Name, v.Text)
		} else {
			s += fmt.Sprintf(" %s=%v", v.Name, v.Number)
		}
	}
	return s
}

// readAll gives a line for each row and each error.
func readAll(t interface{ Fatal(...any) }, r io.Reader, o file.Options) []string {
	f, err := file.Open(r, o)
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for {
		row, err := f.Next()
		var bad *file.LineError
		switch {
		case err == nil:
			all = append(all, describe(row))
			continue
		case errors.Is(err, io.EOF):
			return all
		case !errors.As(err, &bad):
			t.Fatal(err)
		case bad.Value:
			all = append(all, describe(row))
		}
		all = append(all, "! "+bad.Error())
	}
}

func check(t *testing.T, content string, o file.Options, want ...string) {
	t.Helper()
	readers := map[string]io.Reader{"whole": strings.NewReader(content), "in pieces": iotest.HalfReader(strings.NewReader(content))}
	if len(content) < 10_000 {
		readers["byte by byte"] = iotest.OneByteReader(strings.NewReader(content))
	}
	for name, r := range readers {
		if d := cmp.Diff(want, readAll(t, r, o)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestCSV(t *testing.T) {
	check(t, "\ufefftime, speed ,gear,,driver,note\r\n"+
		"2026-01-01 00:00:00,200.5,3,0,Ada,\"a \"\"quoted\"\",\r\nlonger note\"\r\n"+
		"\r\n"+
		"2026-01-01 00:00:00.25, 1e3 ,R,,Zoë, true\n"+
		"2026-01-01 00:00:01,-nan,0x10,+.5,Zoë,5\" pipe\n"+
		"2026-01-01 00:00:02,Infinity,007,1_0, ,\"12\"",
		file.Options{Format: file.CSV, Time: "time"},
		`2: @2026-01-01T00:00:00Z speed=200.5 gear=3 column_4=0 driver="Ada" note="a \"quoted\",\r\nlonger note"`,
		`5: @2026-01-01T00:00:00.25Z speed=1000 gear="R" driver="Zoë" note=" true"`,
		`6: @2026-01-01T00:00:01Z speed=NaN gear="0x10" column_4=0.5 driver="Zoë" note="5\" pipe"`,
		`7: @2026-01-01T00:00:02Z speed=+Inf gear=7 column_4="1_0" note=12`,
	)
}

func TestTheColumnOfStreamsAndOtherCommas(t *testing.T) {
	check(t, "car;t;speed\n car-1 ;1;2\ncar-2;2;3\n;3;4\n"+strings.Repeat("x", 1025)+";4;5\n\xff;5;6\n",
		file.Options{Format: file.CSV, Time: "t", Stream: "car", Comma: ';'},
		`2: car-1@1970-01-01T00:00:01Z speed=2`, `3: car-2@1970-01-01T00:00:02Z speed=3`, `! line 4, column "car": there is none`,
		`! line 5, column "car": it has 1025 bytes, the limit is 1024`, `! line 6, column "car": the text is not UTF-8; convert the file to UTF-8`)
	check(t, "t\tx\n1\ta,b\n", file.Options{Name: "a/b.TSV", Time: "t"}, `2: @1970-01-01T00:00:01Z x="a,b"`)
}

// In the long form a row has one value, and a column has its name.
func TestTheLongForm(t *testing.T) {
	o := file.Options{Name: "x.csv", Time: "t", Stream: "car", Parameter: "name", Value: "value"}
	check(t, "t,car,name,value,quality\n1,a,speed,200.5,good\n2,a,gear,R,good\n3,a,,1,good\n4,a,speed,,bad\n", o,
		`2: a@1970-01-01T00:00:01Z speed=200.5`, `3: a@1970-01-01T00:00:02Z gear="R"`, `! line 4, column "name": there is none`, `5: a@1970-01-01T00:00:04Z`)
	o.Name, o.Stream = "x.ndjson", ""
	check(t, `{"name":"door","value":{"side":"left","open":true},"event":[1],"t":1}`+"\n"+`{"t":2,"value":5,"name":"speed","values":7}`+"\n"+`{"t":3,"value":[5],"name":"speed"}`, o,
		`1: @1970-01-01T00:00:01Z door.side="left" door.open="true"`, `2: @1970-01-01T00:00:02Z speed=5`, `3: @1970-01-01T00:00:03Z`,
		`! line 3, column "value": it is an array; only numbers, texts and objects of them can be values`)
}

func TestNDJSON(t *testing.T) {
	deep := strings.Repeat(`{"a":`, 32) + `{"b":1}` + strings.Repeat("}", 32)
	check(t, strings.Join([]string{
		`{"meta":{"time":"2026-01-01T01:00:00.000000001+01:00","id":44},"speed":200.5,"gear":"3","on":true,"note":null,"empty":"","pos":{"lat":1,"lon":{"deg":-2e0}}}`,
		``,
		`  {"meta":{"time":"2026-01-01T00:00:00Z","id":"x"}}  `,
		`{"meta":{"time":"2026-01-01T00:00:00Z","id":"x"},"a":[1,{"b":[]}],"b":2,"big":1e999,"":1,"b":3,"b":{"c":4},"b.c":5}`,
		`{"meta":{"id":"x"}}`,
		`{"meta":{"time":true,"id":"x"}}`,
		`{"meta":[]}`,
		`[1]`,
		`{"a":1`,
		`{"a":1,}`,
		`{"a" 1}`,
		`{"a":1} {}`,
		"{\"a\":\"\xff\"}",
		`{"meta":{"time":"2026-01-01T00:00:00Z","id":"x"},"deep":` + deep + `,"after":1}`,
		`{"meta":{"time":"2026-01-01T00:00:00Z","id":"x"},"` + strings.Repeat("n", 300) + `":1,"after":1}`,
	}, "\n"), file.Options{Name: "x.jsonl", Time: "meta.time", Stream: "meta.id"},
		`1: 44@2026-01-01T00:00:00.000000001Z speed=200.5 gear="3" on="true" pos.lat=1 pos.lon.deg=-2`,
		`3: x@2026-01-01T00:00:00Z`,
		`4: x@2026-01-01T00:00:00Z b=2 b.c=4`, `! line 4, column "a": it is an array; only numbers, texts and objects of them can be values`,
		`! line 5, column "meta.time": there is none`,
		`! line 6, column "meta.time": "true" is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05`,
		`! line 7, column "meta.time": there is none`,
		`! line 8: it is no JSON object`,
		`! line 9: it is no JSON: unexpected end of JSON input`,
		`! line 10: it is no JSON: invalid character '}' looking for beginning of object key string`,
		`! line 11: it is no JSON: invalid character '1' after object key`,
		`! line 12: it is no JSON: invalid character '{' after top-level value`,
		`! line 13: the text is not UTF-8; convert the file to UTF-8`,
		`14: x@2026-01-01T00:00:00Z after=1`, `! line 14, column "deep`+strings.Repeat(".a", 31)+`": objects are nested deeper than 32 times`,
		`15: x@2026-01-01T00:00:00Z after=1`, `! line 15, column "`+strings.Repeat("n", 100)+`…": the name has 300 bytes, the limit is 255`,
	)
}

// A bad line costs itself only, with its number, also when a quotation mark has no end.
func TestBadLinesCostThemselvesOnly(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	check(t, strings.Join([]string{
		"t,x",
		"1,1",
		"2,2,2",
		"3,\"open",
		"4,4",
		"5,\"closed\"later",
		"not a time,6",
		"7," + long,
		"8,8",
		"9,\"" + long[:1<<20-20],
		"10,10",
		"11,1e999",
		"12,\xff",
		"13",
		"14,\"14",
	}, "\n"), file.Options{Format: file.CSV, Time: "t"},
		`2: @1970-01-01T00:00:01Z x=1`,
		`! line 3: it has 3 fields, and the first line of the file 2`,
		`! line 4: something stands between a closing quotation mark and the end of the field; a quotation mark within a quoted field is doubled`,
		`5: @1970-01-01T00:00:04Z x=4`,
		`! line 6: something stands between a closing quotation mark and the end of the field; a quotation mark within a quoted field is doubled`,
		`! line 7, column "t": "not a time" is no time in s since 1970: it is no number`,
		`! line 8: the line is longer than 1 MiB`,
		`9: @1970-01-01T00:00:08Z x=8`,
		`! line 10: a quotation mark has no end`, // within 1 MiB
		`11: @1970-01-01T00:00:10Z x=10`,
		`12: @1970-01-01T00:00:11Z`, `! line 12, column "x": the number is too large for a float64`,
		`13: @1970-01-01T00:00:12Z`, `! line 13, column "x": the text is not UTF-8; convert the file to UTF-8`,
		`! line 14: it has 1 fields, and the first line of the file 2`,
		`! line 15: a quotation mark has no end`,
	)
	check(t, "t,x\n1,\"open\n2,2\n3,"+long+"\n4,4\n", file.Options{Format: file.CSV, Time: "t"}, // a line that is too long ends a quoted field
		`! line 2: a quotation mark has no end`, `3: @1970-01-01T00:00:02Z x=2`, `! line 4: the line is longer than 1 MiB`, `5: @1970-01-01T00:00:04Z x=4`)
	var b strings.Builder // and so does a record that is
	b.WriteString("t,x\n0,\"open\n")
	want := []string{`! line 2: a quotation mark has no end`}
	for i := range 5000 {
		fmt.Fprintf(&b, "%d,%0300d\n", i, i)
		want = append(want, fmt.Sprintf(`%d: @%s x=%d`, i+3, time.Unix(int64(i), 0).UTC().Format(time.RFC3339), i))
	}
	check(t, b.String(), file.Options{Format: file.CSV, Time: "t"}, want...)
	check(t, long+"x\n{\"t\":1}\n", file.Options{Format: file.NDJSON, Time: "t"}, `! line 1: the line is longer than 1 MiB`, `2: @1970-01-01T00:00:01Z`)
}

func TestOpenSaysWhatIsWrong(t *testing.T) {
	for _, x := range []struct {
		content, want string
		o             file.Options
	}{
		{"t\n", `open "x.txt": the ending does not say the format; give it, csv or ndjson`, file.Options{Name: "x.txt", Time: "t"}},
		{"t\n", `there is no format "xml", only csv and ndjson`, file.Options{Format: "xml", Time: "t"}},
		{"t\n", `there is no time format "min", only datetime, s, ms, us and ns`, file.Options{Format: file.CSV, Time: "t", TimeFormat: "min"}},
		{"t\n", `'"' cannot stand between fields`, file.Options{Format: file.CSV, Time: "t", Comma: '"'}},
		{"t\n", `'ä' cannot stand between fields`, file.Options{Format: file.CSV, Time: "t", Comma: 'ä'}},
		{"t\n", `no column is named for the time`, file.Options{Format: file.NDJSON}},
		{"t\n", `parameter and value are named together or not at all`, file.Options{Format: file.NDJSON, Time: "t", Value: "v"}},
		{"t\n", `column "t" is named for two purposes`, file.Options{Format: file.NDJSON, Time: "t", Stream: "t"}},
		{"", `the file is empty`, file.Options{Format: file.CSV, Time: "t"}},
		{"\n\n", `the file is empty`, file.Options{Format: file.CSV, Time: "t"}},
		{"a,b\n", `there is no column "t"; there are "a", "b"`, file.Options{Format: file.CSV, Time: "t"}},
		{"t;b\n", `there is no column "t"; there are "t;b"; is ";" between the fields?`, file.Options{Format: file.CSV, Time: "t"}},
		{"t,a, a\n", `line 1: two columns have the name "a"`, file.Options{Format: file.CSV, Time: "t"}},
		{"t,\xff\n", `the name of column 2 is not UTF-8`, file.Options{Format: file.CSV, Time: "t"}},
		{"t," + strings.Repeat("x", 256), `the name of column 2 has 256 bytes, the limit is 255`, file.Options{Format: file.CSV, Time: "t"}},
		{strings.Repeat(",", 1<<16), `the file has 65537 columns, the limit is 65536`, file.Options{Format: file.CSV, Time: "t"}},
		{"t,\"a\n", `the names of the columns: line 1: a quotation mark has no end`, file.Options{Format: file.CSV, Time: "t"}},
	} {
		if _, err := file.Open(strings.NewReader(x.content), x.o); err == nil || !strings.Contains(err.Error(), x.want) {
			t.Errorf("%v, not %s", err, x.want)
		}
	}
}

// An error of the reader is told as it is, and stays.
func TestErrorsOfTheReader(t *testing.T) {
	broken := errors.New("the disk is broken")
	for content, o := range map[string]file.Options{"t,x\n1,1\n2,\"2": {Format: file.CSV, Time: "t"}, "{\"t\":1}\n{\"t\":2": {Format: file.NDJSON, Time: "t"}} {
		f, err := file.Open(io.MultiReader(strings.NewReader(content), iotest.ErrReader(broken)), o)
		if err != nil {
			t.Fatal(err)
		}
		if row, err := f.Next(); err != nil || row.Time != 1e9 {
			t.Error(row, err)
		}
		for range 3 {
			if _, err := f.Next(); !errors.Is(err, broken) {
				t.Error(err)
			}
		}
	}
	if _, err := file.Open(iotest.ErrReader(broken), file.Options{Format: file.CSV, Time: "t"}); !errors.Is(err, broken) {
		t.Error(err)
	}
}

func TestTimeFormats(t *testing.T) {
	for _, x := range []struct {
		format file.TimeFormat
		value  string
		want   string // empty: an error
		used   file.TimeFormat
	}{
		{file.Auto, "2026-01-01T02:00:00.123456789+02:00", "2026-01-01T00:00:00.123456789Z", file.DateTime},
		{file.Auto, "2026-01-01t00:00:00z", "2026-01-01T00:00:00Z", file.DateTime},
		{file.Auto, "2026-01-01 00:00:00", "2026-01-01T00:00:00Z", file.DateTime},
		{file.Auto, "2026-01-01 00:00:00,5", "2026-01-01T00:00:00.5Z", file.DateTime},
		{file.Auto, "2026-01-01 00:00:00+0130", "2025-12-31T22:30:00Z", file.DateTime},
		{file.Auto, "2026-01-01 00:00:00.25-01", "2026-01-01T01:00:00.25Z", file.DateTime},
		{file.Auto, " 2026-01-01 00:00 ", "2026-01-01T00:00:00Z", file.DateTime},
		{file.Auto, "2026-01-01", "2026-01-01T00:00:00Z", file.DateTime},
		{file.Auto, "1700-01-01", "1700-01-01T00:00:00Z", file.DateTime},
		{file.Auto, "1364323939.012000", "2013-03-26T18:52:19.012Z", file.Seconds},
		{file.Auto, "1.364323939012E9", "2013-03-26T18:52:19.012Z", file.Seconds},
		{file.Auto, "1687180408469", "2023-06-19T13:13:28.469Z", file.Milliseconds},
		{file.Auto, "1687180408469.5", "2023-06-19T13:13:28.4695Z", file.Milliseconds},
		{file.Auto, "1687180408469123", "2023-06-19T13:13:28.469123Z", file.Microseconds},
		{file.Auto, "1687180408469123456", "2023-06-19T13:13:28.469123456Z", file.Nanoseconds},
		{file.Auto, "-1", "1969-12-31T23:59:59Z", file.Seconds},
		{file.Milliseconds, "0", "1970-01-01T00:00:00Z", file.Milliseconds},
		{file.Nanoseconds, "0.5", "1970-01-01T00:00:00.000000001Z", file.Nanoseconds},
		{file.Seconds, "9223372036.854775807", "2262-04-11T23:47:16.854775807Z", file.Seconds},
		{file.Seconds, "9223372036.854775808", "", file.Seconds},
		{file.DateTime, "1687180408469", "", file.DateTime},
		{file.DateTime, "1600-01-01", "", file.DateTime},
		{file.DateTime, "2300-01-01", "", file.DateTime},
		{file.Auto, "2026-13-01", "", file.Auto},
		{file.Auto, "yesterday", "", file.Auto},
		{file.Auto, "nan", "", file.Auto},
		{file.Auto, "1e400", "", file.Auto},
		{file.Auto, "1-2", "", file.Auto},
		{file.Auto, "2026-01-01 25:00:00", "", file.Auto},
	} {
		f, err := file.Open(strings.NewReader("t\n\""+x.value+"\"\n"), file.Options{Format: file.CSV, Time: "t", TimeFormat: x.format})
		if err != nil {
			t.Fatal(err)
		}
		row, err := f.Next()
		got := ""
		if err == nil {
			got = time.Unix(0, row.Time).UTC().Format(time.RFC3339Nano)
		}
		if got != x.want || f.TimeFormat() != x.used {
			t.Errorf("%s as %q: %q in %q, %v, not %s", x.value, x.format, got, f.TimeFormat(), err, x.want)
		}
	}
	// What the first row suggests holds for all.
	check(t, "t\n1e10\n2026-01-01\n100000000000000\n5\n", file.Options{Format: file.CSV, Time: "t"},
		`! line 2, column "t": "1e10" is no time in s since 1970: it does not fit 64 bits of nanoseconds`, `3: @2026-01-01T00:00:00Z`,
		`! line 4, column "t": "100000000000000" is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05`,
		`! line 5, column "t": "5" is no time such as 2006-01-02T15:04:05Z or 2006-01-02 15:04:05`)
}

// Times that are numbers are exact.
func TestTimesAreExact(t *testing.T) {
	number := rapid.OneOf(rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{0,14})?([eE][-+]?[0-9]{1,2})?`), rapid.StringMatching(`[-+]?[0-9]{0,30}\.[0-9]{1,30}`))
	rapid.Check(t, func(t *rapid.T) {
		s := number.Draw(t, "number")
		format := rapid.SampledFrom([]file.TimeFormat{file.Seconds, file.Milliseconds, file.Microseconds, file.Nanoseconds}).Draw(t, "format")
		exact, ok := new(big.Rat).SetString(s)
		if !ok {
			t.Fatal(s)
		}
		exact.Mul(exact, new(big.Rat).SetInt64(map[file.TimeFormat]int64{file.Seconds: 1e9, file.Milliseconds: 1e6, file.Microseconds: 1e3, file.Nanoseconds: 1}[format]))
		want, ok := new(big.Int).SetString(exact.FloatString(0), 10) // rounds half away from 0
		if !ok {
			t.Fatal(exact)
		}
		f, err := file.Open(strings.NewReader("t\n"+s), file.Options{Format: file.CSV, Time: "t", TimeFormat: format})
		if err != nil {
			t.Fatal(err)
		}
		row, err := f.Next()
		if want.IsInt64() != (err == nil) {
			t.Fatalf("%s in %s is %v: %v", s, format, want, err)
		}
		if err == nil && row.Time != want.Int64() {
			// 19 digits and more are cut, not rounded: they are more than nanoseconds of these days need
			if d := new(big.Int).Sub(want, big.NewInt(row.Time)); len(strings.Trim(s, "-+0.")) < 19 || d.CmpAbs(big.NewInt(1)) > 0 {
				t.Fatalf("%s in %s is %d, not %v", s, format, row.Time, want)
			}
		}
	})
}

// What encoding/csv writes is read back, and means the same by the rules of values.
func TestCSVIsReadAsItWasWritten(t *testing.T) {
	field := rapid.OneOf(rapid.StringMatching("[a-z\",\r\n ;]{0,8}"), rapid.String(), rapid.Map(rapid.Float64(), func(f float64) string { return fmt.Sprint(f) }))
	rapid.Check(t, func(t *rapid.T) {
		comma := rapid.SampledFrom([]rune{',', ';', '\t'}).Draw(t, "comma")
		var b bytes.Buffer
		w := stdcsv.NewWriter(&b)
		w.Comma, w.UseCRLF = comma, rapid.Bool().Draw(t, "CRLF")
		columns := rapid.IntRange(0, 4).Draw(t, "columns")
		header := []string{"t"}
		for i := range columns {
			header = append(header, fmt.Sprint("c", i))
		}
		var want []string
		must := func(err error) {
			if err != nil {
				t.Fatal(err)
			}
		}
		must(w.Write(header))
		for i := range rapid.IntRange(0, 5).Draw(t, "rows") {
			record := []string{fmt.Sprint(i)}
			s := fmt.Sprintf("@%s", time.Unix(int64(i), 0).UTC().Format(time.RFC3339Nano))
			for range columns {
				v := field.Draw(t, "field")
				if w.UseCRLF {
					v = strings.NewReplacer("\r", "", "\n", "").Replace(v) // which the writer changes
				}
				record = append(record, v)
				trimmed := strings.Trim(v, " \t")
				name := header[len(record)-1]
				if f, err := strconv.ParseFloat(trimmed, 64); err == nil && !strings.ContainsAny(trimmed, "xXpP_") {
					s += fmt.Sprintf(" %s=%v", name, f)
				} else if trimmed != "" {
					s += fmt.Sprintf(" %s=%q", name, v)
				}
			}
			must(w.Write(record))
			want = append(want, s)
		}
		w.Flush()
		var got []string
		for _, s := range readAll(t, &b, file.Options{Format: file.CSV, Time: "t", Comma: comma, TimeFormat: file.Seconds}) {
			_, s, _ = strings.Cut(s, ": ")
			got = append(got, s)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\n%q", d, b.String())
		}
	})
}

// What encoding/json writes is read back.
func TestNDJSONIsReadAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		object := map[string]any{}
		want := map[string]string{}
		for _, name := range rapid.SliceOfNDistinct(rapid.StringMatching(`[a-zä"]{1,5}`), 0, 8, rapid.ID).Draw(t, "names") {
			if rapid.Bool().Draw(t, "text") {
				v := rapid.String().Draw(t, "value")
				object["x"+name] = v
				if v != "" {
					want["x"+name] = fmt.Sprintf("%q", v)
				}
			} else {
				v := rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).Draw(t, "value")
				object["y"+name] = map[string]any{"z": v}
				want["y"+name+".z"] = fmt.Sprint(v)
			}
		}
		object["t"] = 5
		line, err := json.Marshal(object)
		if err != nil {
			t.Fatal(err)
		}
		f, err := file.Open(bytes.NewReader(line), file.Options{Format: file.NDJSON, Time: "t"})
		if err != nil {
			t.Fatal(err)
		}
		row, err := f.Next()
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		got := map[string]string{}
		for _, v := range row.Values {
			if got[v.Name] = fmt.Sprint(v.Number); v.Kind == file.Text {
				got[v.Name] = fmt.Sprintf("%q", v.Text)
			}
		}
		if d := cmp.Diff(want, got); d != "" || row.Time != 5e9 {
			t.Fatalf("%s: %s", line, d)
		}
	})
}

// data opens a file of real data, and skips the test without it.
func data(t *testing.T, name string) io.Reader {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", name))
	if errors.Is(err, os.ErrNotExist) {
		t.Skipf("%s is not there: the folder shared/data beside the repository has it", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(b)
}

func TestRacingCar(t *testing.T) {
	rows := readAll(t, data(t, "racing-car.csv"), file.Options{Name: "racing-car.csv", Time: "Timestamp", Stream: "SessionId"})
	if len(rows) != 3492 {
		t.Fatal(len(rows), "rows")
	}
	if want := `2: session_07501@2023-06-19T13:13:28.469Z Motion_WorldPositionZ=218.9416961669922 Motion_WorldPositionY=98.2072296142578 Motion_WorldPositionX=-25.48202324 ` +
		`TotalLapDistance=2095.084228515625 Steer=-1 Speed=223 LapDistance=2095.084228515625 Gear=6 EngineTemp=90 EngineRPM=10251 Brake=0 DriverStatus="Flying_lap" LapNumber=1 ` +
		`LapValidity="Invalid" Sector=1`; rows[0] != want {
		t.Errorf("%s, not %s", rows[0], want)
	}
	if last := rows[len(rows)-1]; !strings.HasPrefix(last, "3493: session_07501@2023-06-19T13:24:04.526Z ") || !strings.Contains(last, `PitStatus="Pitting"`) {
		t.Error(last)
	}
	if all := strings.Join(rows, "\n"); strings.Contains(all, "!") || strings.Count(all, " TotalLapDistance=") != 3474 || strings.Count(all, " PitStatus=") != 165 {
		t.Error("errors, or values that are not there")
	}
}

func TestMachineTemperature(t *testing.T) {
	rows := readAll(t, data(t, "machine-temperature.csv"), file.Options{Name: "machine-temperature.csv", Time: "timestamp"})
	if len(rows) != 22695 || rows[0] != `2: @2013-12-02T21:15:00Z value=73.96732207` || rows[22694] != `22696: @2014-02-19T15:25:00Z value=96.90386085` {
		t.Error(len(rows), rows[0], rows[len(rows)-1])
	}
}

func TestConnectedCar(t *testing.T) {
	rows := readAll(t, data(t, "connected-car.ndjson"), file.Options{Name: "connected-car.ndjson", Time: "timestamp", Parameter: "name", Value: "value"})
	if len(rows) != 1000 || rows[0] != `1: @2013-03-26T18:52:19.012Z accelerator_pedal_position=0` || rows[11] != `12: @2013-03-26T18:52:19.058Z odometer=13966.579102` ||
		rows[999] != `1000: @2013-03-26T18:52:21.338Z fuel_consumed_since_restart=7.73049` {
		t.Error(len(rows), rows[0], rows[11], rows[len(rows)-1])
	}
}

func BenchmarkRead(b *testing.B) {
	var csv, ndjson bytes.Buffer
	for i := range 10_000 {
		fmt.Fprintf(&csv, "%d,%d.%03d,%d,Flying_lap,%v\n", 1687180408469+i*56, i%300, i%1000, i%8, float64(i)/7)
		fmt.Fprintf(&ndjson, `{"t":%d,"speed":%d.%03d,"gear":%d,"status":"Flying_lap","x":%v}`+"\n", 1687180408469+i*56, i%300, i%1000, i%8, float64(i)/7)
	}
	for format, content := range map[file.Format][]byte{file.CSV: append([]byte("t,speed,gear,status,x\n"), csv.Bytes()...), file.NDJSON: ndjson.Bytes()} {
		b.Run(string(format), func(b *testing.B) {
			b.SetBytes(int64(len(content)))
			b.ReportAllocs()
			for b.Loop() {
				f, err := file.Open(bytes.NewReader(content), file.Options{Format: format, Time: "t"})
				if err != nil {
					b.Fatal(err)
				}
				for {
					if _, err := f.Next(); err != nil {
						break
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10_000), "ns/row")
		})
	}
}
