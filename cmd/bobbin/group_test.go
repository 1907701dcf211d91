package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/bobbinstream/bobbin/internal/kafka"
)

// clusters are those that the commands of groups are tried on: a broker in this process and, with KAFKA_BOOTSTRAP set, a real Kafka.
func clusters(t *testing.T) map[string]*kafka.Client {
	all := map[string]*kafka.Client{"bobbin": memoryCluster(t)}
	if addr := os.Getenv("KAFKA_BOOTSTRAP"); addr != "" {
		c, err := kafka.Open(kafka.Options{Brokers: strings.Split(addr, ",")})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		all["kafka"] = c
	}
	return all
}

// A group reads, goes on where it ended, is shown with its lag, is reset only when nobody uses it, and is deleted.
func TestGroupsAreReadResetAndDeleted(t *testing.T) {
	for name, c := range clusters(t) {
		t.Run(name, func(t *testing.T) {
			if _, err := c.Groups(t.Context()); err != nil {
				t.Skipf("the cluster serves no groups: %v", err)
			}
			topic := fmt.Sprintf("group-test-%d", time.Now().UnixNano())
			group := topic + "-g"
			create(t, c, topic, 2)
			t.Cleanup(func() { c.DeleteTopic(t.Context(), topic) })
			var all []kafka.Record
			for i := range 10 {
				all = append(all, kafka.Record{Topic: topic, Partition: int32(i % 2), Value: fmt.Appendf(nil, "%d", i)})
			}
			send(t, c, all...)
			open := func() *kafka.GroupReader {
				r, err := c.NewGroupReader(t.Context(), kafka.GroupReaderOptions{Group: group, Topic: topic, From: kafka.Start()})
				if err != nil {
					t.Fatal(err)
				}
				return r
			}
			seen := map[string]int{}
			read := func(r *kafka.GroupReader, n int) {
				t.Helper()
				for n > 0 {
					records, err := r.Poll(t.Context(), n)
					if err != nil {
						t.Fatal(err)
					}
					for _, k := range records {
						seen[string(k.Value)]++
					}
					n -= len(records)
					if err := r.Commit(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			r := open()
			read(r, 4)
			g, err := c.Group(t.Context(), group)
			if err != nil || len(g.Members) != 1 || len(g.Partitions) != 2 || g.State != "Stable" {
				t.Fatalf("%v, %+v", err, g)
			}
			lag := describeGroup(g).Lag
			for _, p := range g.Partitions {
				if p.Committed < 0 { // nothing of it was read yet
					lag += p.End
				}
			}
			if lag != 6 {
				t.Errorf("lag %d: %+v", lag, g.Partitions)
			}
			var text bytes.Buffer
			describeGroup(g).text(&text)
			if !strings.Contains(text.String(), "CURRENT-OFFSET\tLOG-END-OFFSET\tLAG\tCONSUMER-ID\tHOST\tCLIENT-ID") {
				t.Error(text.String())
			}
			if _, err := c.PlanReset(t.Context(), group, topic, nil, kafka.Start()); err == nil {
				t.Error("a group with a member can be reset")
			}
			if err := c.DeleteGroup(t.Context(), group); err == nil {
				t.Error("a group with a member can be deleted")
			}
			r.Close()
			r = open()
			read(r, 6)
			r.Close()
			for v, n := range seen {
				if n != 1 {
					t.Errorf("record %s was read %d times", v, n)
				}
			}
			plan, err := c.PlanReset(t.Context(), group, topic, nil, kafka.At(3))
			if err != nil || len(plan) != 2 || plan[0].Current != 5 || plan[0].New != 3 || plan[1].New != 3 {
				t.Fatalf("%v, %+v", err, plan)
			}
			if g, err = c.Group(t.Context(), group); err != nil || g.Partitions[0].Committed != 5 || !g.Idle() {
				t.Errorf("a plan changed something: %v, %+v", err, g)
			}
			if err := c.CommitOffsets(t.Context(), group, plan); err != nil {
				t.Fatal(err)
			}
			if g, err = c.Group(t.Context(), group); err != nil || describeGroup(g).Lag != 4 {
				t.Errorf("after the reset: %v, %+v", err, g)
			}
			if err := c.DeleteGroup(t.Context(), group); err != nil {
				t.Fatal(err)
			}
			if _, err := c.Group(t.Context(), group); kafka.KindOf(err) != kafka.NotFound {
				t.Errorf("after the deletion: %v", err)
			}
			if plan, err = c.PlanReset(t.Context(), group, topic, []int32{1}, kafka.End()); err != nil || len(plan) != 1 || plan[0].Current != -1 || plan[0].New != 5 {
				t.Errorf("a group that is not there: %v, %+v", err, plan)
			}
		})
	}
}
