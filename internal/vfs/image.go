package vfs

import (
	"bytes"
	"slices"
)

type page = [BlockSize]byte

// zeroPage is the page of zeros that all images share. It is never written.
var zeroPage = new(page)

// image is the content of a file: its size and its pages, nil where nothing was ever written. Bytes of pages behind the size are zero.
//
// Invariant: a page is written in place only by an image that owns it, and then no other image has it; the same holds for the slice.
type image struct {
	size   int64
	pages  []*page
	owned  []uint64 // one bit a page
	shared bool     // pages belongs to another image too
}

func pagesFor(size int64) int { return int((size + BlockSize - 1) / BlockSize) }

// share returns an image of the same content. Each of the two copies what it changes from now on.
func (im *image) share() image {
	im.shared = true
	clear(im.owned)
	return image{size: im.size, pages: im.pages, shared: true}
}

// unshare makes the slice of pages the image's own, with room for n.
func (im *image) unshare(n int) {
	if im.shared {
		im.pages, im.shared = append(make([]*page, 0, max(n, len(im.pages))), im.pages...), false
	}
	if n > len(im.pages) {
		im.pages = slices.Grow(im.pages, n-len(im.pages))[:n]
	}
}

func (im *image) owns(i int) bool { return i/64 < len(im.owned) && im.owned[i/64]&(1<<(i%64)) != 0 }

func (im *image) own(i int) {
	for i/64 >= len(im.owned) {
		im.owned = append(im.owned, 0)
	}
	im.owned[i/64] |= 1 << (i % 64)
}

func (im *image) disown(i int) {
	if i/64 < len(im.owned) {
		im.owned[i/64] &^= 1 << (i % 64)
	}
}

// resize changes the size and returns the number of pages that a cut freed.
func (im *image) resize(size int64) (freed int) {
	n := pagesFor(size)
	if size < im.size {
		im.unshare(0)
		for i := n; i < len(im.pages); i++ {
			if im.pages[i] != nil {
				freed++
				im.pages[i] = nil
			}
			im.disown(i)
		}
		im.pages = im.pages[:min(n, len(im.pages))]
		if at := int(size % BlockSize); at > 0 && len(im.pages) == n && im.pages[n-1] != nil {
			clear(im.writable(n - 1)[at:])
		}
	}
	im.size = size
	return freed
}

// writable returns the page i to be written in place.
func (im *image) writable(i int) *page {
	im.unshare(i + 1)
	p := im.pages[i]
	if p != nil && im.owns(i) {
		return p
	}
	q := new(page)
	if p != nil {
		*q = *p
	}
	im.pages[i] = q
	im.own(i)
	return q
}

// put writes b, which does not cross the end of page i, at a place in that page. A page written whole becomes b itself, so b must never
// change; nil stands for n zeros.
func (im *image) put(i, at int, b []byte, n int) {
	im.unshare(i + 1)
	whole := at == 0 && n == BlockSize
	switch {
	case b == nil && (whole || im.pages[i] == nil || im.pages[i] == zeroPage):
		im.pages[i] = zeroPage
		im.disown(i)
	case whole:
		im.pages[i] = (*page)(b)
		im.disown(i)
	case b == nil:
		clear(im.writable(i)[at : at+n])
	default:
		copy(im.writable(i)[at:], b)
	}
	im.size = max(im.size, int64(i)*BlockSize+int64(at+n))
}

// page returns the page i, zeros where there is none.
func (im *image) page(i int) *page {
	if i < len(im.pages) && im.pages[i] != nil {
		return im.pages[i]
	}
	return zeroPage
}

func (im *image) has(i int) bool { return i < len(im.pages) && im.pages[i] != nil }

func (im *image) readAt(p []byte, off int64) int {
	p = p[:max(0, min(int64(len(p)), im.size-off))]
	for n := 0; n < len(p); {
		i, at := int((off+int64(n))/BlockSize), int((off+int64(n))%BlockSize)
		n += copy(p[n:], im.page(i)[at:])
	}
	return len(p)
}

// allocated counts the pages that take room.
func (im *image) allocated() (n int) {
	for _, p := range im.pages {
		if p != nil {
			n++
		}
	}
	return n
}

// adopt takes the pages in a range of bytes from another image, which gives up owning them.
func (im *image) adopt(from *image, start, end int64) {
	first, last := int(start/BlockSize), pagesFor(end)
	last = min(last, max(len(from.pages), len(im.pages)))
	im.unshare(min(last, len(from.pages)))
	for i := first; i < last; i++ {
		if i < len(from.pages) {
			im.pages[i] = from.pages[i]
			from.disown(i)
		} else if i < len(im.pages) {
			im.pages[i] = nil
		}
		im.disown(i)
	}
}

func isZero(b []byte) bool {
	for len(b) > BlockSize {
		if !bytes.Equal(b[:BlockSize], zeroPage[:]) {
			return false
		}
		b = b[BlockSize:]
	}
	return bytes.Equal(b, zeroPage[:len(b)])
}
