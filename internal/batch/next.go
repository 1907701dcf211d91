package batch

import "math"

// Next takes the first batch from b. It looks at length and format only: see [Batch.CheckCRC] and [Batch.Validate] for
// the rest. The error is ErrShort when b ends before the batch does, and b may be nothing but a part of the header;
// ErrMagic or ErrCorrupt when b does not begin with a batch. On an error rest is b.
//
// The length is only compared with b: nothing is allocated for it.
func Next(b []byte) (x Batch, rest []byte, err error) {
	if len(b) < LogOverhead {
		return nil, b, short(len(b), HeaderSize)
	}
	length := int64(Batch(b).Length())
	size := length + LogOverhead
	if length < minLength || size > math.MaxInt32 {
		if length >= minLegacyLength && len(b) > magicOffset && b[magicOffset] != magic {
			return nil, b, wrongMagic(b)
		}
		return nil, b, fail(ErrCorrupt, "its length is %d, the least is %d", length, minLength)
	}
	if len(b) <= magicOffset {
		return nil, b, short(len(b), size)
	}
	if b[magicOffset] != magic {
		return nil, b, wrongMagic(b)
	}
	if int64(len(b)) < size {
		return nil, b, short(len(b), size)
	}
	return Batch(b[:size:size]), b[size:], nil
}

func wrongMagic(b Batch) error {
	return fail(ErrMagic, "its format is %d, only %d is supported", b.Magic(), magic)
}

func short(have int, want int64) error { return fail(ErrShort, "%d of %d bytes are there", have, want) }
