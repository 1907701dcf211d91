package codec

import (
	"bytes"
	"fmt"
	"math"
	"strconv"
)

// HeaderKey is the key of the record header that holds a Header.
const HeaderKey = "bobbin"

// Format is how rows and events are written.
type Format uint8

// The formats.
const (
	JSON Format = iota
	Binary
)

// String returns the format as headers name it.
func (f Format) String() string { return nameOf(formats[:], int(f), "Format") }

var formats = [...]string{JSON: "json", Binary: "binary"}

// Kind is what a packet holds.
type Kind uint8

// The kinds.
const (
	KindContext Kind = iota
	KindRows
	KindEvent
	KindEnd
)

// String returns the kind as headers name it.
func (k Kind) String() string { return nameOf(kinds[:], int(k), "Kind") }

var kinds = [...]string{KindContext: "context", KindRows: "rows", KindEvent: "event", KindEnd: "end"}

// NoContext is the Header.Context of a packet whose context is not known.
const NoContext = -1

// Header says what a record's value is.
type Header struct {
	Format  Format // JSON for KindContext and KindEnd
	Kind    Kind
	Context int64 // offset of the stream's newest context packet in the same partition, or NoContext
}

// version is that of both formats.
const version = "1"

// Append appends the value of the record header. Contexts and ends say json, whatever the Format is; a negative Context is none.
func (h Header) Append(dst []byte) []byte {
	f := h.Format
	if h.Kind == KindContext || h.Kind == KindEnd {
		f = JSON
	}
	dst = append(dst, f.String()...)
	dst = append(dst, "/"+version+" "...)
	dst = append(dst, h.Kind.String()...)
	if h.Context >= 0 {
		dst = append(dst, ' ')
		dst = strconv.AppendInt(dst, h.Context, 10)
	}
	return dst
}

// ParseHeader reads the value of a record header. What it reads, Append writes in the same bytes. An error is ErrUnknown when the format, its version or the
// kind is not known here, and ErrBroken when the value is no header.
func ParseHeader(value []byte) (Header, error) {
	fail := func(reason error, at int, format string, args ...any) (Header, error) {
		return Header{}, &Error{Op: "read header", Reason: reason, Offset: at, Detail: fmt.Sprintf(format, args...)}
	}
	h := Header{Context: NoContext}
	first, rest, more := bytes.Cut(value, []byte(" "))
	format, number, ok := bytes.Cut(first, []byte("/"))
	if !ok || len(format) == 0 || !decimal(number) {
		return fail(ErrBroken, 0, "%.40q does not begin with format and version, such as json/1", value)
	}
	f := find(formats[:], format)
	if f < 0 {
		return fail(ErrUnknown, 0, "format %.40q is not known, only json and binary are", format)
	}
	h.Format = Format(f)
	if string(number) != version {
		return fail(ErrUnknown, len(format)+1, "version %.40s of %s is not known, only %s is; a newer Bobbin may know it", number, format, version)
	}
	if !more {
		return fail(ErrBroken, len(value), "there is no kind")
	}
	at := len(first) + 1
	name, last, more := bytes.Cut(rest, []byte(" "))
	k := find(kinds[:], name)
	if k < 0 {
		return fail(ErrUnknown, at, "kind %.40q is not known; a newer Bobbin may know it", name)
	}
	h.Kind = Kind(k)
	if h.Format != JSON && (h.Kind == KindContext || h.Kind == KindEnd) {
		return fail(ErrBroken, 0, "packets of kind %v are json in all formats", h.Kind)
	}
	if !more {
		return h, nil
	}
	at += len(name) + 1
	if !decimal(last) || len(last) > 19 {
		return fail(ErrBroken, at, "%.40q is no offset of a context", last)
	}
	var offset uint64
	for _, c := range last {
		offset = offset*10 + uint64(c-'0')
	}
	if offset > math.MaxInt64 {
		return fail(ErrBroken, at, "%.40q is no offset of a context", last)
	}
	h.Context = int64(offset)
	return h, nil
}

// decimal says whether b is a decimal number as they are written here: without sign or leading zeros.
func decimal(b []byte) bool {
	for _, c := range b {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(b) > 0 && (b[0] != '0' || len(b) == 1)
}

// find returns the place of a name in a list, or -1.
func find(names []string, name []byte) int {
	for i, n := range names {
		if n == string(name) {
			return i
		}
	}
	return -1
}

// nameOf returns the name of a constant, or its type and number where it has none.
func nameOf(names []string, i int, of string) string {
	if i < len(names) {
		return names[i]
	}
	return of + "(" + strconv.Itoa(i) + ")"
}
