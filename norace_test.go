//go:build !race

package bobbin_test

// withServe has the suite run against a process of `bobbin serve` too.
const withServe = true
