// Package server speaks Kafka's protocol: it turns connections into requests, and requests into what the store does.
//
// Nouns: a Server has connections; a conn is two goroutines, one that reads requests and one that answers them; a call is a request between them; an
// api is a kind of request, with its versions; a produce is a Produce request on its way through the logs; a fetcher answers the Fetch requests of a
// connection out of a session, the set of partitions that are fetched.
//
//	socket ─ await ─ budget ─ frame ─ decode ─┬─ produce: check, append ──── logs ──(durable)──┐
//	         (reader)                         │                                                ▼
//	                                          └─ queue ── wait for the answers before ─ handle ─ respond ─ socket
//	                                                      (writer)
//
// Responses leave in the order of the requests. Produces overlap: the next one is appended while the one before waits for the disk, and the batches of
// one partition keep their order. Every other request is alone on its connection, as in Kafka: it sees all that was acknowledged before it.
//
// Promise: no bytes from outside take more memory than the limits say, or the process; what ApiVersions shows works; an answer without an error is
// durable at the topic's level. A panic ends one connection.
//
// Never: it knows no files, keeps nothing that must survive, and decides nothing about topics: the store and the catalog do. It does not authenticate.
//
// Files: server.go (Server) · conn.go (reading) · respond.go (answering) · dispatch.go (the table of requests) · 00_produce.go to 75_describetopicpartitions.go
// (one request each, by its key) · alterconfigs.go (what settings may be changed of) ·
// coordinator.go (consumer groups, and the time they are told), groupshard.go (one partition of __consumer_offsets: its machine, its log, the answers that wait) ·
// fetchsession.go, fetchpart.go (what fetches remember) · codes.go (errors to Kafka's codes) · limits.go (bounds and budgets) ·
// memconn.go (connections in memory) · overrule.go (what tests put in the way of requests) · stats.go.
//
// Locks: Server.mu guards connections and listeners; sessions.mu the table of fetch sessions; session.mu, a list of ready partitions, is taken by
// the goroutine that acknowledges records and held for a few instructions. None is held across I/O, a call of the store, or with another one, but for
// conn.mu, which guards the end of reading and is taken under Server.mu. shard.mu guards a machine of groups and is held while its records are appended, which never
// waits; outbox.mu, the answers that wait, is taken under it and by the goroutine that acknowledges records. The locks of budgets and of connections in memory are innermost.
package server
