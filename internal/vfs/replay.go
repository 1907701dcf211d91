package vfs

import (
	"io"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Replay returns a replay of what is recorded so far.
func (r *Recorder) Replay() *Replayer {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.start.mu.Lock()
	defer r.start.mu.Unlock()
	m, _ := r.start.clone()
	p := &Replayer{m: m, steps: r.steps[:len(r.steps):len(r.steps)]}
	p.help()
	return p
}

// Replayer makes the recorded changes again, one by one. It is not for several goroutines.
type Replayer struct {
	m     *Mem
	steps []step // those to come
	files []*memFile
	index int
}

// Index returns how many changes were made, which is the index of the next one.
func (p *Replayer) Index() int { return p.index }

// Op describes the next change, or is "" at the end.
func (p *Replayer) Op() string {
	if len(p.steps) == 0 {
		return ""
	}
	return p.steps[0].String()
}

// Next makes the next change, and returns false when there is none.
func (p *Replayer) Next() bool {
	if len(p.steps) == 0 {
		return false
	}
	p.apply()
	p.index++
	p.help()
	return true
}

// help opens and closes files up to the next change.
func (p *Replayer) help() {
	for len(p.steps) > 0 && p.steps[0].helper {
		p.apply()
	}
}

func (p *Replayer) apply() {
	s := p.steps[0]
	p.steps = p.steps[1:]
	var err error
	switch s.op {
	case OpOpen:
		var f *memFile
		f, _, err = p.m.open(s.name, s.mode&^Direct) // the recorded data is not aligned in memory
		p.files = append(p.files, f)
	case opClose:
		err = p.files[s.file].Close()
		p.files[s.file] = nil
	case OpWrite:
		_, err = p.files[s.file].WriteAt(s.data, s.off)
	case OpTruncate:
		err = p.files[s.file].Truncate(s.n)
	case OpAllocate:
		err = p.files[s.file].Allocate(s.off, s.n)
	case OpSync:
		err = p.files[s.file].Sync()
	case OpRemove:
		err = p.m.Remove(s.name)
	case OpRename:
		err = p.m.Rename(s.name, s.to)
	case OpMkdir:
		err = p.m.MkdirAll(s.name)
	case OpSyncDir:
		err = p.m.SyncDir(s.name)
	case OpSyncFS:
		err = p.m.SyncFS(s.name)
	case OpLock:
		var l io.Closer
		if l, err = p.m.Lock(s.name); err == nil {
			err = l.Close()
		}
	}
	invariant.Check(err == nil, "replay of %q: %v", s.event, err)
}

// CrashAt returns the file system as found after a crash during the next change. If that is a write, a part of it of any length was
// written; without Crash.Rand, nothing of it.
func (p *Replayer) CrashAt(c Crash) *Mem {
	if len(p.steps) == 0 || p.steps[0].op != OpWrite || c.Rand == nil || c.Keep == KeepNone {
		return p.m.Crash(c)
	}
	s := p.steps[0]
	p.m.mu.Lock()
	m, cl := p.m.clone()
	p.m.mu.Unlock()
	if n := cl.nodes[p.files[s.file].n]; n != nil { // nil: a file without a name is lost
		size := c.Rand.IntN(len(s.data) + 1)
		n.write(s.data[:size], size, s.off, noLimit)
	}
	return m.Crash(c)
}
