// Package metrics gives the counts of the library's clients to Prometheus.
//
//	registry.MustRegister(metrics.New(client))
//
// Nouns: a Collector reads Client.Stats when it is asked; each number has the labels topic, and group for readers.
//
// Promise: nothing happens between two readings. Producers and consumers of one topic and group are summed up.
//
// Never: it starts no goroutine and no server. Another system is served by reading Client.Stats as this package does.
//
// Files: metrics.go.
//
// Locks: none.
package metrics
