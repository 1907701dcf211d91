package wire

import "math"

//go:generate go run ./genshapes

// field is one field of a request: how its bytes are read and how much memory kmsg takes for it.
type field struct {
	kind     kind
	min, max int16   // the versions that have it
	size     uintptr // fixed: its bytes · array, optional: memory of a struct · tagged: its tag
	of       []field // array, optional, tagged: what is inside · tags: those with a meaning
}

const anyVersion = math.MaxInt16

type kind uint8

const (
	fixed kind = iota
	text
	nullableText
	blob
	array
	optional
	tags
	tagged
)

// What kmsg takes for a tag that it does not know: an entry of a map, and the map.
const (
	tagMemory  = 96
	tagsMemory = 512
	textMemory = 16 // for the header of a string that may be null
)

// walker reads the body of a request as kmsg would, and adds up the memory that kmsg would take.
type walker struct {
	reader
	version  int16
	flexible bool
	memory   int
	limit    int
}

func newWalker(h Header, body []byte) walker {
	return walker{reader: reader{src: body}, version: h.Version, flexible: h.Version >= versions[h.Key].flexible, limit: maxDecoded}
}

// ok reports whether to go on: the bytes did not end, and the memory is within the limit.
func (w *walker) ok() bool { return !w.bad && w.memory <= w.limit }

func (w *walker) fields(list []field) {
	for i := range list {
		if f := &list[i]; f.min <= w.version && w.version <= f.max {
			w.field(f)
		}
		if !w.ok() {
			return
		}
	}
}

func (w *walker) field(f *field) {
	switch f.kind {
	case fixed:
		w.take(int(f.size))
	case text:
		w.memory += len(w.take(w.textLength()))
	case nullableText:
		if n := w.textLength(); n >= 0 {
			w.memory += textMemory + len(w.take(n))
		}
	case blob: // kept within the frame
		w.nullable(w.blobLength())
	case array:
		w.array(f)
	case optional:
		if b := w.take(1); b != nil && int8(b[0]) != -1 {
			w.memory += int(f.size)
			w.fields(f.of)
		}
	case tags:
		if w.flexible {
			w.tags(f.of)
		}
	}
}

// array counts the memory of all elements before it looks at the first.
func (w *walker) array(f *field) {
	n := w.arrayLength()
	if n > len(w.src) { // each element has at least one byte
		w.fail()
		return
	}
	if n <= 0 {
		return
	}
	w.memory += n * int(f.size)
	if !w.ok() {
		return
	}
	if len(f.of) == 1 && f.of[0].kind == fixed {
		w.take(n * int(f.of[0].size))
		return
	}
	for ; n > 0 && w.ok(); n-- {
		w.fields(f.of)
	}
}

func (w *walker) tags(known []field) {
	n := w.tagCount()
	if n > 0 {
		w.memory += tagsMemory
	}
	for ; n > 0 && w.ok(); n-- {
		tag := w.uvarint()
		content := w.take(int(w.uvarint()))
		f := find(known, tag)
		if f == nil {
			w.memory += tagMemory
			continue
		}
		inner := walker{reader: reader{src: content}, version: w.version, flexible: true, memory: w.memory, limit: w.limit}
		inner.fields(f.of)
		w.memory = inner.memory
		if inner.bad {
			w.fail()
		}
	}
}

func find(known []field, tag uint32) *field {
	for i := range known {
		if uintptr(tag) == known[i].size {
			return &known[i]
		}
	}
	return nil
}

// textLength reads the length of a string, negative for null.
func (w *walker) textLength() int {
	if w.flexible {
		return int(w.uvarint()) - 1
	}
	return int(int16(w.uint16()))
}

func (w *walker) blobLength() int {
	if w.flexible {
		return int(w.uvarint()) - 1
	}
	return int(int32(w.uint32()))
}

// arrayLength reads the number of elements, negative for null.
func (w *walker) arrayLength() int {
	if w.flexible {
		return int(w.uvarint()) - 1
	}
	return int(int32(w.uint32()))
}
