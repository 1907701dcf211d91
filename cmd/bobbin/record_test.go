package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/bobbinstream/bobbin/internal/codec"
	"github.com/bobbinstream/bobbin/internal/kafka"
)

var sample = kafka.Record{
	Topic: "orders", Partition: 3, Offset: 42, Time: time.UnixMilli(1795500000123), Key: []byte("k"), Value: []byte("v\x00"),
	Headers: []kafka.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}},
}

func TestARecordIsWrittenAsTheFormatSays(t *testing.T) {
	for _, c := range []struct{ format, want string }{
		{`%v\n`, "v\x00\n"}, {`%t %p %o\t%k=%s`, "orders 3 42\tk=v\x00"}, {`%T %h %%`, "1795500000123 a=1,b= %"}, {"", ""}, {`\\ \0`, "\\ \x00"},
	} {
		f, err := parseFormat(c.format)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(f.append(nil, &sample)); got != c.want {
			t.Errorf("%q gives %q, not %q", c.format, got, c.want)
		}
	}
	for _, bad := range []string{"%", `\`, "%z", `\q`} {
		if _, err := parseFormat(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestATerminalGetsNoControlCharacters(t *testing.T) {
	f, err := parseFormat("%k %v")
	if err != nil {
		t.Fatal(err)
	}
	f.safe = true
	r := kafka.Record{Key: []byte("grüße\t"), Value: []byte("\x1b[2J")}
	if got, want := string(f.append(nil, &r)), "grüße\t 0x1b5b324a"; got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

func TestWhatConsumeWritesProduceReads(t *testing.T) {
	bytesOrNil := rapid.OneOf(rapid.Just([]byte(nil)), rapid.SliceOfN(rapid.Byte(), 1, 20), rapid.Map(rapid.StringN(1, 20, -1), func(s string) []byte { return []byte(s) }))
	rapid.Check(t, func(t *rapid.T) {
		r := kafka.Record{
			Partition: rapid.Int32Min(0).Draw(t, "partition"), Time: time.UnixMilli(rapid.Int64Range(0, 1<<41).Draw(t, "time")).UTC(),
			Key: bytesOrNil.Draw(t, "key"), Value: bytesOrNil.Draw(t, "value"),
		}
		for range rapid.IntRange(0, 2).Draw(t, "headers") {
			r.Headers = append(r.Headers, kafka.Header{Key: rapid.String().Draw(t, "name"), Value: bytesOrNil.Draw(t, "header")})
		}
		var out bytes.Buffer
		w := &recordWriter{w: &out, form: formJSONL}
		if err := w.write([]kafka.Record{r}); err != nil {
			t.Fatal(err)
		}
		got, explicit, err := parseRecord(out.Bytes())
		if err != nil || !explicit {
			t.Fatalf("%v in %s", err, out.Bytes())
		}
		if d := cmp.Diff(r, got); d != "" {
			t.Errorf("%s\n%s", out.Bytes(), d)
		}
	})
}

func TestAValueThatIsNoTextIsTakenAsJSON(t *testing.T) {
	r, explicit, err := parseRecord([]byte(`{"key":"k","value":{"a": [1, 2]}}`))
	if err != nil || explicit || string(r.Value) != `{"a":[1,2]}` || string(r.Key) != "k" {
		t.Errorf("%+v, %v, %v", r, explicit, err)
	}
	for _, bad := range []string{"", "x", "[]", `{"nonsense":1}`, `{"key":"a","key_base64":"YQ=="}`, `{"value":"a","value_base64":"YQ=="}`, `{} {}`} {
		if _, _, err := parseRecord([]byte(bad)); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestJSONIsOneArrayOverAllBatches(t *testing.T) {
	for n, want := range map[int]string{0: "[]\n", 1: "[\n  {\"topic\":\"t\",", 2: "},\n  {"} {
		var out bytes.Buffer
		w := &recordWriter{w: &out, form: formJSON}
		for i := range n {
			if err := w.write([]kafka.Record{{Topic: "t", Offset: int64(i)}}); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.end(); err != nil || !strings.Contains(out.String(), want) {
			t.Errorf("%d records: %q, %v", n, out.String(), err)
		}
	}
}

func TestALineIsBounded(t *testing.T) {
	n := 0
	var last error
	for _, err := range lines(strings.NewReader("a\n" + strings.Repeat("x", maxLine+1))) {
		n++
		last = err
	}
	if n != 2 || last == nil || !strings.Contains(last.Error(), "line 2 of the input: it is longer than 16 MiB") {
		t.Errorf("%d lines, %v", n, last)
	}
}

func TestPropertiesAreReadAsKafkaWritesThem(t *testing.T) {
	got, err := readProperties(strings.NewReader("# comment\n\n a.b = c=d \n!x\nempty=\n"))
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(map[string]string{"a.b": "c=d", "empty": ""}, got); d != "" {
		t.Error(d)
	}
	if _, err := readProperties(strings.NewReader("a=b\nnonsense\n")); err == nil || !strings.Contains(err.Error(), "line 2") {
		t.Errorf("%v", err)
	}
}

func FuzzParseRecord(f *testing.F) {
	for _, s := range []string{`{"key":"k","value":"v"}`, `{"value":{"a":1},"partition":2}`, `{"value_base64":"AA==","headers":[{"key":"h"}]}`, `{"timestamp":"2026-11-24T08:00:00Z"}`, "null", "{"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(_ *testing.T, b []byte) { _, _, _ = parseRecord(b) })
}

func FuzzParseFormat(f *testing.F) {
	for _, s := range []string{`%k %v\n`, "%", `\`, "%%%h"} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, s string) {
		if format, err := parseFormat(s); err == nil {
			format.append(nil, &sample)
		}
	})
}

func FuzzReadProperties(f *testing.F) {
	f.Add("a=b\n#c\n")
	f.Fuzz(func(_ *testing.T, s string) { _, _ = readProperties(strings.NewReader(s)) })
}

func TestAPacketIsShownInShort(t *testing.T) {
	rows := &codec.Block{Times: []int64{1e15, 2e15}, Columns: []codec.Column{
		{Kind: codec.Number, Name: "speed", Numbers: []float64{2.5, 3}}, {Kind: codec.Text, Name: "a note", Texts: []string{strings.Repeat("ü", 30), ""}},
		{Kind: codec.Bytes, Name: "image", Bytes: [][]byte{{1, 2}, nil}}, {Kind: codec.Tag, Name: "lap", Texts: []string{"1", "2"}},
	}}
	packet := func(kind codec.Kind, value []byte, err error) *kafka.Record {
		if err != nil {
			t.Fatal(err)
		}
		h := codec.Header{Format: codec.Binary, Kind: kind, Context: 7}
		return &kafka.Record{Key: []byte("car 44"), Value: value, Headers: []kafka.Header{{Key: "x"}, {Key: codec.HeaderKey, Value: h.Append(nil)}}}
	}
	context, err := codec.AppendContext(nil, &codec.Context{Properties: codec.Properties{Name: "Car"}, Parameters: []codec.Definition{{ID: "speed"}}})
	contextRecord := packet(codec.KindContext, context, err)
	value, err := codec.AppendRows(nil, codec.Binary, rows)
	rowsRecord := packet(codec.KindRows, value, err)
	value, err = codec.AppendEvent(nil, codec.Binary, &codec.Event{Time: 1, ID: "pit", Value: "box\x1b", Tags: map[string]string{"b": "2", "a": "="}})
	f, formatErr := parseFormat("%d")
	if formatErr != nil {
		t.Fatal(formatErr)
	}
	for _, x := range []struct {
		r          *kafka.Record
		text, json string
	}{
		{contextRecord, `"car 44"  context "Car", 1 parameter and 0 events defined`, `{"kind":"context","format":"json","context":7,"content":{"properties":{"name":"Car"},"parameters":[{"id":"speed","kind":"number"}]}}`},
		{
			rowsRecord, `"car 44"  2 rows 1970-01-12T13:46:40.000Z to 1970-01-24T03:33:20.000Z: speed=2.5 "a note"=` + strings.Repeat("ü", 20) + `… image=<2 bytes> {lap=1} …`,
			`{"kind":"rows","format":"binary","context":7,"content":{"times":[1000000000000000,2000000000000000],"numbers":{"speed":[2.5,3]},"texts":{"a note":["` + strings.Repeat("ü", 30) + `",""]},"bytes":{"image":["AQI=",""]},"tags":{"lap":["1","2"]}}}`,
		},
		{
			packet(codec.KindEvent, value, err), `"car 44"  event pit 1970-01-01T00:00:00.000000001Z "box\x1b" {a="="} {b=2}`,
			`{"kind":"event","format":"binary","context":7,"content":{"time":1,"id":"pit","value":"box\u001b","tags":{"a":"=","b":"2"}}}`,
		},
		{packet(codec.KindEnd, codec.AppendEnd(nil, codec.Aborted), nil), `"car 44"  aborted`, `{"kind":"end","format":"json","context":7,"content":{"end":"aborted"}}`},
		{packet(codec.KindEnd, []byte("{"), nil), `"car 44"  cannot be read: `, `{"error":"`},
		{&sample, "v\x00", ""},
	} {
		if got := string(f.append(nil, x.r)); !strings.HasPrefix(got, x.text) || len(got) > len(x.text) && !strings.HasSuffix(x.text, ": ") {
			t.Errorf("%q, not %q", got, x.text)
		}
		var out bytes.Buffer
		if err := (&recordWriter{w: &out, form: formJSONL}).write([]kafka.Record{*x.r}); err != nil {
			t.Fatal(err)
		}
		if _, got, _ := strings.Cut(strings.TrimSuffix(out.String(), "}\n"), `"packet":`); !strings.HasPrefix(got, x.json) || x.json == "" && got != "" {
			t.Errorf("%s, not %s", got, x.json)
		}
		if _, _, err := parseRecord(out.Bytes()); err != nil {
			t.Errorf("produce does not take it: %v", err)
		}
	}
}
