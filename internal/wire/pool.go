package wire

import (
	"math/bits"
	"sync"
)

const (
	minClass = 4 << 10  // smaller memory is taken as this much
	maxClass = 16 << 20 // larger memory is not kept
	// An octave has four classes, so that at most a fifth of a buffer is unused: a batch of 1 MiB and its headers do
	// not take 2 MiB.
	classesPerOctave = 4
	numClasses       = 12*classesPerOctave + 1 // from minClass to maxClass
)

// Pool hands out buffers and keeps the memory of released ones, up to a bound, for the next.
type Pool struct {
	keep int

	mu   sync.Mutex
	kept int
	free [numClasses][][]byte
}

// NewPool returns a pool that keeps at most keep bytes of released memory. What is handed out is not bounded here: the
// caller counts it before it asks.
func NewPool(keep int) *Pool {
	return &Pool{keep: keep}
}

// Get returns a buffer of n bytes with any content.
func (p *Pool) Get(n int) *Buffer {
	b := &Buffer{pool: p, mem: p.take(n)}
	b.holders.Store(1)
	return b
}

// recycled returns a buffer of n bytes out of the memory that is kept, or nil when there is none of that size.
func (p *Pool) recycled(n int) *Buffer {
	class, size := classFor(n)
	if class < 0 {
		return nil
	}
	mem := p.pop(class, size)
	if mem == nil {
		return nil
	}
	b := &Buffer{pool: p, mem: mem[:n]}
	b.holders.Store(1)
	return b
}

// pop takes memory of a class out of what is kept; nil when there is none.
func (p *Pool) pop(class, size int) []byte {
	p.mu.Lock()
	defer p.mu.Unlock()
	list := p.free[class]
	if len(list) == 0 {
		return nil
	}
	mem := list[len(list)-1]
	list[len(list)-1] = nil
	p.free[class] = list[:len(list)-1]
	p.kept -= size
	return mem
}

func (p *Pool) take(n int) []byte {
	class, size := classFor(n)
	if class < 0 {
		return make([]byte, n)
	}
	if mem := p.pop(class, size); mem != nil {
		return mem[:n]
	}
	return make([]byte, n, size)
}

func (p *Pool) put(mem []byte) {
	class, size := classFor(cap(mem))
	if class < 0 || size != cap(mem) {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.kept+size > p.keep {
		return
	}
	p.kept += size
	p.free[class] = append(p.free[class], mem)
}

// classFor returns the smallest class that holds n bytes and its size; class is -1 when n is larger than all.
func classFor(n int) (class, size int) {
	if n > maxClass {
		return -1, n
	}
	if n <= minClass {
		return 0, minClass
	}
	// n lies in (base, 2*base]; the classes of this octave end at base + base/4, …, 2*base.
	octave := bits.Len(uint(n-1)) - bits.Len(uint(minClass))
	base := minClass << octave
	step := base / classesPerOctave
	quarter := (n - base + step - 1) / step
	return octave*classesPerOctave + quarter, base + quarter*step
}
