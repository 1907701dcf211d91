package codec_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// seed adds the golden packets of a format, and what is nearly one.
func seed(f *testing.F, pattern string, more ...string) {
	files, err := filepath.Glob(filepath.Join("testdata", pattern))
	if err != nil || len(files) == 0 {
		f.Fatal("no seeds: ", err)
	}
	for _, name := range files {
		b, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if strings.HasSuffix(name, ".hex") {
			b = unhex(f, string(b))
		}
		f.Add(b)
		f.Add(b[:len(b)/2])
	}
	for _, s := range more {
		f.Add([]byte(s))
	}
}

// What is read as a header is written in the same bytes.
func FuzzParseHeader(f *testing.F) {
	for _, s := range []string{"json/1 context", "binary/1 rows 4711", "json/2 rows", "binary/1 event 9223372036854775808", "json/1  rows", ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		h, err := codec.ParseHeader(value)
		if err != nil {
			if !errors.Is(err, codec.ErrUnknown) && !errors.Is(err, codec.ErrBroken) {
				t.Fatal(err)
			}
			return
		}
		if got := string(h.Append(nil)); got != string(value) {
			t.Fatalf("%q, and then %q", value, got)
		}
	})
}

func FuzzDecodeRowsBinary(f *testing.F) {
	seed(f, "rows*.hex", "\x01\x02\x00\x81\x01a\x00\x00\x03\x01a\x00")
	f.Fuzz(func(t *testing.T, value []byte) { read(t, codec.Binary, value) })
}

// What is read means what it means to encoding/json.
func FuzzDecodeRowsJSON(f *testing.F) {
	seed(f, "rows*.json", `{"times":[1],"numbers":{"a":["NaN"],"b":[1.5e-7]},"texts":{"\u00e4":["\ud83d\ude00"]}}`)
	f.Fuzz(func(t *testing.T, value []byte) {
		read(t, codec.JSON, value)
		var b codec.Block
		if codec.DecodeRows(codec.JSON, value, &b) != nil {
			return
		}
		want, err := byModel(value)
		if err != nil {
			t.Fatalf("encoding/json does not read it: %v", err)
		}
		if d := cmp.Diff(want, sorted(describe(&b, true))); d != "" {
			t.Fatal(d)
		}
	})
}

func FuzzDecodeEvent(f *testing.F) {
	seed(f, "event.*")
	f.Fuzz(func(t *testing.T, value []byte) {
		for _, format := range formats {
			e, err := codec.DecodeEvent(format, value)
			if err != nil {
				if !errors.Is(err, codec.ErrBroken) {
					t.Fatal(err)
				}
				continue
			}
			for _, g := range formats {
				again, err := codec.AppendEvent(nil, g, &e)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := codec.DecodeEvent(g, again); err != nil || cmp.Diff(e, got) != "" {
					t.Fatalf("%+v, and then %+v, %v", e, got, err)
				}
			}
		}
	})
}

func FuzzDecodeContext(f *testing.F) {
	seed(f, "context.json", `{"end":"closed"}`, `{"parameters":[{"id":"a","min":"-Infinity","max":1e300},{"id":"a","kind":"text"}],"x":[[]]}`)
	f.Fuzz(func(t *testing.T, value []byte) {
		known := func(err error) {
			if !errors.Is(err, codec.ErrBroken) && !errors.Is(err, codec.ErrUnknown) {
				t.Fatal(err)
			}
		}
		if _, err := codec.DecodeEnd(value); err != nil {
			known(err)
		}
		c, err := codec.DecodeContext(value)
		if err != nil {
			known(err)
			return
		}
		again, err := codec.AppendContext(nil, &c)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := codec.DecodeContext(again); err != nil || cmp.Diff(c, got) != "" {
			t.Fatalf("%+v, and then %+v, %v", c, got, err)
		}
	})
}
