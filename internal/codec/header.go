package codec

// HeaderKey is the key of the record header that holds a Header.
const HeaderKey = "bobbin"

// Format is how rows and events are written.
type Format uint8

// The formats.
const (
	JSON Format = iota
	Binary
)

// Kind is what a packet holds.
type Kind uint8

// The kinds.
const (
	KindContext Kind = iota
	KindRows
	KindEvent
	KindEnd
)

// NoContext is the Header.Context of a packet whose context is not known.
const NoContext = -1

// Header says what a record's value is.
type Header struct {
	Format  Format // JSON for KindContext and KindEnd
	Kind    Kind
	Context int64 // offset of the stream's newest context packet in the same partition, or NoContext
}
