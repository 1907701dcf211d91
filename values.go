package bobbin

import (
	"time"

	"github.com/bobbinstream/bobbin/internal/codec"
)

// Time is a moment, in nanoseconds since 1970-01-01 UTC. It covers the years 1678 to 2262.
type Time int64

// At returns the moment of t; its monotonic part and its zone do not count.
func At(t time.Time) Time { return Time(t.UnixNano()) }

// Time returns the moment in UTC.
func (t Time) Time() time.Time { return time.Unix(0, int64(t)).UTC() }

// String formats as RFC 3339 with nanoseconds.
func (t Time) String() string { return t.Time().Format(time.RFC3339Nano) }

// Properties are what a stream is, and where.
type Properties struct {
	Name     string
	Location string            // a path, such as /team-a
	Metadata map[string]string // what else is to be known
	Parents  []string          // ids of the streams from which this one was made
	Recorded Time              // when the recording began; 0 when not said
}

// Definition says what a parameter means. A reader gets it with ID and what kind of values it has.
type Definition struct {
	ID          string // the parameter's name; set by the handle for which it is given
	Name        string // for people
	Description string
	Unit        string
	Format      string  // how a value is printed, as in fmt: "%.1f"
	Location    string  // a path, such as /engine
	Min, Max    float64 // the range; none when both are 0
}

// EventDefinition says what an event means.
type EventDefinition struct {
	ID          string // Event.ID
	Name        string // for people
	Description string
	Location    string
	Level       int // as in log/slog: -4 debug, 0 information, 4 warning, 8 error
}

// End is how a stream ended.
type End uint8

// The ends of a stream.
const (
	NotEnded   End = iota // the stream is open
	Closed                // all is written
	Aborted               // the writer gave up
	Terminated            // something else ended it
)

// String returns the end as the packet has it: open, closed, aborted or terminated.
func (e End) String() string {
	if e > Terminated {
		return "unknown"
	}
	return [...]string{"open", "closed", "aborted", "terminated"}[e]
}

// A handle is a column of one stream, resolved once. Number, Text, Bytes and Tag are handles; they belong to the Stream or StreamReader that gave them.
type handle struct {
	of  *columns
	col int
}

// Number is a parameter with numbers as values.
type Number struct{ handle }

// Text is a parameter with texts as values.
type Text struct{ handle }

// Bytes is a parameter with bytes as values.
type Bytes struct{ handle }

// Tag is a text that says to what a row belongs, such as a driver or a lap.
type Tag struct{ handle }

// Parameter is a Number, Text, Bytes or Tag.
type Parameter interface{ column() handle }

func (h handle) column() handle { return h }

// columns are the names of one stream that have a handle. They are not safe for concurrent use.
type columns struct {
	byName [4]map[string]int // by codec.ColumnKind
	list   []columnName
}

type columnName struct {
	kind codec.ColumnKind
	name string
}

// resolve returns the handle of a name, the same for the same name.
func (c *columns) resolve(kind codec.ColumnKind, name string) handle {
	if i, ok := c.byName[kind][name]; ok {
		return handle{c, i}
	}
	if c.byName[kind] == nil {
		c.byName[kind] = make(map[string]int)
	}
	i := len(c.list)
	c.byName[kind][name] = i
	c.list = append(c.list, columnName{kind, name})
	return handle{c, i}
}
