package directory

import (
	"encoding/json"
	"hash/fnv"
	"io"
	"strings"
)

// partitions is how many partitions of the directory's topic are used. It is part of the format.
const partitions = 8

// partitionOf returns where the records about a stream are.
func partitionOf(topic, stream string) int32 {
	h := fnv.New64a()
	io.WriteString(h, topic)
	io.WriteString(h, "/")
	io.WriteString(h, stream)
	return int32(h.Sum64() % partitions)
}

// The kinds of keys.
const (
	claimKind = "claim"
	endKind   = "end"
	openKind  = "open"
)

// key is the name of a record about a stream.
type key struct{ kind, topic, topicID, claim, stream string }

func (k key) String() string {
	return k.kind + "/" + k.topic + "/" + k.topicID + "/" + k.claim + "/" + k.stream
}

// parseKey reads a key. Only the last part may have slashes.
func parseKey(s string) (k key, ok bool) {
	parts := strings.SplitN(s, "/", 5)
	if len(parts) != 5 || parts[0] != claimKind && parts[0] != endKind {
		return key{}, false
	}
	for _, p := range parts[1:] {
		if p == "" {
			return key{}, false
		}
	}
	return key{parts[0], parts[1], parts[2], parts[3], parts[4]}, true
}

type claimValue struct {
	Partition int32 `json:"partition"`
}

type endValue struct {
	Time int64 `json:"time"` // ms since 1970
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // numbers only
	}
	return b
}

func decodeClaim(b []byte) (partition int32, ok bool) {
	v := claimValue{Partition: -1}
	ok = json.Unmarshal(b, &v) == nil && v.Partition >= 0
	return v.Partition, ok
}

func decodeEnd(b []byte) (time int64, ok bool) {
	var v endValue
	ok = json.Unmarshal(b, &v) == nil
	return v.Time, ok
}
