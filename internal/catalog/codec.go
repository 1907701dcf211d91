package catalog

import (
	"encoding/binary"
	"fmt"
	"maps"
	"math"
	"slices"
)

// The formats are in docs/formats/catalog.md. What needs nothing of a newer one is written in the older.
const (
	changeFormat         = 1
	snapshotFormat       = 1
	brokerChangeFormat   = 2 // of a change of the broker's settings
	brokerSnapshotFormat = 2 // of a snapshot with settings of the broker
)

// The numbers of the changes in the log. They are never used again for another change.
const (
	kindTopicCreated    = 1
	kindTopicDeleted    = 2
	kindConfigsChanged  = 3
	kindPartitionsAdded = 4
	kindProducerBlock   = 5
	kindUncleanStart    = 6
	kindBrokerChanged   = 7
)

func appendString(dst []byte, s string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(s)))
	return append(dst, s...)
}

func appendConfigs(dst []byte, configs map[string]string) []byte {
	dst = binary.AppendUvarint(dst, uint64(len(configs)))
	for _, name := range slices.Sorted(maps.Keys(configs)) {
		dst = appendString(dst, name)
		dst = appendString(dst, configs[name])
	}
	return dst
}

// decoder reads the primitives of the formats. The first fault stays; after it every read returns a zero value.
// Every length is compared with what is left before memory is taken.
type decoder struct {
	rest []byte
	err  error
}

func (d *decoder) fail(format string, args ...any) {
	if d.err == nil {
		d.err = fmt.Errorf("%w: %s, %d bytes before the end", ErrMalformed, fmt.Sprintf(format, args...), len(d.rest))
	}
	d.rest = nil
}

// format reads the format number, which all stored bytes start with.
func (d *decoder) format(known byte) (number byte) {
	if len(d.rest) > 0 {
		number = d.rest[0]
	}
	switch {
	case len(d.rest) == 0:
		d.fail("no format number")
	case d.rest[0] > known:
		d.err = fmt.Errorf("%w: format %d, known up to %d", ErrNewer, d.rest[0], known)
		d.rest = nil
	case d.rest[0] == 0:
		d.fail("format number 0")
	default:
		d.rest = d.rest[1:]
	}
	return number
}

func (d *decoder) byte() byte {
	if len(d.rest) == 0 {
		d.fail("ends within a value")
		return 0
	}
	b := d.rest[0]
	d.rest = d.rest[1:]
	return b
}

// number reads an unsigned number of at most most, in its shortest form.
func (d *decoder) number(most uint64) uint64 {
	n, size := binary.Uvarint(d.rest)
	switch {
	case size <= 0:
		d.fail("a number that does not end")
		return 0
	case size > 1 && d.rest[size-1] == 0:
		d.fail("a number that is longer than it must be")
		return 0
	case n > most:
		d.fail("number %d, more than %d", n, most)
		return 0
	}
	d.rest = d.rest[size:]
	return n
}

// count reads the number of elements that follow, of at least size bytes each.
func (d *decoder) count(size int) int { return int(d.number(uint64(len(d.rest) / size))) }

func (d *decoder) string() string {
	n := d.number(uint64(len(d.rest)))
	if n > uint64(len(d.rest)) {
		d.fail("a text of %d bytes", n)
		return ""
	}
	s := string(d.rest[:n])
	d.rest = d.rest[n:]
	return s
}

func (d *decoder) name() string {
	name := d.string()
	if d.err == nil {
		if err := CheckName(name); err != nil {
			d.fail("%v", err)
		}
	}
	return name
}

func (d *decoder) id() (id ID) {
	if len(d.rest) < len(id) {
		d.fail("ends within a topic id")
		return ID{}
	}
	copy(id[:], d.rest)
	d.rest = d.rest[len(id):]
	if id.IsReserved() {
		d.fail("reserved topic id %v", id)
	}
	return id
}

func (d *decoder) partitions() int32 {
	n := int32(d.number(math.MaxInt32))
	if n == 0 {
		d.fail("a topic without partitions")
	}
	return n
}

// configs reads settings, whose values must be of the types that the table gives them.
func (d *decoder) configs(known *table) map[string]string {
	n := d.count(2)
	if n == 0 {
		return nil
	}
	configs := make(map[string]string, n)
	last := ""
	for range n {
		name := d.settingName(last)
		value := d.string()
		if s := known.byName[name]; s != nil && !s.wellTyped(value) {
			d.fail("setting %s has the value %.40q", name, value)
		}
		if d.err != nil {
			return nil
		}
		configs[name] = value
		last = name
	}
	return configs
}

// settingName reads the name of a setting, which comes after the last one in order. It may be one that this version
// does not know.
func (d *decoder) settingName(last string) string {
	name := d.string()
	if d.err == nil && name <= last {
		d.fail("setting %.40q after %.40q", name, last)
	}
	return name
}

// end returns the first fault; bytes that are left over are one.
func (d *decoder) end() error {
	if d.err == nil && len(d.rest) > 0 {
		d.fail("more bytes than there should be")
	}
	return d.err
}
