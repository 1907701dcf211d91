package batch

import "fmt"

// Codec is how the records of a batch are compressed, as the attributes number it.
type Codec uint8

// The codecs of Kafka.
const (
	None Codec = iota
	Gzip
	Snappy
	LZ4
	ZSTD
)

var codecNames = [...]string{None: "none", Gzip: "gzip", Snappy: "snappy", LZ4: "lz4", ZSTD: "zstd"}

// String gives Kafka's name of the codec.
func (c Codec) String() string {
	if int(c) < len(codecNames) {
		return codecNames[c]
	}
	return fmt.Sprintf("codec %d", uint8(c))
}

// ParseCodec understands what String gives, and "uncompressed", which is what topics call none.
func ParseCodec(s string) (Codec, error) {
	for c, name := range codecNames {
		if s == name {
			return Codec(c), nil
		}
	}
	if s == "uncompressed" {
		return None, nil
	}
	return None, fail(ErrCodec, "%q is not none, gzip, snappy, lz4 or zstd", s)
}
