package invariant

import "fmt"

// Check panics with "BUG: " and the formatted message when ok is false. The arguments are evaluated in any case, so
// keep them to values that are at hand.
func Check(ok bool, format string, args ...any) {
	if !ok {
		panic("BUG: " + fmt.Sprintf(format, args...))
	}
}

// Unreachable panics: the code before it handles every case there is.
func Unreachable(format string, args ...any) {
	panic("BUG: " + fmt.Sprintf(format, args...))
}
