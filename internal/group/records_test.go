package group_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/bobbinstream/bobbin/internal/group"
)

// written are records of a __consumer_offsets of Apache Kafka 4.2.1.
var written = []struct{ what, key, value string }{
	{
		"offset by OffsetCommit 9, with a leader epoch",
		"0001001670726f62652d76392d2d312d31373935363437333234001070726f62652d3137393536343733323400000001",
		"0004000000000000000500000003056d657461000001a214ebc40c00",
	},
	{
		"offset by OffsetCommit 2, which knows no leader epochs",
		"0001001670726f62652d76322d2d312d31373935363437333234001070726f62652d3137393536343733323400000001",
		"00040000000000000005ffffffff056d657461000001a214ebc40500",
	},
	{
		"offset with a time of its own",
		"0001001a70726f62652d76342d3630303030302d31373935363437333234001070726f62652d3137393536343733323400000001",
		"0001000000000000000500046d657461000001a214ebc40a000001a214f4ebca",
	},
	{
		"offset by OffsetCommit 10, with the topic's id",
		"0001001770726f62652d7631302d2d312d31373935363437333234001070726f62652d3137393536343733323400000001",
		"0004000000000000000500000003056d657461000001a214ebc40d01001009bee74e568d433f9697239b3c42b63a",
	},
	{
		"group that is new",
		"0002001270726f62652d672d31373935363437333234",
		"0003000000000000ffffffff000001a214ebc41500000000",
	},
	{
		"group that is stable",
		"0002001270726f62652d672d31373935363437333234",
		"00030008636f6e73756d6572000000010012636f6f70657261746976652d737469636b790029696e73742d30323538333935302d643030322d346263392d393837312d3862626563" +
			"62396465616565000001a214ebc416000000010029696e73742d30323538333935302d643030322d346263392d393837312d3862626563623964656165650004696e7374000570726f" +
			"6265000a2f3132372e302e302e310000ea600000afc80000002a000300000001001070726f62652d31373935363437333234000000040000000000000000ffffffffffff0000002800" +
			"0000000001001070726f62652d31373935363437333234000000020000000000000001ffffffff",
	},
	{
		"group that has become empty",
		"0002001270726f62652d672d31373935363437333234",
		"00030008636f6e73756d657200000002ffffffff000001a214ebdb8f00000000",
	},
}

func TestKafkasRecordsAreReadAndWrittenAlike(t *testing.T) {
	for _, w := range written {
		key, _ := hex.DecodeString(w.key)
		value, _ := hex.DecodeString(w.value)
		r, ok, err := group.Rewrite(key, value)
		if err != nil || !ok || !bytes.Equal(r.Key, key) || !bytes.Equal(r.Value, value) {
			t.Errorf("%s: %v: %x %x is written as %x %x", w.what, err, key, value, r.Key, r.Value)
		}
		r, ok, err = group.Rewrite(key, nil)
		if err != nil || !ok || !bytes.Equal(r.Key, key) || r.Value != nil {
			t.Errorf("%s: its tombstone: %v, written as %x %x", w.what, err, r.Key, r.Value)
		}
	}
}

// What each older version leaves out has its default.
func TestOlderRecordsAreRead(t *testing.T) {
	for version := int16(0); version <= 4; version++ {
		for keyVersion := int16(0); keyVersion <= 1; keyVersion++ {
			m := group.New(group.Config{})
			k := kmsg.OffsetCommitKey{Version: keyVersion, Group: "g", Topic: "t", Partition: 3}
			v := kmsg.OffsetCommitValue{Version: version, Offset: 7, LeaderEpoch: 5, Metadata: "m", CommitTimestamp: 11, ExpireTimestamp: 13}
			if err := m.Replay(k.AppendTo(nil), v.AppendTo(nil)); err != nil {
				t.Fatalf("offset, versions %d and %d: %v", keyVersion, version, err)
			}
			want := "group g: Empty, generation 0\n  offset t/3: 7"
			if version >= 3 {
				want += " epoch 5"
			}
			want += ` "m", at 11`
			if version == 1 {
				want += ", until 13"
			}
			if diff := cmp.Diff(want+"\n", m.String()); diff != "" {
				t.Errorf("offset, versions %d and %d: %s", keyVersion, version, diff)
			}
		}

		m := group.New(group.Config{})
		k := kmsg.GroupMetadataKey{Version: 2, Group: "g"}
		v := kmsg.NewGroupMetadataValue()
		protocol, leader, instance := "range", "a", "i"
		v.Version, v.ProtocolType, v.Generation, v.Protocol, v.Leader, v.CurrentStateTimestamp = version, "consumer", 4, &protocol, &leader, 17
		v.Members = []kmsg.GroupMetadataValueMember{{
			MemberID: "a", InstanceID: &instance, ClientID: "c", ClientHost: "/h", RebalanceTimeoutMillis: 19, SessionTimeoutMillis: 23, Subscription: []byte("s"), Assignment: []byte("x"),
		}}
		if err := m.Replay(k.AppendTo(nil), v.AppendTo(nil)); err != nil {
			t.Fatalf("group, version %d: %v", version, err)
		}
		rebalance, inst := 19, "i"
		if version < 1 {
			rebalance = 23 // the session timeout
		}
		if version < 3 {
			inst = ""
		}
		want := fmt.Sprintf("group g: Stable, generation 4, \"consumer\" by \"range\", led by \"a\"\n  a %s c /h %d 23 \"s\" \"x\"\n", inst, rebalance)
		if diff := cmp.Diff(want, m.Durable(nil)); diff != "" {
			t.Errorf("group, version %d: %s", version, diff)
		}
	}
}

func TestDamagedRecordsAreRefusedAndChangeNothing(t *testing.T) {
	stable := written[5]
	key, _ := hex.DecodeString(stable.key)
	value, _ := hex.DecodeString(stable.value)
	okey, _ := hex.DecodeString(written[0].key)
	ovalue, _ := hex.DecodeString(written[0].value)
	stranger := kmsg.NewGroupMetadataValue()
	stranger.Version, stranger.ProtocolType, stranger.Protocol, stranger.Leader = 3, "consumer", text("range"), text("z")
	stranger.Members = []kmsg.GroupMetadataValueMember{{MemberID: "a"}}
	member := func(ids ...string) []byte {
		v := kmsg.NewGroupMetadataValue()
		v.Version, v.ProtocolType, v.Protocol = 3, "consumer", text("range")
		for _, id := range ids {
			v.Members = append(v.Members, kmsg.GroupMetadataValueMember{MemberID: id, InstanceID: text("i")})
		}
		return v.AppendTo(nil)
	}
	noProtocol := kmsg.NewGroupMetadataValue()
	noProtocol.Version, noProtocol.Members = 3, []kmsg.GroupMetadataValueMember{{MemberID: "a"}}
	for what, r := range map[string]group.Record{
		"no key":                       {},
		"half a version":               {Key: []byte{0}},
		"key of an offset, cut":        {Key: okey[:len(okey)-1], Value: ovalue},
		"key of a group, cut":          {Key: key[:len(key)-1], Value: value},
		"offset, empty":                {Key: okey, Value: []byte{}},
		"offset, cut":                  {Key: okey, Value: ovalue[:len(ovalue)-1]},
		"offset, version 5":            {Key: okey, Value: append([]byte{0, 5}, ovalue[2:]...)},
		"offset, version -1":           {Key: okey, Value: append([]byte{255, 255}, ovalue[2:]...)},
		"group, empty":                 {Key: key, Value: []byte{}},
		"group, cut":                   {Key: key, Value: value[:len(value)-1]},
		"group, version 5":             {Key: key, Value: append([]byte{0, 5}, value[2:]...)},
		"group, a million members":     {Key: key, Value: append(bytes.Clone(value[:81]), 0, 15, 66, 64)},
		"group, member twice":          {Key: key, Value: member("a", "a")},
		"group, a leader from outside": {Key: key, Value: stranger.AppendTo(nil)},
		"group, instance twice":        {Key: key, Value: member("a", "b")},
		"group, members, no protocol":  {Key: key, Value: noProtocol.AppendTo(nil)},
	} {
		m := group.New(group.Config{})
		if err := m.Replay(r.Key, r.Value); err == nil || !strings.HasPrefix(err.Error(), "group: replay: ") {
			t.Errorf("%s: %v", what, err)
		}
		if m.Groups() != 0 {
			t.Errorf("%s: %v", what, m)
		}
	}
	m := group.New(group.Config{})
	if err := m.Replay([]byte{0, 3, 0, 1, 'g', 0, 0}, []byte{0, 0}); err != nil || m.Groups() != 0 {
		t.Errorf("a record of a consumer group of KIP-848 is not skipped: %v %v", err, m)
	}
}

// The partitions are those in which Kafka keeps the groups above, of 6.
func TestAGroupBelongsToTheSamePartitionAsInKafka(t *testing.T) {
	for id, want := range map[string]int32{
		"probe-v9--1-1795647324": 2, "probe-v4-600000-1795647324": 3, "probe-v2--1-1795647324": 5, "probe-g-1795647324": 5, "probe-v10--1-1795647324": 0,
		"probe-v2-600000-1795647324": 1, "probe-v4--1-1795647324": 1, "probe-v6--1-1795647324": 1,
	} {
		if have := group.Partition(id, kafkasPartitions); have != want {
			t.Errorf("group %s: partition %d, Kafka's is %d", id, have, want)
		}
	}
	// Java: "polygenelubricants".hashCode() is -2^31, and 😀 counts as two UTF-16 units.
	if have := group.Partition("polygenelubricants", 50); have != 0 {
		t.Errorf("the hash -2^31 leads to partition %d", have)
	}
	if have := group.Partition("😀", 1<<30); have != 1772899 {
		t.Errorf("a text outside of the basic plane has hash %d", have)
	}
}

const kafkasPartitions = 6

func FuzzReplay(f *testing.F) {
	for _, w := range written {
		key, _ := hex.DecodeString(w.key)
		value, _ := hex.DecodeString(w.value)
		f.Add(key, value, true)
		f.Add(key, value, false)
	}
	f.Fuzz(func(t *testing.T, key, value []byte, live bool) {
		if !live {
			value = nil
		}
		m := group.New(group.Config{})
		if err := m.Replay(key, value); err != nil {
			return
		}
		m.Loaded(1)
		if err := m.Check(); err != nil {
			t.Fatal(err)
		}
		again := group.New(group.Config{})
		if r, ok, err := group.Rewrite(key, value); err != nil {
			t.Fatal(err)
		} else if ok && len(key) < 1<<15 && len(value) < 1<<15 {
			if err := again.Replay(r.Key, r.Value); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(m.Durable(nil), again.Durable(nil)); diff != "" {
				t.Fatal(diff)
			}
		}
		for m.Groups() > 0 {
			at, ok := m.Next()
			if !ok {
				break
			}
			m.Step(at, group.Tick{})
		}
	})
}
