package batch

import "io"

// ValidateInPieces validates as Validate does, with all that is compressed read in pieces of size bytes.
func (b Batch) ValidateInPieces(r Rules, size int) error {
	return b.validate(r, pieces{size: size, wide: asPieces.wide})
}

// ValidateWhole validates as Validate does, with all that is compressed decompressed first.
func (b Batch) ValidateWhole(r Rules) error { return b.validate(r, pieces{whole: r.MaxDecompressed}) }

// LeastPiece is the least size of a piece.
const LeastPiece = leastRead

// Compress gives src as a batch of the codec holds it.
func Compress(codec Codec, src []byte) []byte { return compress(nil, codec, 0, src) }

// Decompress gives what src holds.
func Decompress(codec Codec, src []byte, limit int) ([]byte, error) {
	out, err := decompress(nil, codec, src, limit)
	return out, err
}

// DecompressInPieces gives what src holds, read in pieces.
func DecompressInPieces(codec Codec, src []byte, limit int) ([]byte, error) {
	r, err := openCodec(codec, src, limit)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}
