// Package catalog knows the topics of a broker, their ids and settings, and the counters that belong to all of them.
//
// Nouns: the Catalog is the state; a Topic in it is an immutable value; a Change is one durable fact, with the version
// of the catalog that it makes; a Setting is a row in the table of what can be set; a Broker is the settings of the
// broker: those that it was started with and, before them, those that were changed while it runs.
//
//	request ─► Decide… ── *Error ──► the server maps its Kind to Kafka's code
//	              │
//	           Change ─► AppendChange ─► write-ahead log ─► Apply ─► Catalog ─► AppendSnapshot ─► checkpoint
//	                                          │               ▲         ▲                             │
//	                          replay: DecodeChange ───────────┘         └────── DecodeSnapshot ◄──────┘
//
// A decision changes nothing. The store makes it, gives the change the version after the catalog's, writes it to the
// log and applies it, one at a time, so that no other change comes between a decision and its application. A replay may
// start with changes that the snapshot holds already: Apply skips them by their version.
//
// # Settings
//
// The broker's settings have four layers: what was changed for this broker while it runs, what was changed for all, what it was started with, and
// the defaults. A topic stores only what was set for it. What is in force is the topic's own value, else the broker's under the
// name in Setting.Broker, else the default; Topic.Resolve says which it was, and Topic.Settings gives the values that
// the log works with. Names, types, defaults and ranges are those of Apache Kafka 4.2. A setting that makes no sense
// here is accepted and shown, with Effect NoEffect and a reason; a value that would promise what the broker does not do
// is refused, with the reason.
//
// Durability is the broker's own setting, bobbin.durability. In Kafka's terms it is flush.messages and flush.ms, by
// which a topic chooses its own; durability.go has the rules.
//
// # Leader epochs
//
// The catalog's Epoch counts unclean starts. A partition's leader epoch is the number of those since the creation of
// its topic, so that one change raises all of them, none goes back, and a topic made anew starts at 0.
//
// Never: it reads no clock and draws no ids, takes no lock, writes nothing, and knows no Kafka error code.
//
// Files: catalog.go (Catalog, Apply) · topic.go · names.go · change.go (the changes) · decide.go (the decisions) ·
// setting.go (one row) · topicsettings.go, brokersettings.go (the tables) · resolve.go (Broker, Settings) ·
// durability.go · codec.go (primitives) · changecodec.go · snapshot.go · errors.go.
//
// Locks: none. The store guards a Catalog with a lock of its own: Apply alone changes it. Formats:
// docs/formats/catalog.md.
package catalog
