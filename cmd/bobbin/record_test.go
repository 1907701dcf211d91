package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

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
