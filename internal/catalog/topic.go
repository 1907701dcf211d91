package catalog

import (
	"encoding/base64"
	"fmt"
)

// ID is a topic's id: 128 random bits that no other topic has, not even a later one of the same name (KIP-516).
type ID [16]byte

// IsReserved reports whether id is one of those that Kafka keeps for itself: all zero (no id) and 1 (the metadata
// topic).
func (id ID) IsReserved() bool { return id == ID{} || id == ID{15: 1} }

// String returns the form that Kafka's tools and partition.metadata use: 22 characters of URL-safe base64.
func (id ID) String() string { return base64.RawURLEncoding.EncodeToString(id[:]) }

// ParseID reads what String writes.
func ParseID(s string) (ID, error) {
	var id ID
	if len(s) != base64.RawURLEncoding.EncodedLen(len(id)) {
		return ID{}, fmt.Errorf("catalog: topic id %.40q: want 22 characters", s)
	}
	if _, err := base64.RawURLEncoding.Strict().Decode(id[:], []byte(s)); err != nil {
		return ID{}, fmt.Errorf("catalog: topic id %q: %w", s, err)
	}
	return id, nil
}

// Topic is one topic as it is. It is immutable, its map too: a change puts another Topic in its place, so that a
// reader may keep the pointer for as long as it likes.
type Topic struct {
	Name           string
	ID             ID
	Partitions     int32             // numbered from 0
	Configs        map[string]string // only what was set for this topic, under Kafka's names; nil when nothing was
	CreatedVersion uint64            // the catalog's version that the creation made
	CreatedEpoch   int32             // the catalog's epoch then
}

// Internal reports whether the broker keeps its own records in the topic (the is_internal of a Metadata response).
func (t *Topic) Internal() bool { return IsInternal(t.Name) }

// IsInternal reports whether name belongs to a topic of the broker's own.
func IsInternal(name string) bool {
	return name == "__consumer_offsets" || name == "__transaction_state" || name == "__share_group_state"
}
