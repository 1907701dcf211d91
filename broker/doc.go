// Package broker is an embeddable broker: it keeps topics in a directory and serves them to every Kafka client.
//
// Nouns: a Broker is an open data directory with a server on it; a listener is where clients come in, and Dial is the way in
// without one; an Error says what failed, of which kind it is, and what to do.
//
//	Open ─ Broker ┬─ Serve(listener)            clients over the network
//	              ├─ Dial                       clients in this process
//	              ├─ Handler                    /healthz /readyz /metrics
//	              └─ Shutdown or Close          everything is stopped, the directory is free
//
// Promise: at the level sync an acknowledged record is on the disk; a record that a client saw is there after every crash;
// nothing is deleted to get unstuck. After Close no goroutine of the broker runs.
//
// Never: it handles no signals, writes nothing to standard output, keeps nothing in package variables, and listens on nothing that it
// was not given.
//
// Files: broker.go (Broker, Open, Shutdown, Close) · options.go · durability.go (the levels in words) · listen.go (which addresses are
// safe, and which one clients are told) · address.go (the ready line and DIR/address) · size.go · health.go (Handler) · metrics.go · check.go (Verify,
// Repair) · errors.go.
//
// Locks: Broker.mu guards the state of its life and is held over nothing that waits.
package broker
