// Package compat asks other programs whether the broker is compatible with Kafka: franz-go's client, Debian's kcat, Kafka's tools on our
// files, and a real Kafka that is asked the same questions.
//
// Nouns: a scene is a short script of requests about one thing, played in several versions of a request; a run is one scene on one broker; its answers
// are the fields of the responses, each under its path; an exception is a field that may differ, with the reason.
//
//	            ┌─ run on Kafka 4.2.1 ─ answers ─┐
//	scene ──────┤                                ├─ compare ─ differences ─ exceptions ─ must be none, and all used
//	            └─ run on Bobbin ────── answers ─┘
//
// Promise: a scene sends both brokers the same bytes, but for the names and ids of its topics. What the brokers choose by themselves (ids, addresses,
// times) gets a name that is the same on both; everything else is compared as it came.
//
// Never: it imports nothing of the broker; it starts the program and speaks to it as strangers do.
//
// Files: conn.go (requests as they are) · batches.go (record batches, right and wrong) · requests.go · flatten.go (an answer as fields) · run.go (a scene on a
// broker) · groups.go (members of a group) · compare.go · exceptions.go · report.go · scenes.go and scenes_*.go (one request each) · compare_test.go, report_test.go,
// franz_test.go, kgosuite_test.go, kcat_test.go, groups_test.go, churn_test.go, javatools_test.go, dumplog_test.go, compaction_test.go, hostile_test.go
// (what is asked) · bobbin_test.go (the program) · answers_test.go (that differences are found).
//
// What is needed: KAFKA_BOOTSTRAP, the address of a Kafka 4.2.1 of one node without creation of topics on demand, for the comparison; KAFKA_HOME, a folder
// with bin/tool.sh, for Kafka's tools; kcat. What is missing is skipped, and said.
//
// Locks: none.
package compat
