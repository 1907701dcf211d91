package file_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/bobbinstream/bobbin/connect/file"
)

// follow reads to the end, and checks what is promised whatever the bytes are: each line gives at most one row, rows go forward, and what a row has can be written to a
// stream.
func follow(t *testing.T, b []byte, o file.Options) {
	f, err := file.Open(bytes.NewReader(b), o)
	if err != nil {
		return
	}
	last, lines := 0, bytes.Count(b, []byte("\n"))+1
	for {
		row, err := f.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		var bad *file.LineError
		if err != nil && (!errors.As(err, &bad) || bad.Line != row.Line) {
			t.Fatal(err)
		}
		if row.Line <= last || row.Line > lines {
			t.Fatalf("line %d after line %d, of %d", row.Line, last, lines)
		}
		last = row.Line
		if err != nil && !bad.Value {
			if row.Stream != "" || row.Time != 0 || row.Values != nil {
				t.Fatalf("%+v, %v", row, err)
			}
			continue
		}
		if (row.Stream == "") != (o.Stream == "") || len(row.Stream) > 1024 {
			t.Fatalf("stream %q", row.Stream)
		}
		seen := map[string]bool{}
		for _, v := range row.Values {
			if v.Name == "" || len(v.Name) > 255 || seen[v.Name] || !utf8.ValidString(v.Name) || !utf8.ValidString(v.Text) || (v.Kind == file.Text) != (v.Text != "") {
				t.Fatalf("%+v", v)
			}
			seen[v.Name] = true
		}
	}
}

func FuzzCSV(f *testing.F) {
	for _, s := range []string{"t,x\n1,2\n", "t,x,s\r\n2026-01-01 00:00:00,\"a\"\"\nb\",c\r\n", "\ufefft;x\n1;\"open\n2;3\n", "t,x\n1687180408469,nan,,\n", "t\n-1.5e3\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		follow(t, b, file.Options{Format: file.CSV, Time: "t"})
		follow(t, b, file.Options{Format: file.CSV, Time: "t", Stream: "s", Comma: ';'})
		follow(t, b, file.Options{Format: file.CSV, Time: "t", Parameter: "x", Value: "s"})
	})
}

func FuzzNDJSON(f *testing.F) {
	for _, s := range []string{
		`{"t":1,"x":2}`, `{"t":"2026-01-01T00:00:00Z","s":"a","x":{"y":{"z":[1,{}]}},"x.y":null}` + "\n{}", `{"t":1e3,"x":"speed","s":{"a":true}}`, `{"t":1,"t":2,"":3}`,
		`{"t":1` + strings.Repeat(`,"x":{"x":1}`, 5) + `}`, strings.Repeat(`{"x":`, 40),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		follow(t, b, file.Options{Format: file.NDJSON, Time: "t"})
		follow(t, b, file.Options{Format: file.NDJSON, Time: "t", Stream: "s"})
		follow(t, b, file.Options{Format: file.NDJSON, Time: "t", Parameter: "x", Value: "s"})
	})
}
