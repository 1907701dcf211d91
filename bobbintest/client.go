package bobbintest

import (
	"context"
	"testing"

	"github.com/bobbinstream/bobbin"
)

// Client returns a client of the broker, which is closed when the test ends. For one with options of its own call bobbin.Open with Dial as its dialer.
func (b *Broker) Client(t testing.TB) *bobbin.Client {
	t.Helper()
	c, err := bobbin.Open(context.Background(), &bobbin.Options{Dial: b.Dial})
	if err != nil {
		t.Fatalf("bobbintest: %v", err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil && b.up() {
			t.Errorf("bobbintest: %v", err)
		}
	})
	return c
}
