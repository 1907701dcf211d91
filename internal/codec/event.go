package codec

// Event is something that happened to a stream at one moment.
type Event struct {
	Time  int64 // nanoseconds since 1970-01-01 UTC
	ID    string
	Value string
	Tags  map[string]string // nil when there are none
}
