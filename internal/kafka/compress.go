package kafka

import (
	"bytes"
	"sync"

	"github.com/pierrec/lz4/v4"
	"github.com/twmb/franz-go/pkg/kgo"
)

// smallBlocks compresses with lz4 in blocks of 64 KiB, as Kafka's own producer does. The library below takes blocks of 4 MiB, of which each writer, the broker and each
// reader hold one or two in memory for every batch, however small it is.
type smallBlocks struct{ writers sync.Pool }

func (c *smallBlocks) Compress(dst *bytes.Buffer, src []byte, _ ...kgo.CompressFlag) ([]byte, kgo.CompressionCodecType) {
	z, _ := c.writers.Get().(*lz4.Writer)
	if z == nil {
		z = lz4.NewWriter(nil)
		if err := z.Apply(lz4.BlockSizeOption(lz4.Block64Kb), lz4.ChecksumOption(false)); err != nil {
			return nil, kgo.CodecError
		}
	}
	defer c.writers.Put(z)
	z.Reset(dst)
	if _, err := z.Write(src); err != nil {
		return nil, kgo.CodecError
	}
	if err := z.Close(); err != nil {
		return nil, kgo.CodecError
	}
	return dst.Bytes(), kgo.CodecLz4
}

// compressorOf returns nil where the library's own is as good.
func compressorOf(codec kgo.CompressionCodec) kgo.Compressor {
	if codec == kgo.Lz4Compression() {
		return new(smallBlocks)
	}
	return nil
}
