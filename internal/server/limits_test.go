package server

import (
	"context"
	"errors"
	"testing"
	"time"
)

// Whoever waits for bytes gets them in order, one that is larger than all is admitted alone, and one that gives up stands in nobody's way.
func TestBudget(t *testing.T) {
	b := &budget{limit: 10}
	ctx := context.Background()
	if err := b.take(ctx, 100); err != nil {
		t.Fatal(err)
	}
	got := make(chan int64, 3)
	quit, giveUp := context.WithCancel(ctx)
	waiting := func() int {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.waiters)
	}
	gone := make(chan error)
	for i, n := range []int64{8, 50, 5} {
		c := ctx
		if n == 50 {
			c = quit
		}
		go func() {
			err := b.take(c, n)
			if n == 50 {
				gone <- err
				return
			}
			got <- n
		}()
		for waiting() != i+1 {
			time.Sleep(time.Millisecond)
		}
	}
	b.give(100)
	if n := <-got; n != 8 {
		t.Fatalf("%d came first", n)
	}
	giveUp()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Errorf("gave up with %v", err)
	}
	b.give(8)
	if n := <-got; n != 5 {
		t.Fatalf("%d came second", n)
	}
	b.give(5)
	if n := b.inUse(); n != 0 {
		t.Errorf("%d are in use", n)
	}
}

// A patience ends with its time, and says so, or with its parent.
func TestPatience(t *testing.T) {
	p := newPatience(context.Background(), time.Millisecond)
	defer p.end()
	<-p.Done()
	if err := context.Cause(p); !errors.Is(err, errTimeout) {
		t.Errorf("cause %v", err)
	}
	parent, cancel := context.WithCancel(context.Background())
	q := newPatience(parent, time.Hour)
	defer q.end()
	cancel()
	<-q.Done()
	if err := q.Err(); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// Responses share what there is; each has something.
func TestAllowance(t *testing.T) {
	a := &allowance{limit: 1 << 20}
	if n := a.take(2 << 20); n != 1<<20 {
		t.Errorf("granted %d", n)
	}
	if n := a.take(1 << 20); n != minGrant {
		t.Errorf("granted %d when nothing is left", n)
	}
	if n := a.take(-5); n != 0 {
		t.Errorf("granted %d of less than nothing", n)
	}
}
