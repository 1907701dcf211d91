package bobbintest

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"unicode/utf8"
)

// updateGolden is the environment variable that makes Golden write instead of compare.
const updateGolden = "BOBBIN_UPDATE_GOLDEN"

// Golden compares got with the file testdata/NAME of the package under test. With BOBBIN_UPDATE_GOLDEN=1 in the environment it writes the file: look at
// the difference before it is committed.
func Golden(t testing.TB, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", filepath.FromSlash(name))
	if update, _ := strconv.ParseBool(os.Getenv(updateGolden)); update {
		err := os.MkdirAll(filepath.Dir(file), 0o777)
		if err == nil {
			err = os.WriteFile(file, got, 0o666)
		}
		if err != nil {
			t.Fatalf("bobbintest: %v", err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatalf("bobbintest: %v; run the test with %s=1 to write it", err, updateGolden)
	}
	if bytes.Equal(got, want) {
		return
	}
	if utf8.Valid(got) && utf8.Valid(want) {
		line, g, w := firstDifference(got, want)
		t.Errorf("%s differs from line %d on:\n got  %s\n want %s\nrun the test with %s=1 to rewrite it", file, line, g, w, updateGolden)
		return
	}
	at := 0
	for at < min(len(got), len(want)) && got[at] == want[at] {
		at++
	}
	t.Errorf("%s differs from byte %d on: got %d bytes, there %x, want %d bytes, there %x; run the test with %s=1 to rewrite it",
		file, at, len(got), around(got, at), len(want), around(want, at), updateGolden)
}

// firstDifference returns the number of the first line that differs, and it in both texts.
func firstDifference(got, want []byte) (line int, g, w string) {
	gs, ws := bytes.Split(got, []byte("\n")), bytes.Split(want, []byte("\n"))
	text := func(lines [][]byte, i int) string {
		if i >= len(lines) {
			return "(there is no such line)"
		}
		return strconv.Quote(string(lines[i]))
	}
	for i := 0; ; i++ {
		if i >= len(gs) || i >= len(ws) || !bytes.Equal(gs[i], ws[i]) {
			return i + 1, text(gs, i), text(ws, i)
		}
	}
}

// around is a few bytes from a place on.
func around(b []byte, at int) []byte { return b[at:min(at+16, len(b))] }
