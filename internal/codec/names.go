package codec

import (
	"hash/maphash"
	"math/bits"
	"sync"
	"unicode/utf8"
	"unique"
)

// interned returns name as a text with memory of its own. The same text is not made again and again: it is the one that was there before, if it is the same, or one that
// all blocks share.
func interned(name []byte, before string) string {
	if string(name) == before {
		return before
	}
	return unique.Make(textOf(name)).Value() // which copies what it keeps
}

// nameProblem says what is wrong with the name of a column, a tag or an event; empty when nothing is.
func nameProblem(name string) string {
	switch {
	case name == "":
		return "the name is empty"
	case len(name) > MaxName:
		return "the name has more than 255 bytes"
	case !utf8.ValidString(name):
		return "the name is not UTF-8"
	}
	return ""
}

// repeated returns the place of a column whose kind and name another one before it has, or -1.
func repeated(cols []Column) int {
	if len(cols) <= 8 { // which is faster than hashing
		for i := range cols {
			for j := range cols[:i] {
				if cols[i].Kind == cols[j].Kind && cols[i].Name == cols[j].Name {
					return i
				}
			}
		}
		return -1
	}
	t := nameTables.Get().(*nameTable)
	defer nameTables.Put(t)
	return t.repeated(cols)
}

// nameTables holds tables that nobody uses, so that a wide block needs no memory for each packet.
var nameTables = sync.Pool{New: func() any { return &nameTable{seed: maphash.MakeSeed()} }}

// nameTable is a hash table with open addressing: a place holds the number of a column plus one, or 0. Its seed is random, so that nobody can make names that meet.
type nameTable struct {
	seed   maphash.Seed
	places []uint32
}

func (t *nameTable) repeated(cols []Column) int {
	size := 2 << bits.Len(uint(len(cols))) // at most half full
	if size > len(t.places) {
		t.places = make([]uint32, size)
	}
	places := t.places[:size]
	clear(places)
	for i := range cols {
		h := maphash.String(t.seed, cols[i].Name) + uint64(cols[i].Kind)
		for ; ; h++ {
			p := &places[h&uint64(size-1)]
			if *p == 0 {
				*p = uint32(i + 1)
				break
			}
			if c := &cols[*p-1]; c.Kind == cols[i].Kind && c.Name == cols[i].Name {
				return i
			}
		}
	}
	return -1
}
