package kafka

import (
	"math"
	"strconv"
)

// Durability says in plain words what an acknowledged record of a topic with these settings can be lost by, as far as one
// broker is concerned; empty when the settings do not say. Copies on other brokers can hold what one loses.
func Durability(configs []Config) string {
	messages, okM := numberOf(configs, "flush.messages")
	ms, okT := numberOf(configs, "flush.ms")
	switch {
	case !okM || !okT:
		return ""
	case messages == 1 || ms == 0:
		return "sync: acknowledged when it is on the disk; a power cut loses nothing"
	case ms < math.MaxInt64:
		return "interval: the disk is synced every " + strconv.FormatInt(ms, 10) + " ms; a power cut loses at most that"
	case messages < math.MaxInt64:
		return "messages: the disk is synced every " + strconv.FormatInt(messages, 10) + " records of a partition; a power cut loses at most those"
	}
	return "os: the system writes to the disk when it likes; a power cut loses what it had not written"
}

func numberOf(configs []Config, name string) (int64, bool) {
	for _, c := range configs {
		if c.Name == name && !c.Null {
			n, err := strconv.ParseInt(c.Value, 10, 64)
			return n, err == nil
		}
	}
	return 0, false
}
