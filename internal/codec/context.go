package codec

// Context is all that a stream says about itself.
type Context struct {
	Properties Properties
	Parameters []Definition
	Events     []EventDefinition
}

// Properties are what a stream is, and where.
type Properties struct {
	Name     string
	Location string // a path, such as /team-a
	Metadata map[string]string
	Parents  []string // ids of the streams from which this one was made
	Recorded int64    // when the recording began, nanoseconds since 1970-01-01 UTC; 0 when not said
}

// Definition says what a parameter means.
type Definition struct {
	ID          string
	Kind        ColumnKind // Number, Text or Bytes
	Name        string
	Description string
	Unit        string
	Format      string
	Location    string
	Min, Max    float64 // the range; none when both are 0
}

// EventDefinition says what an event means.
type EventDefinition struct {
	ID          string
	Name        string
	Description string
	Location    string
	Level       int // as in log/slog
}

// End is how a stream ended.
type End uint8

// The ends.
const (
	Closed End = iota
	Aborted
	Terminated
)
