package main

import (
	"maps"
	"testing"
)

func TestParseLastTakesTheNumbersOfTheLastLine(t *testing.T) {
	f, err := parseLast("first\n{\"what\":\"start\",\"acked_ms\":16.5,\"n\":3,\"rss\":\"12 kB\",\"odd\":\"x kB\"}\n")
	if err != nil || !maps.Equal(f, figures{"acked_ms": 16.5, "n": 3, "rss": 12288}) {
		t.Errorf("%v, %v", f, err)
	}
	for _, text := range []string{"", "\n", "{}\nno object", "[1]"} {
		if f, err := parseLast(text); err == nil {
			t.Errorf("%q was read as %v", text, f)
		}
	}
}

func FuzzParseLast(f *testing.F) {
	f.Add("first\n{\"acked_ms\":16.5,\"rss\":\"12 kB\"}\n")
	f.Add("\n")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := parseLast(text); err == nil && got == nil {
			t.Error("neither figures nor an error")
		}
	})
}

func TestQuotedWordsStayWords(t *testing.T) {
	if got, want := quoted([]string{"a b", "it's", "$x"}), `'a b' 'it'\''s' '$x'`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestLedgerRemembersTheLastOfEachPartition(t *testing.T) {
	l := newLedger(2)
	l.note(0, mark{5, 50})
	l.note(0, mark{4, 40}) // acknowledgements may come in any order
	if l.everywhere() {
		t.Error("partition 1 has no record")
	}
	l.note(1, mark{0, 0})
	if !l.everywhere() || l.last[0] != (mark{5, 50}) || l.bytes() != 3*loadRecord {
		t.Errorf("%+v", l.last)
	}
}

func TestMarksComeBack(t *testing.T) {
	value := append(markValue(nil, 7, 1<<40), make([]byte, loadRecord-16)...)
	if p, n := readMark(value); p != 7 || n != 1<<40 {
		t.Errorf("partition %d, number %d", p, n)
	}
	if p, _ := readMark([]byte("back")); p != -1 {
		t.Errorf("a foreign record was taken for partition %d's", p)
	}
}
