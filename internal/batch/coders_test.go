package batch

import (
	"bytes"
	"testing"
	"testing/synctest"
)

// What one bubble leaves behind must not be used by another one, or outside: the runtime ends the process.
func TestZstandardInBubbles(t *testing.T) {
	src := bytes.Repeat([]byte("some text, "), 100_000)
	use := func(t *testing.T) {
		packed := compress(nil, ZSTD, 0, src)
		if got, err := decompress(nil, ZSTD, packed, len(src)); err != nil || !bytes.Equal(got, src) {
			t.Errorf("%d bytes, %v", len(got), err)
		}
		z, err := openCodec(ZSTD, packed, len(src))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := drain(nil, z, len(src)); err != nil || !bytes.Equal(got, src) {
			t.Errorf("piece by piece: %d bytes, %v", len(got), err)
		}
		if err := z.Close(); err != nil {
			t.Error(err)
		}
	}
	for range 2 {
		use(t)
		synctest.Test(t, func(t *testing.T) {
			if !inBubble() {
				t.Error("a bubble is not known as one")
			}
			use(t)
		})
	}
	if inBubble() {
		t.Error("this is no bubble")
	}
}
