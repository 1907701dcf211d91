package kafka

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/twmb/franz-go/pkg/kerr"
)

// Code is one error of Kafka's protocol.
type Code struct {
	Code      int16
	Name      string
	Retriable bool   // the same request may succeed later
	Meaning   string // in a sentence
	Try       string // what to do
}

// LookUpCode returns an error of Kafka's protocol by its number or its name, in any case and with - or space for _.
func LookUpCode(s string) (Code, error) {
	name := strings.ToUpper(strings.NewReplacer("-", "_", " ", "_").Replace(strings.TrimSpace(s)))
	if name == "NOT_LEADER_OR_FOLLOWER" { // Kafka's newer name
		name = kerr.NotLeaderForPartition.Message
	}
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 16)
	for _, e := range codeTable {
		if c := kerr.TypedErrorForCode(e.code); err == nil && int64(e.code) == n || c != nil && c.Message == name || c == nil && name == "NONE" {
			return e.full(), nil
		}
	}
	hint := "`bobbin errors` lists all"
	if near := nearCodes(name); err != nil && len(near) > 0 {
		hint = "did you mean " + strings.Join(near, " or ") + "?"
	}
	return Code{}, &Error{Op: "look up error", Topic: fmt.Sprintf("%.60s", s), Kind: NotFound, Err: errors.New("Kafka's protocol has no such error"), Hint: hint}
}

// Codes returns all errors of Kafka's protocol by their numbers.
func Codes() []Code {
	out := make([]Code, len(codeTable))
	for i, e := range codeTable {
		out[i] = e.full()
	}
	return out
}

// nearCodes returns up to three names that have all the words of s, or one of them when there are none.
func nearCodes(s string) []string {
	words := strings.FieldsFunc(s, func(r rune) bool { return r == '_' })
	var all, some []string
	for _, e := range codeTable {
		c := kerr.TypedErrorForCode(e.code)
		if c == nil {
			continue
		}
		has := func(w string) bool { return len(w) > 3 && strings.Contains(c.Message, w) }
		if len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !has(w) }) {
			all = append(all, c.Message)
		} else if slices.ContainsFunc(words, has) {
			some = append(some, c.Message)
		}
	}
	if len(all) == 0 {
		all = some
	}
	return all[:min(3, len(all))]
}

type codeEntry struct {
	code         int16
	meaning, try string
}

func (e codeEntry) full() Code {
	c := Code{Code: e.code, Name: "NONE", Meaning: e.meaning, Try: e.try}
	if k := kerr.TypedErrorForCode(e.code); k != nil {
		c.Name, c.Retriable = k.Message, k.Retriable
	}
	return c
}

// codeTable has every error that the protocol has, by number. Names, and whether to try again, are the client library's.
var codeTable = []codeEntry{
	{-1, "The broker met something that it has no better code for.", "look into the broker's log at that time; report it if the broker is Bobbin"},
	{0, "No error.", "nothing"},
	{1, "The offset lies before the first record that is left, or behind the end.", "start again at the earliest or latest offset: `bobbin group reset-offsets`, or auto.offset.reset of the consumer; `bobbin topic describe` shows the bounds"},
	{2, "A batch's checksum or its form is wrong: damaged on the way, or on the broker's disk.", "send it again; when reading it comes back, run `bobbin verify` on the stopped broker"},
	{3, "The broker has no such topic or partition.", "check the name with `bobbin topic list`; a new topic may need a moment on a cluster of several brokers"},
	{4, "The request asks for a number of bytes that cannot be.", "give a fetch size that is not negative"},
	{5, "The partition has no leader at this moment, for example just after it was made.", "try again; when it stays, see `bobbin topic describe` and the brokers' logs"},
	{6, "The broker that was asked is not the partition's leader any more; Kafka also calls this NOT_LEADER_OR_FOLLOWER.", "nothing: clients ask for the metadata again and go to the new leader"},
	{7, "The broker could not finish in the time that the request allows.", "try again; look for a busy or full disk, or raise the time-out"},
	{8, "The broker is not available.", "check that it runs: `bobbin doctor`"},
	{9, "The replica is not available at the moment.", "try again; check the brokers that hold the partition"},
	{10, "A batch is larger than max.message.bytes of the topic.", "send smaller batches (batch.size, max.request.size), use compression, or raise it: `bobbin topic alter NAME --config max.message.bytes=…`"},
	{11, "A controller with an old epoch has spoken to a broker.", "nothing: brokers sort this out among themselves"},
	{12, "The text that goes with a committed offset is too long.", "commit less metadata; the limit is offset.metadata.max.bytes"},
	{13, "The server closed the connection before it answered.", "try again; check the network and the broker's log"},
	{14, "The group's or transaction's coordinator is still reading its state after a start.", "try again in a moment"},
	{15, "There is no coordinator for the group or transaction at the moment.", "try again; when it stays, check that the internal topics __consumer_offsets and __transaction_state have leaders"},
	{16, "Another broker coordinates the group or transaction.", "nothing: clients look for the coordinator again"},
	{17, "The topic's name is not valid, or the request is not allowed on a topic of the broker's own.", "use 1 to 249 of the characters a-z A-Z 0-9 . _ -"},
	{18, "The records of a request are more than a segment can take.", "send smaller batches, or raise segment.bytes of the topic"},
	{19, "Fewer replicas are in sync than min.insync.replicas asks for, so nothing was written.", "bring the missing brokers back; the record may be sent again"},
	{20, "The record was written, and then fewer replicas were in sync than min.insync.replicas asks for.", "bring the missing brokers back; sending again may store it twice without idempotence"},
	{21, "acks is none of -1, 0 and 1.", "set acks to all, 1 or 0"},
	{22, "The member belongs to an older generation of its group: a rebalance has taken place.", "join again; when it is frequent, raise max.poll.interval.ms or process fewer records a poll"},
	{23, "The member shares no assignment protocol with the rest of the group.", "give all members a common partition.assignment.strategy; change it in two rolling steps"},
	{24, "The group's name is empty or not valid here.", "set group.id"},
	{25, "The coordinator does not know the member: it left, was too slow, or the coordinator forgot it.", "join again; when it is frequent, check session.timeout.ms and max.poll.interval.ms"},
	{26, "The session time-out is outside of what the broker allows.", "choose session.timeout.ms between group.min.session.timeout.ms and group.max.session.timeout.ms"},
	{27, "The group is rebalancing, so the request is not valid now.", "join again; clients do this by themselves"},
	{28, "The commit is larger than the broker can store.", "commit fewer partitions or less metadata at once"},
	{29, "The user may not do this with the topic.", "ask for an ACL on the topic; see the broker's audit log"},
	{30, "The user may not use the group.", "ask for an ACL on the group"},
	{31, "The user may not do this on the cluster.", "ask for an ACL on the cluster"},
	{32, "A record's timestamp is too far from the broker's time.", "check the producer's clock, and that its unit is milliseconds; the bounds are message.timestamp.before.max.ms and message.timestamp.after.max.ms"},
	{33, "The broker does not know the SASL mechanism.", "use one of those that it names; see sasl.mechanism"},
	{34, "A request came at the wrong time of the login.", "check that client and broker agree on security.protocol"},
	{35, "The broker does not know this version of the request, or does not serve it.", "use a client that fits the broker; `bobbin doctor` shows what the broker serves"},
	{36, "There is a topic of that name already.", "choose another name, or delete it first: `bobbin topic delete`"},
	{37, "The number of partitions is not valid: it must be positive, and can only grow.", "see `bobbin topic describe`; to have fewer, make another topic"},
	{38, "The replication factor is not positive, or larger than the number of brokers.", "ask for at most as many replicas as there are brokers; -1 is the default"},
	{39, "The assignment of replicas to brokers is not valid.", "name brokers that exist, each once, and the same number for each partition"},
	{40, "A setting is unknown, or its value is not valid.", "the message says which; docs/reference/topic-settings.md lists all"},
	{41, "The broker is not the cluster's controller.", "nothing: clients find the controller"},
	{42, "The request contradicts itself, or asks for what cannot be.", "the broker's message or log says what is wrong with it"},
	{43, "The message format on the broker is too old for this.", "upgrade the message format of the topic"},
	{44, "A rule of the broker forbids it.", "the message says which rule"},
	{45, "A batch of an idempotent producer came without the ones before it: one of them is missing.", "the producer must be started anew; look for batches that were given up (delivery.timeout.ms)"},
	{46, "A batch of an idempotent producer is there already.", "nothing: it was stored before"},
	{47, "The producer has an old epoch: another one with its transactional id, or the broker, has replaced it.", "stop the older producer; start anew with InitProducerId"},
	{48, "The producer does something that does not fit the state of its transaction.", "abort, and begin a new transaction; check the order of the calls"},
	{49, "The transactional id belongs to another producer id now.", "start the producer anew"},
	{50, "The time-out of a transaction is longer than the broker allows.", "set transaction.timeout.ms to at most transaction.max.timeout.ms"},
	{51, "The producer has a transaction that is still ending.", "try again in a moment"},
	{52, "Another coordinator has taken over the transaction.", "nothing: the client looks for the coordinator again"},
	{53, "The user may not use the transactional id.", "ask for an ACL on it"},
	{54, "The broker does not check who may do what.", "turn on an authorizer, or do without ACLs"},
	{55, "The operation was not tried, since something before it failed.", "correct what failed first"},
	{56, "The broker cannot reach its disk, the disk is full, or the partition is offline.", "the broker's log says which; free room or mend the disk, records are tried again"},
	{57, "The broker has no such data directory.", "name one of log.dirs: `kafka-log-dirs --describe` shows them"},
	{58, "The login failed.", "check user, password and mechanism"},
	{59, "The broker knows nothing of the producer's sequences: they are too old, or their records are gone.", "the producer goes on with a new epoch; clients of today do this by themselves"},
	{60, "A reassignment of the partition is under way.", "wait until it is over"},
	{61, "Delegation tokens are not switched on.", "set delegation.token.secret.key on the broker"},
	{62, "There is no such delegation token.", "list the tokens, and check its id"},
	{63, "The delegation token is not the user's.", "use the owner's account"},
	{64, "Tokens cannot be asked for on this connection.", "use a connection with SASL or TLS, without a token"},
	{65, "The user may not use the delegation token.", "ask its owner"},
	{66, "The delegation token has expired.", "make a new one, or renew earlier"},
	{67, "The kind of principal is not known.", "use the form User:name"},
	{68, "The group has members, so it cannot be deleted or reset.", "stop its consumers first; `bobbin group describe` shows them"},
	{69, "There is no group of that name.", "check the name: `bobbin group list`"},
	{70, "The fetch session is gone: it was replaced, or the broker was started anew.", "nothing: the client opens another one"},
	{71, "The fetch session and the client have lost step.", "nothing: the client opens another one"},
	{72, "The leader has no listener of the name that the client came by.", "give all brokers the same listeners"},
	{73, "Deleting topics is switched off.", "set delete.topic.enable=true on the broker"},
	{74, "The client's leader epoch is older than the broker's.", "nothing: the client asks for the metadata again"},
	{75, "The client's leader epoch is newer than the broker's.", "try again; the broker will learn of it"},
	{76, "The compression is not known to the broker, or to this version of the request.", "use another compression.type, or a newer client"},
	{77, "A broker has spoken with an old registration.", "nothing: it registers again"},
	{78, "The new leader does not know yet what may be read.", "try again in a moment"},
	{79, "The member must join once more, with the id that it was given.", "nothing: clients do this by themselves"},
	{80, "The preferred leader is not available.", "bring that broker back, and elect again"},
	{81, "The group has as many members as it may.", "raise group.max.size, or use fewer members"},
	{82, "Another member with the same group.instance.id has taken its place.", "give every running instance its own group.instance.id"},
	{83, "No replica can become the leader without losing records.", "bring back a broker that was in sync"},
	{84, "The partition has the leader that it should have.", "nothing"},
	{85, "The partition is not being reassigned.", "nothing"},
	{86, "The group reads the topic, so its offsets of it cannot be deleted.", "stop its consumers of that topic first"},
	{87, "A record breaks a rule: no key in a compacted topic, a count that is wrong, a batch that only brokers write.", "the message names the record; see the topic's cleanup.policy"},
	{88, "Offsets are part of a transaction that has not ended.", "try again in a moment"},
	{89, "The client has used up its quota.", "wait as long as the answer says; ask for a larger quota"},
	{90, "A newer producer with the same transactional id has fenced this one off.", "stop this instance: another one has its work"},
	{91, "What the request names does not exist.", "check the name"},
	{92, "What the request would make exists, or is named twice.", "name it once"},
	{93, "The password or its parameters are not accepted.", "use 4096 to 16384 iterations, and a password that is not empty"},
	{94, "The voters that a node knows are not the cluster's.", "give all nodes the same controller.quorum.voters"},
	{95, "The level of a feature cannot be changed so.", "see the levels that the brokers support: `kafka-features describe`"},
	{96, "The level of a feature could not be changed.", "look into the controller's log"},
	{97, "A forwarded request names a user that cannot be read.", "give all brokers the same principal builder"},
	{98, "The snapshot is gone.", "nothing: the node asks for a newer one"},
	{99, "A snapshot does not have that many bytes.", "nothing: the node asks again"},
	{100, "No topic has that id: it was deleted, or made anew under its name.", "ask for the metadata again; clients do this by themselves"},
	{101, "Another broker with the same node.id is registered.", "give every broker its own node.id, or wait until the old registration has ended"},
	{102, "The broker is not registered.", "check the node.id and whether that broker runs"},
	{103, "The log's topic id is not the one in the metadata.", "the partition's directory belongs to another topic: look into the broker's log"},
	{104, "The node belongs to another cluster.", "check meta.properties, and the addresses of the cluster"},
	{105, "There is no such transactional id.", "check the name; ids that are not used expire"},
	{106, "A fetch session names topics in two ways.", "nothing: the client opens another one"},
	{107, "The replica may not become part of those in sync.", "nothing: the controller tries again"},
	{108, "The partition has a new leader.", "nothing: the metadata is asked for again"},
	{109, "The offset is in remote storage now.", "nothing: the follower reads it from there"},
	{110, "The coordinator has moved on from the member's epoch.", "nothing: the member gives up its partitions and joins again"},
	{111, "Another member with the same group.instance.id has not left yet.", "wait for its session to end, or stop it"},
	{112, "The group's coordinator does not know the assignor.", "use uniform or range for group.remote.assignor"},
	{113, "The member's epoch is older than the coordinator's.", "try again after the next heartbeat; clients do this by themselves"},
	{114, "The request came to an endpoint of the wrong kind, a broker's instead of a controller's or the other way round.", "use --bootstrap-server for brokers and --bootstrap-controller for controllers"},
	{115, "The kind of endpoint is not known.", "upgrade the broker"},
	{116, "There is no controller with that id.", "check the id: `kafka-metadata-quorum describe`"},
	{117, "The broker does not know the client's subscription of metrics.", "nothing: the client asks for it again"},
	{118, "The client's metrics are larger than the broker takes.", "raise telemetry.max.bytes, or collect fewer"},
	{119, "A node's registration is not valid.", "look into the controller's log"},
	{120, "The transaction cannot go on, but can be aborted.", "abort it and begin again"},
	{121, "The record of a share group is not in a state that allows this.", "nothing: it was given to another member after its lock ended"},
	{122, "The share session is gone.", "nothing: the client opens another one"},
	{123, "The share session and the client have lost step.", "nothing: the client opens another one"},
	{124, "The state of a share group was taken over by a newer one.", "nothing: the broker reads it again"},
	{125, "The voter's key is not the receiver's.", "check the directory id of the controller"},
	{126, "The voter is part of the quorum already.", "nothing"},
	{127, "The voter is not part of the quorum.", "check its id: `kafka-metadata-quorum describe`"},
	{128, "The regular expression of a subscription is not valid.", "use the syntax of RE2"},
	{129, "The client's picture of the cluster is too old.", "nothing: the client starts again from its bootstrap servers"},
	{130, "The topology of a Kafka Streams application is not valid.", "the message says what is wrong with it"},
	{131, "The epoch of a topology is not valid.", "upgrade the application's instances one after the other"},
	{132, "The topology is older than the group's.", "stop instances of the older version"},
	{133, "The broker has as many share sessions as it may.", "try again, or raise group.share.max.share.sessions"},
	{134, "The group could not be deleted.", "look into the broker's log"},
	{135, "The description of a topology could not be stored.", "look into the broker's log"},
	{136, "No controller with that id is registered.", "check the id, and whether that controller runs"},
}
