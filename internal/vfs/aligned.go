package vfs

import "unsafe"

// AlignedBuffer returns n zero bytes whose memory starts at a multiple of BlockSize, as direct reads and writes need it.
func AlignedBuffer(n int) []byte {
	if n == 0 {
		return nil
	}
	b := make([]byte, n+BlockSize-1)
	skip := (BlockSize - int(address(b)%BlockSize)) % BlockSize
	return b[skip : skip+n : skip+n]
}

// isAligned says whether a direct read or write of b at off is allowed.
func isAligned(b []byte, off int64) bool {
	return off%BlockSize == 0 && len(b)%BlockSize == 0 && address(b)%BlockSize == 0
}

func address(b []byte) uintptr { return uintptr(unsafe.Pointer(unsafe.SliceData(b))) }
