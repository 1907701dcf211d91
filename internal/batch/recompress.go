package batch

import "math"

// Recompress appends to dst the same batch with its records compressed by another codec, for a topic with a
// compression.type of its own. level is Kafka's number for the codec, 0 or -1 its default. A batch that has the codec
// already, or no records, is appended as it is. The new batch may be larger: the caller compares it with the topic's
// limit again. What the batch holds is taken whole, which maxDecompressed bounds. Records and checksum of b are taken as they are: see [Batch.Validate]. On an error dst is as it was.
func (b Batch) Recompress(dst []byte, codec Codec, level, maxDecompressed int) ([]byte, error) {
	if codec > ZSTD {
		return dst, fail(ErrCodec, "%v is not known", codec)
	}
	if codec == b.Compression() || b.Count() == 0 {
		return append(dst, b...), nil
	}
	p := buffers.Get().(*[]byte)
	defer putBuffer(p)
	body, err := b.plain(*p, maxDecompressed)
	if err != nil {
		return dst, err
	}
	if b.Compression() != None {
		*p = body
	}
	at := len(dst)
	out := compress(append(dst, b[:HeaderSize]...), codec, level, body)
	if len(out)-at > math.MaxInt32 {
		return dst, fail(ErrTooLarge, "it has %d bytes with %v", len(out)-at, codec)
	}
	x := Batch(out[at:])
	x.setAttributes(b.Attributes()&^codecMask | int16(codec))
	x.seal()
	return out, nil
}
