// Command bobbin runs a broker, and sees and works with any Kafka-compatible cluster.
//
// Nouns: a command is one file, named after it, that turns flags into options of a package below; the app holds what all
// commands share: the streams of the process, the form of the output and the cluster.
//
//	main ─ app.run ─ environment into flags ─ command ─ result ─ print (table, json, jsonl, name)
//	                                             └───── error ─ exit code, and what failed, why, what to try
//
// Promise: results go to standard output and all else to standard error; every command has -o; the exit code says what
// kind of failure it was (docs: the black-box contract).
//
// Never: no command knows a rule about records, topics or files; those are in the packages below.
//
// Files: main.go · app.go (the root command, the shared flags, the environment) · output.go (the four forms) · exit.go (errors to
// exit codes and text) · service.go (a broker with its listeners) · one file a
// command · input.go (standard input that can be interrupted) ·
// keyvalue.go, properties.go · recordformat.go and recordlines.go (records as text, out and in) · packet.go (packets of streams as text and JSON) ·
// meter.go.
package main
