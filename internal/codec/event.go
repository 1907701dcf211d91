package codec

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Event is something that happened to a stream at one moment.
type Event struct {
	Time  int64 // nanoseconds since 1970-01-01 UTC
	ID    string
	Value string
	Tags  map[string]string // nil when there are none
}

const writeEvent = "write event"

// AppendEvent appends an event. An error is ErrInvalid; dst is then returned as it was.
func AppendEvent(dst []byte, f Format, e *Event) ([]byte, error) {
	if p := nameProblem(e.ID); p != "" {
		return dst, invalid(writeEvent, "event %.300q: as an id: %s", e.ID, p)
	}
	if !utf8.ValidString(e.Value) {
		return dst, invalid(writeEvent, "event %q: the value is not UTF-8", e.ID)
	}
	if len(e.Tags) > MaxColumns {
		return dst, invalid(writeEvent, "event %q: %d tags are too many, the limit is %d", e.ID, len(e.Tags), MaxColumns)
	}
	tags := slices.Sorted(maps.Keys(e.Tags))
	for _, name := range tags {
		if p := nameProblem(name); p != "" {
			return dst, invalid(writeEvent, "event %q: tag %.300q: %s", e.ID, name, p)
		}
		if !utf8.ValidString(e.Tags[name]) {
			return dst, invalid(writeEvent, "event %q: the value of tag %q is not UTF-8", e.ID, name)
		}
	}
	switch f {
	case JSON:
		return appendEventJSON(dst, e, tags), nil
	case Binary:
		return appendEventBinary(dst, e, tags), nil
	}
	return dst, invalid(writeEvent, "there is no format %v", f)
}

func appendEventJSON(dst []byte, e *Event, tags []string) []byte {
	dst = append(dst, `{"time":`...)
	dst = strconv.AppendInt(dst, e.Time, 10)
	dst = append(dst, `,"id":`...)
	dst = appendString(dst, e.ID)
	if e.Value != "" {
		dst = append(dst, `,"value":`...)
		dst = appendString(dst, e.Value)
	}
	if len(tags) > 0 {
		dst = append(dst, `,"tags":`...)
		dst = appendMap(dst, e.Tags, tags)
	}
	return append(dst, '}')
}

func appendEventBinary(dst []byte, e *Event, tags []string) []byte {
	counted := func(s string) {
		dst = binary.AppendUvarint(dst, uint64(len(s)))
		dst = append(dst, s...)
	}
	dst = binary.AppendVarint(dst, e.Time)
	counted(e.ID)
	counted(e.Value)
	dst = binary.AppendUvarint(dst, uint64(len(tags)))
	for _, name := range tags {
		counted(name)
		counted(e.Tags[name])
	}
	return dst
}

// DecodeEvent reads the value of a packet with an event. The event has memory of its own.
func DecodeEvent(f Format, value []byte) (Event, error) {
	var e Event
	var err error
	switch f {
	case JSON:
		e, err = decodeEventJSON(value)
	case Binary:
		e, err = decodeEventBinary(value)
	default:
		err = &Error{Op: "read event", Reason: ErrUnknown, Detail: fmt.Sprintf("there is no format %v", f)}
	}
	if err != nil {
		return Event{}, err
	}
	return e, nil
}

func decodeEventJSON(value []byte) (Event, error) {
	s := scanner{op: "read json event", b: value}
	var e Event
	hasTime := false
	err := s.document(func() error {
		return s.members([]string{"time", "id", "value", "tags"}, func(i int) (err error) {
			switch i {
			case 0:
				hasTime = true
				e.Time, err = s.integer()
			case 1:
				e.ID, err = s.own()
			case 2:
				e.Value, err = s.own()
			case 3:
				e.Tags, err = s.texts(true)
			}
			return err
		})
	})
	if err != nil {
		return e, err
	}
	if !hasTime {
		return e, s.fail(0, "there is no time")
	}
	if p := nameProblem(e.ID); p != "" {
		return e, s.fail(0, "id %.300q: %s", e.ID, p)
	}
	return e, nil
}

func decodeEventBinary(value []byte) (Event, error) {
	r := reader{op: "read binary event", b: value}
	var e Event
	u, err := r.uvarint("the time")
	if err != nil {
		return e, err
	}
	e.Time = zigzag(u)
	// name reads an id or the name of a tag, text what may be of any length.
	name := func(what string) (string, error) {
		at := r.at
		b, err := r.take(what, MaxName)
		if err == nil {
			if p := nameProblem(textOf(b)); p != "" {
				err = r.fail(at, "%s: %s", what, p)
			}
		}
		return string(b), err
	}
	text := func(what string) (string, error) {
		at := r.at
		b, err := r.take(what, len(value))
		if err == nil && !utf8.Valid(b) {
			err = r.fail(at, "%s is not UTF-8", what)
		}
		return string(b), err
	}
	if e.ID, err = name("the id"); err != nil {
		return e, err
	}
	if e.Value, err = text("the value"); err != nil {
		return e, err
	}
	start := r.at
	n, err := r.uvarint("the number of tags")
	if err != nil {
		return e, err
	}
	if n > MaxColumns || n > uint64(len(value)-r.at)/3 { // a tag takes three bytes at least
		return e, r.fail(start, "%d tags cannot be in %d bytes, or are more than %d", n, len(value)-r.at, MaxColumns)
	}
	if n > 0 {
		e.Tags = make(map[string]string, n)
	}
	last := ""
	for range n {
		at := r.at
		k, err := name("the name of a tag")
		if err != nil {
			return e, err
		}
		if k <= last {
			return e, r.fail(at, "tag %q does not come after tag %q; tags are in the order of their names", k, last)
		}
		last = k
		if e.Tags[k], err = text("the value of a tag"); err != nil {
			return e, err
		}
	}
	if r.at != len(value) {
		return e, r.fail(r.at, "%d bytes follow the last tag", len(value)-r.at)
	}
	return e, nil
}

// appendMap appends an object of texts, in the order of the names.
func appendMap(dst []byte, m map[string]string, names []string) []byte {
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendString(dst, name)
		dst = append(dst, ':')
		dst = appendString(dst, m[name])
	}
	return append(dst, '}')
}

// texts reads an object of texts, nil when it is empty. When the names are those of tags they are bounded.
func (s *scanner) texts(tags bool) (map[string]string, error) {
	var m map[string]string
	err := s.object(func(name []byte, at int) error {
		if p := nameProblem(textOf(name)); tags && p != "" {
			return s.fail(at, "tag %.300q: %s", name, p)
		}
		if _, twice := m[string(name)]; twice {
			return s.fail(at, "%.300q stands here a second time", name)
		}
		if len(m) == MaxColumns {
			return s.fail(at, "there are more than %d texts", MaxColumns)
		}
		k := string(name)
		v, err := s.own()
		if m == nil {
			m = make(map[string]string)
		}
		m[k] = v
		return err
	})
	return m, err
}
