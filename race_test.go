//go:build race

package bobbin_test

// withServe: the process is not built with the race detector, so that it would show nothing that the broker in memory does not.
const withServe = false
