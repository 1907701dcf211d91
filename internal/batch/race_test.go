//go:build race

package batch_test

// bombSize is what a bomb holds. The race detector makes pools forget at random, so that what is allocated says nothing.
const (
	bombSize         = 4 << 20
	allocationsCount = false
)
