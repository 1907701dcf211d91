package compat

import (
	"crypto/rand"
	"encoding/hex"
	"flag"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

var (
	transcripts = flag.Bool("transcripts", false, "print every answer")
	kafkaAlone  = flag.Bool("kafka-alone", false, "play the scenes on Kafka only, to see what it answers")
)

// testbed is how the Kafka beside us is set, where it is not as Kafka comes.
var testbed = []string{
	"auto.create.topics.enable=false", "num.partitions=3", "log.segment.bytes=67108864", "log.retention.hours=24", "group.initial.rebalance.delay.ms=0",
}

// TestSameAsKafka asks a real Kafka and this broker the same and finds no difference but those of exceptions.go.
func TestSameAsKafka(t *testing.T) {
	kafka := os.Getenv("KAFKA_BOOTSTRAP")
	if kafka == "" {
		t.Skip("KAFKA_BOOTSTRAP is not set: no real Kafka to compare with")
	}
	bobbin := ""
	if !*kafkaAlone {
		bobbin = startBobbin(t, testbed...).addr
	}
	allowed := exceptions()
	used := make([]bool, len(allowed))
	runs, fields, excused, failed := 0, 0, 0, 0
	for _, s := range scenes() {
		t.Run(s.name, func(t *testing.T) {
			for _, v := range s.versions {
				tag := newTag()
				k, err := perform(kafka, tag, s, v)
				if err != nil {
					t.Fatalf("version %d on Kafka: %v", v, err)
				}
				if *transcripts {
					show(t, v, k)
				}
				if *kafkaAlone {
					continue
				}
				b, err := perform(bobbin, tag, s, v)
				if err != nil { // the scene could not be set: one difference, and nothing else to compare
					b = maps.Clone(k)
					b["scene"] = strings.ReplaceAll(err.Error(), tag, "")
				}
				runs++
				fields += len(k)
				if s.name == "api-versions" { // what Bobbin shows must be within what Kafka shows, not all of it
					maps.DeleteFunc(k, func(f, _ string) bool { _, ok := b[f]; return !ok })
				}
				for _, d := range compare(s.name, k, b) {
					i := slices.IndexFunc(allowed, func(e exception) bool { return e.allows(d) })
					if i < 0 {
						t.Errorf("version %d: %s: Kafka %s, Bobbin %s", v, d.field, d.kafka, d.bobbin)
						failed++
						continue
					}
					used[i] = true
					excused++
				}
			}
		})
	}
	t.Logf("%d scenes, %d runs, %d fields compared, %d excused by %d exceptions, %d differences", len(scenes()), runs, fields, excused, len(allowed), failed)
	if whole := flag.Lookup("test.run").Value.String(); whole != "" && whole != "TestSameAsKafka" || *kafkaAlone {
		return
	}
	for i, e := range allowed {
		if !used[i] {
			t.Errorf("the exception %s %s (%s) is not needed any more", e.scene, e.field, e.reason)
		}
	}
}

func show(t *testing.T, version int16, a answers) {
	for _, f := range slices.Sorted(maps.Keys(a)) {
		t.Logf("v%d %s = %s", version, f, a[f])
	}
}

// newTag makes the names of a run's topics its own.
func newTag() string {
	var b [5]byte
	if _, err := rand.Read(b[:]); err != nil {
		panic(fmt.Sprintf("no random numbers: %v", err))
	}
	return "-" + hex.EncodeToString(b[:])
}
