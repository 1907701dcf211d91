package commitlog

import (
	"sync"

	"github.com/bobbinstream/bobbin/internal/vfs"
)

// readUnit is what the sizes of memory for reads are multiples of, so that a piece that needs a block more than the last one fits into its memory.
const readUnit = 64 << 10

// readBuffers holds memory for reads from segments, aligned as direct reads want it, by size in units. A buffer is never used for what a smaller one would do: it
// would hold more than its reader was granted. What is larger than all is not kept.
var readBuffers [33]sync.Pool

func getBuffer(n int) *[]byte {
	units := (n + readUnit - 1) / readUnit
	if units < len(readBuffers) {
		if p, ok := readBuffers[units].Get().(*[]byte); ok {
			*p = (*p)[:n]
			return p
		}
	}
	b := vfs.AlignedBuffer(units * readUnit)[:n]
	return &b
}

func putBuffer(p *[]byte) {
	if units := cap(*p) / readUnit; units < len(readBuffers) {
		readBuffers[units].Put(p)
	}
}
