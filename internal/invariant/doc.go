// Package invariant holds assertions that stay on in production.
//
// An assertion says what the code around it relies on. A broken one is a bug in Bobbin, never a condition of the
// outside world: bad input, a full disk or a broken peer are errors, not assertions. Where it breaks, continuing could
// acknowledge or show a record that is not there, so the goroutine panics with a message that starts with "BUG:".
//
// Files: invariant.go (Check, Unreachable).
package invariant
