package group

import "encoding/binary"

// readSubscriptions learns which topics the members of a consumer group subscribe to. They are not known when the group has another protocol type, or one of its
// members cannot be understood.
func (g *group) readSubscriptions() {
	g.topics, g.subscribed = nil, false
	if g.protocolType != consumerType {
		return
	}
	topics := map[string]struct{}{}
	for _, mb := range g.members {
		if g.protocol == nil || !subscription(mb.metadata(g.protocol), topics) {
			return
		}
	}
	g.topics, g.subscribed = topics, true
}

// subscribes says whether a member may read the topic; when it is not known, consumers may.
func (g *group) subscribes(topic string) bool {
	if !g.subscribed {
		return g.protocolType == consumerType
	}
	_, ok := g.topics[topic]
	return ok
}

// subscription adds the topics of a consumer's metadata: in all versions it starts with the version (2 bytes), the number of topics (4), each with its length (2),
// and the length of the user's data (4; -1 for none) and these.
func subscription(b []byte, topics map[string]struct{}) bool {
	if len(b) < 6 {
		return false
	}
	n := int32(binary.BigEndian.Uint32(b[2:]))
	b = b[6:]
	if n < 0 || int(n) > len(b)/2 {
		return false
	}
	for ; n > 0; n-- {
		if len(b) < 2 {
			return false
		}
		l := int(binary.BigEndian.Uint16(b))
		if b = b[2:]; l > len(b) {
			return false
		}
		topics[string(b[:l])] = struct{}{}
		b = b[l:]
	}
	if len(b) < 4 {
		return false
	}
	l := int32(binary.BigEndian.Uint32(b))
	return l < 0 || int(l) <= len(b)-4
}
