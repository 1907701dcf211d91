//go:build unix

package vfs

import (
	"math"

	"golang.org/x/sys/unix"
)

// OpenFileLimit is how many files and connections together the system lets this process have open.
func OpenFileLimit() int {
	var r unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &r); err != nil {
		return 256 // what every system gives
	}
	return int(min(uint64(r.Cur), math.MaxInt32))
}
