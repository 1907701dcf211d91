//go:build !race

package batch_test

// bombSize is what a bomb holds, and allocationsCount says that what is allocated says something.
const (
	bombSize         = 48 << 20
	allocationsCount = true
)
