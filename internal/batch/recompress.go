package batch

import "math"

// Recompress appends to dst the same batch with its records compressed by another codec, for a topic with a
// compression.type of its own. level is Kafka's number for the codec, 0 or -1 its default. A batch that has the codec
// already, or no records, is appended as it is. The new batch may be larger than b: to more than maxBytes is ErrTooLarge. Records and checksum of b are taken as
// they are: see [Batch.Validate]. On an error dst is as it was.
//
// What is larger than a megabyte is decompressed and compressed piece by piece, so that the memory is that of the two codecs' windows and the new batch. maxDecompressed bounds the work.
func (b Batch) Recompress(dst []byte, codec Codec, level, maxDecompressed, maxBytes int) ([]byte, error) {
	if codec > ZSTD {
		return dst, fail(ErrCodec, "%v is not known", codec)
	}
	if codec == b.Compression() || b.Count() == 0 {
		return append(dst, b...), nil
	}
	maxBytes = min(maxBytes, math.MaxInt32)
	var out []byte
	if err := b.inPieces(maxDecompressed, asPieces, func(body []byte, more *stream) (err error) {
		out = append(dst, b[:HeaderSize]...)
		if more == nil {
			out = compress(out, codec, level, body)
		} else {
			out, err = compressPieces(out, codec, level, more, len(dst)+maxBytes)
		}
		if len(out)-len(dst) > maxBytes {
			return fail(ErrTooLarge, "it has more than %d bytes with %v", maxBytes, codec)
		}
		return err
	}); err != nil {
		return dst, err
	}
	x := Batch(out[len(dst):])
	x.setAttributes(b.Attributes()&^codecMask | int16(codec))
	x.seal()
	return out, nil
}
