package group

import (
	"bytes"
	"slices"
	"strings"

	"github.com/twmb/franz-go/pkg/kmsg"
)

// member is one member of a group.
type member struct {
	group            *group
	id               string
	instance         *string // nil: a dynamic member
	clientID, host   string
	rebalanceTimeout int32 // milliseconds
	sessionTimeout   int32 // milliseconds
	protocolType     string
	protocols        []protocol // the one that it likes most first; after a restart only the one of the last generation
	assignment       []byte     // nil: none
	isNew            bool       // it joined for the first time and was not answered yet
	unsynced         bool       // its Sync is missing in this generation
	joining, syncing waiter
	session          timer
}

// protocol is one way to share the work that a member knows, with what it has to say for it. Both are never changed.
type protocol struct {
	name     string
	metadata []byte
}

// waiter is a request of a member that waits for its answer.
type waiter struct {
	on      bool
	token   Token // 0: nobody waits for the answer any more
	version int16
}

// metadata returns what the member says for a protocol.
func (mb *member) metadata(name *string) []byte {
	if name != nil {
		for _, p := range mb.protocols {
			if p.name == *name {
				return p.metadata
			}
		}
	}
	return []byte{}
}

// matches says whether the member knows just these protocols, with the same metadata.
func (mb *member) matches(protocols []kmsg.JoinGroupRequestProtocol) bool {
	return slices.EqualFunc(mb.protocols, protocols, func(p protocol, q kmsg.JoinGroupRequestProtocol) bool {
		return p.name == q.Name && bytes.Equal(p.metadata, q.Metadata)
	})
}

// protocolsOf copies the protocols of a request.
func protocolsOf(req *kmsg.JoinGroupRequest) []protocol {
	out := make([]protocol, len(req.Protocols))
	for i, p := range req.Protocols {
		out[i] = protocol{strings.Clone(p.Name), bytes.Clone(p.Metadata)}
	}
	return out
}

// startSession gives a member its session timeout from now on.
func (m *Machine) startSession(mb *member) {
	m.timers.start(&mb.session, m.now+int64(mb.sessionTimeout))
}

// awaitJoin lets the member wait for the answer to its Join. One that it waited for already is told to come again.
func (m *Machine) awaitJoin(mb *member, ev Join) {
	if mb.joining.on {
		m.answerJoin(mb, refused(mb.joining.version, mb.id, rebalanceInProgress))
	}
	mb.joining = waiter{on: true, token: ev.Token, version: ev.Request.Version}
	m.waiting[ev.Token] = mb
	mb.group.awaiting++
}

// answerJoin answers the Join that the member waits for.
func (m *Machine) answerJoin(mb *member, resp *kmsg.JoinGroupResponse) {
	token := mb.joining.token
	mb.joining = waiter{}
	mb.group.awaiting--
	if token != 0 {
		delete(m.waiting, token)
		m.reply(token, mb.group, resp)
	}
}

// answerSync answers the member's Sync, if it waits for it: with its assignment, or with an error.
func (m *Machine) answerSync(mb *member, code int16) {
	w := mb.syncing
	if !w.on {
		return
	}
	mb.syncing = waiter{}
	if code != unknownMember {
		m.startSession(mb) // it was not watched while it waited
	}
	if w.token != 0 {
		delete(m.waiting, w.token)
		m.reply(w.token, mb.group, syncAnswer(mb, w.version, code))
	}
}
