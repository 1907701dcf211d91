package vfs

import (
	"maps"
	"math/rand/v2"
	"slices"

	"github.com/bobbinstream/bobbin/internal/invariant"
)

// Keep says what a crash leaves of what was not synced.
type Keep uint8

// What a crash leaves.
const (
	// KeepNone leaves what was synced.
	KeepNone Keep = iota
	// KeepRandom leaves of each file any subset of the blocks that were written since, the last ones torn at any byte, and of each
	// directory any number of the changes that came first.
	KeepRandom
	// KeepAll leaves everything: the process died, the machine did not. What was not synced still is not.
	KeepAll
)

// Crash says how the power, or the process, is lost.
type Crash struct {
	Keep Keep
	Rand *rand.Rand // for KeepRandom
}

// Crash returns the file system as it is found afterwards, without open files and locks. m stays as it is. Both share their blocks, so
// that an image costs little.
func (m *Mem) Crash(c Crash) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.crash(c)
}

// PowerOff is Crash, and ends m in the same moment: every operation on it fails from then on, so that whoever still runs on it can promise nothing that
// is not in the image.
func (m *Mem) PowerOff(c Crash) *Mem {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := m.crash(c)
	m.off = true
	return n
}

// crash is Crash under the lock.
func (m *Mem) crash(c Crash) *Mem {
	if c.Keep == KeepAll {
		n, _ := m.clone()
		n.count()
		return n
	}
	invariant.Check(c.Keep == KeepNone || c.Rand != nil, "a crash that keeps a random part needs a source of random numbers")
	s := survivors{crash: c, files: map[*inode]*inode{}, kept: map[*inode]int{}, seen: map[*inode]bool{}}
	n := &Mem{root: s.directory(m.root), now: m.now, capacity: m.capacity}
	n.count()
	return n
}

// count finds out what room the files take.
func (m *Mem) count() {
	m.used = 0
	m.root.walk(func(n *inode) { m.used += int64(n.data.allocated()) })
}

// survivors builds what is left of a tree.
type survivors struct {
	crash Crash
	files map[*inode]*inode // old to new: two names of one file stay so
	kept  map[*inode]int    // of a directory: how many of its changes are kept
	seen  map[*inode]bool   // directories that have a place
}

func (s *survivors) directory(old *inode) *inode {
	s.seen[old] = true
	n := newDir(old.mtime)
	names := maps.Clone(old.synced)
	settle(names, old.ops[:s.keep(old)], func(o *dirOp) bool {
		return o.durable || slices.Index(o.dir.ops, o) < s.keep(o.dir)
	})
	for _, name := range slices.Sorted(maps.Keys(names)) {
		e := names[name]
		switch {
		case !e.dir:
			n.entries[name] = s.file(e)
		case !s.seen[e]: // a directory has one name
			n.entries[name] = s.directory(e)
		}
	}
	maps.Copy(n.synced, n.entries)
	return n
}

func (s *survivors) keep(dir *inode) int {
	if s.crash.Keep == KeepNone {
		return 0
	}
	k, ok := s.kept[dir]
	if !ok {
		k = s.crash.Rand.IntN(len(dir.ops) + 1)
		s.kept[dir] = k
	}
	return k
}

func (s *survivors) file(old *inode) *inode {
	if n, ok := s.files[old]; ok {
		return n
	}
	n := &inode{mtime: old.mtime, links: 1}
	s.files[old] = n
	if s.crash.Keep == KeepRandom && len(old.pending) > 0 {
		n.data = old.afterCrash(s.crash.Rand)
	} else {
		n.data = old.disk.share()
	}
	n.disk = n.data.share()
	return n
}

// cloner copies a tree with all it knows of what is not synced.
type cloner struct {
	nodes map[*inode]*inode
	ops   map[*dirOp]*dirOp
}

// clone returns a copy of the file system, and which inode became which. Nothing is open or locked in it.
func (m *Mem) clone() (*Mem, *cloner) {
	c := &cloner{nodes: map[*inode]*inode{}, ops: map[*dirOp]*dirOp{}}
	return &Mem{root: c.inode(m.root), now: m.now, capacity: m.capacity, used: m.used}, c
}

func (c *cloner) inode(old *inode) *inode {
	if old == nil {
		return nil
	}
	if n, ok := c.nodes[old]; ok {
		return n
	}
	n := &inode{dir: old.dir, mtime: old.mtime, links: old.links}
	c.nodes[old] = n
	if !old.dir {
		n.data, n.disk = old.data.share(), old.disk.share()
		n.pending = slices.Clip(old.pending)
		return n
	}
	n.entries, n.synced = c.entries(old.entries), c.entries(old.synced)
	for _, o := range old.ops {
		n.ops = append(n.ops, c.op(o))
	}
	return n
}

func (c *cloner) entries(old map[string]*inode) map[string]*inode {
	n := make(map[string]*inode, len(old))
	for name, e := range old {
		n[name] = c.inode(e)
	}
	return n
}

func (c *cloner) op(old *dirOp) *dirOp {
	if old == nil {
		return nil
	}
	if o, ok := c.ops[old]; ok {
		return o
	}
	o := &dirOp{unset: old.unset, set: old.set, durable: old.durable}
	c.ops[old] = o
	o.dir, o.removed, o.node, o.after = c.inode(old.dir), c.inode(old.removed), c.inode(old.node), c.op(old.after)
	return o
}
