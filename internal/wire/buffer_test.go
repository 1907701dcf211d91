package wire

import (
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"
)

func mustPanic(t *testing.T, what string, f func()) {
	t.Helper()
	defer func() {
		if got, ok := recover().(string); !ok || !strings.HasPrefix(got, "BUG:") {
			t.Errorf("%s: recovered %v, want a panic that starts with BUG:", what, got)
		}
	}()
	f()
}

func TestABufferIsUsedAgainAfterItsLastRelease(t *testing.T) {
	p := NewPool(1 << 20)
	b := p.Get(5000)
	first := &b.Bytes()[0]
	b.Retain()
	b.Release()
	if other := p.Get(5000); &other.Bytes()[0] == first {
		t.Fatal("memory was handed out while it was held")
	}
	b.Release()
	if again := p.Get(4900); &again.Bytes()[0] != first {
		t.Error("released memory was not used again")
	}
}

func TestAReleaseTooManyPanics(t *testing.T) {
	p := NewPool(1 << 20)
	b := p.Get(10)
	b.Release()
	mustPanic(t, "second release", b.Release)

	b = p.Get(10)
	b.Release()
	other := p.Get(10) // has the memory now
	mustPanic(t, "late release", b.Release)
	mustPanic(t, "retain after release", b.Retain)
	mustPanic(t, "read after release", func() { b.Bytes() })
	other.Release()
}

func TestAPoolKeepsNoMoreThanItsBound(t *testing.T) {
	p := NewPool(100 << 10)
	var held []*Buffer
	for range 50 {
		held = append(held, p.Get(10<<10), p.Get(1<<10), p.Get(maxClass+1))
	}
	for _, b := range held {
		b.Release()
	}
	kept := 0
	for _, list := range p.free {
		for _, mem := range list {
			kept += cap(mem)
		}
	}
	if kept != p.kept || kept > 100<<10 || kept < 80<<10 {
		t.Errorf("%d bytes kept, counted %d, bound %d", kept, p.kept, 100<<10)
	}
}

func TestAClassHoldsWhatIsAskedAndLittleMore(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.OneOf(rapid.IntRange(0, maxClass), rapid.IntRange(0, 40000), rapid.SampledFrom([]int{minClass, minClass + 1, maxClass - 1, maxClass})).Draw(t, "n")
		class, size := classFor(n)
		if class < 0 || class >= numClasses || size < n {
			t.Fatalf("%d bytes: class %d of %d bytes", n, class, size)
		}
		if n > minClass && size-n > size/5 {
			t.Errorf("%d bytes take %d", n, size)
		}
		if c, s := classFor(size); c != class || s != size {
			t.Errorf("%d bytes: class %d, but its own size %d gives class %d", n, class, size, c)
		}
	})
	if class, _ := classFor(maxClass + 1); class != -1 {
		t.Errorf("over the largest class: %d", class)
	}
}

func TestHoldersOnManyGoroutines(t *testing.T) {
	p := NewPool(1 << 20)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				b := p.Get(1 + (g*i)%9000)
				b.Bytes()[0] = byte(g)
				b.Retain()
				done := make(chan struct{})
				go func() {
					defer close(done)
					if b.Bytes()[0] != byte(g) {
						t.Error("held memory was given to another")
					}
					b.Release()
				}()
				if b.Bytes()[0] != byte(g) {
					t.Error("held memory was given to another")
				}
				b.Release()
				<-done
			}
		})
	}
	wg.Wait()
}
