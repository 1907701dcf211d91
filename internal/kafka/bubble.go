package kafka

import (
	"fmt"
	"sync"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/twmb/franz-go/pkg/kgo"
)

// inBubble says whether a test with virtual time makes the client (testing/synctest): only there the clock has no monotonic reading.
func inBubble() bool {
	now := time.Now()
	return now == now.Round(0)
}

// bubbleDecompressor is the library's below but for Zstandard. The library closes those decoders when they are collected; they hold channels, and to close
// a channel of a bubble outside of it ends the process.
type bubbleDecompressor struct {
	kgo.Decompressor
	zstd func() (*zstd.Decoder, error)
}

func newBubbleDecompressor() bubbleDecompressor {
	return bubbleDecompressor{kgo.DefaultDecompressor(), sync.OnceValues(func() (*zstd.Decoder, error) {
		return zstd.NewReader(nil, zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(1<<30))
	})}
}

func (d bubbleDecompressor) Decompress(src []byte, codec kgo.CompressionCodecType) ([]byte, error) {
	if codec != kgo.CodecZstd {
		return d.Decompressor.Decompress(src, codec)
	}
	z, err := d.zstd()
	if err != nil {
		return nil, fmt.Errorf("decompress zstd: %w", err)
	}
	return z.DecodeAll(src, nil)
}
