package broker

import (
	"fmt"

	"github.com/bobbinstream/bobbin/internal/catalog"
)

// Durability returns the level of topics that set none: sync, interval:100ms or os.
func (b *Broker) Durability() string { return b.store.Settings().Durability().String() }

// DurabilityInWords says what an acknowledgement means and what can be lost.
func (b *Broker) DurabilityInWords() string {
	d := b.store.Settings().Durability()
	switch d.Level {
	case catalog.Sync:
		return "a record is acknowledged when it is on the disk: a crash or a power cut loses nothing"
	case catalog.Interval:
		return fmt.Sprintf("a record is acknowledged when it is written, and synced every %d ms: a crash of the broker loses nothing, a power cut at most the last %d ms", d.IntervalMs, d.IntervalMs)
	}
	return "a record is acknowledged when it is written, and synced when the system likes: a crash of the broker loses nothing, a power cut what was not synced yet"
}
