package kafka

import (
	"bytes"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"
)

// What is compressed in small blocks is what every client reads, and says that its blocks are small.
func TestLZ4InSmallBlocks(t *testing.T) {
	c := compressorOf(kgo.Lz4Compression())
	for _, text := range []string{"", "a", strings.Repeat("some text, ", 100), strings.Repeat("some more text, ", 100_000)} {
		var dst bytes.Buffer
		packed, codec := c.Compress(&dst, []byte(text))
		if codec != kgo.CodecLz4 {
			t.Fatalf("codec %v", codec)
		}
		if len(packed) < 6 || packed[5]>>4&7 != 4 {
			t.Errorf("%d bytes: the frame begins with % x, which is not of blocks of 64 KiB", len(text), packed[:min(len(packed), 7)])
		}
		got, err := kgo.DefaultDecompressor().Decompress(packed, codec)
		if err != nil || string(got) != text {
			t.Errorf("%d bytes came back as %d, %v", len(text), len(got), err)
		}
	}
	for _, name := range []string{"none", "gzip", "snappy", "zstd"} {
		if codec, err := codecOf(name); err != nil || compressorOf(codec) != nil {
			t.Errorf("%s has a compressor of ours, %v", name, err)
		}
	}
}
