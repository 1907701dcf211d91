package wire

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

func frame(content string) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(content))), content...)
}

func TestFramesAreReadOneAfterAnother(t *testing.T) {
	pool := NewPool(1 << 20)
	var stream []byte
	contents := []string{"first", "", strings.Repeat("x", firstStep), strings.Repeat("long ", 300_000), "last"}
	for _, c := range contents {
		stream = append(stream, frame(c)...)
	}
	for name, r := range map[string]io.Reader{
		"at once":      bytes.NewReader(stream),
		"byte by byte": iotest.OneByteReader(bytes.NewReader(stream)),
		"data and EOF": iotest.DataErrReader(bytes.NewReader(stream)),
	} {
		for i, want := range contents {
			b, err := ReadFrame(r, pool, 10<<20)
			if err != nil {
				t.Fatalf("%s, frame %d: %v", name, i, err)
			}
			if got := string(b.Bytes()); got != want {
				t.Fatalf("%s, frame %d: %d bytes, want %d", name, i, len(got), len(want))
			}
			b.Release()
		}
		if _, err := ReadFrame(r, pool, 10<<20); err != io.EOF {
			t.Errorf("%s, at the end: error %v, want io.EOF itself", name, err)
		}
	}
}

func TestAnEndWithinAFrameIsUnexpected(t *testing.T) {
	pool := NewPool(1 << 20)
	whole := frame(strings.Repeat("x", 5000))
	for n := 1; n < len(whole); n += 7 {
		if _, err := ReadFrame(bytes.NewReader(whole[:n]), pool, 1<<20); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("after %d bytes: error %v, want io.ErrUnexpectedEOF", n, err)
		}
	}
	broken := errors.New("broken")
	r := io.MultiReader(bytes.NewReader(whole[:2000]), iotest.ErrReader(broken))
	if _, err := ReadFrame(r, pool, 1<<20); !errors.Is(err, broken) {
		t.Errorf("error %v, want that of the reader", err)
	}
}

func TestLengthsOutOfBoundsAreRefused(t *testing.T) {
	const limit = 100 << 20
	for _, c := range []struct {
		prefix string
		err    error
		text   string
	}{
		{"\xff\xff\xff\xff", nil, "negative length -1"},
		{"\x80\x00\x00\x00", nil, "negative length"},
		{"\x06\x40\x00\x01", nil, "length 104857601 is over the limit of 104857600 bytes"},
		{"\x7f\xff\xff\xff", nil, "over the limit"},
		{"GET / HTTP/1.1\r\n", ErrHTTP, "speaks HTTP"},
		{"POST /topics", ErrHTTP, "speaks HTTP"},
		{"HEAD / HTTP/1.1", ErrHTTP, "speaks HTTP"},
		{"PUT /x", ErrHTTP, "speaks HTTP"},
		{"OPTIONS *", ErrHTTP, "speaks HTTP"},
		{"PRI * HTTP/2.0", ErrHTTP, "speaks HTTP"},
		{"\x16\x03\x01\x02\x00\x01", ErrTLS, "speaks TLS"},
	} {
		_, err := ReadFrame(strings.NewReader(c.prefix), NewPool(0), limit)
		if f := (*FrameError)(nil); !errors.As(err, &f) || f.Err != c.err || !strings.Contains(err.Error(), c.text) {
			t.Errorf("%q: error %v, want a *FrameError with %q", c.prefix, err, c.text)
		}
		if c.err != nil && !errors.Is(err, c.err) {
			t.Errorf("%q: error %v is not %v", c.prefix, err, c.err)
		}
	}
}

func TestAFrameWithinTheLimitIsNotTakenForAnotherProtocol(t *testing.T) {
	_, err := ReadFrame(strings.NewReader("\x16\x03\x01\x02abc"), NewPool(0), 400<<20)
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("error %v, want io.ErrUnexpectedEOF", err)
	}
}

func TestADeclaredLengthTakesNoMemoryUntilItsBytesArrive(t *testing.T) {
	const limit = 100 << 20
	prefix := binary.BigEndian.AppendUint32(nil, limit)
	for _, sent := range []int{0, 1, firstStep, 100_000, 3 << 20} {
		r := io.MultiReader(bytes.NewReader(prefix), bytes.NewReader(make([]byte, sent)))
		pool := NewPool(0)
		got := allocated(t, func() { _, _ = ReadFrame(r, pool, limit) })
		// All steps together: a geometric row with its factor.
		if most := uint64(max(firstStep, sent*growth)*2 + 4096); got > most {
			t.Errorf("after %d bytes of a frame of %d: %d bytes of memory, want at most %d", sent, limit, got, most)
		}
	}
}

func FuzzReadFrame(f *testing.F) {
	f.Add(frame("hello"), 100)
	f.Add(frame(strings.Repeat("x", 9000)), 1<<20)
	f.Add([]byte("GET / HTTP/1.1\r\n"), 100<<20)
	f.Add([]byte("\x16\x03\x01"), 100)
	f.Add([]byte("\xff\xff\xff\xff"), 0)
	f.Fuzz(func(t *testing.T, in []byte, limit int) {
		limit = max(0, min(limit, 1<<20))
		b, err := ReadFrame(bytes.NewReader(in), NewPool(1<<20), limit)
		if (b == nil) == (err == nil) {
			t.Fatalf("buffer %v and error %v", b, err)
		}
		if err != nil {
			return
		}
		if got := b.Bytes(); len(got) > limit || !bytes.Equal(got, in[4:4+len(got)]) {
			t.Fatalf("read %d bytes, limit %d", len(got), limit)
		}
		b.Release()
	})
}
