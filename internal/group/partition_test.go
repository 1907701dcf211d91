package group

import "testing"

// The values are what Java's String.hashCode and Kafka's Utils.abs give.
func TestGroupsBelongToKafkasPartitions(t *testing.T) {
	for id, want := range map[string]int32{
		"": 0, "a": 47, "console-consumer-12345": 6, "группа": 8, "😀": 49, "polygenelubricants": 0, "g1": 42, "my-group": 12,
	} {
		if got := Partition(id, 50); got != want {
			t.Errorf("group %q belongs to partition %d, want %d", id, got, want)
		}
	}
}
