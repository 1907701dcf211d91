package vfs

import (
	"maps"
	"slices"
)

// dirOp is one change of a directory that is not synced. It removes a name, or sets one, or both at once: a rename.
type dirOp struct {
	dir     *inode
	unset   string // "" when it removes none
	removed *inode // what unset stood for
	set     string // "" when it sets none
	node    *inode // what set stands for
	// after is set for the old name of a rename from one directory to another. As file systems with a journal do it, the old name goes
	// only when the new one is durable: a crash may leave both names, but not none.
	after   *dirOp
	durable bool
}

func (o *dirOp) applyTo(entries map[string]*inode) {
	if o.unset != "" && entries[o.unset] == o.removed {
		delete(entries, o.unset)
	}
	if o.set != "" {
		entries[o.set] = o.node
	}
}

// set gives an inode a name in the directory.
func (n *inode) set(name string, e *inode) *dirOp {
	return n.do(&dirOp{dir: n, set: name, node: e})
}

func (n *inode) unset(name string, after *dirOp) {
	n.do(&dirOp{dir: n, unset: name, removed: n.entries[name], after: after})
}

func (n *inode) move(from, to string, e *inode) {
	n.do(&dirOp{dir: n, unset: from, removed: e, set: to, node: e})
}

func (n *inode) do(o *dirOp) *dirOp {
	if o.unset != "" {
		o.removed.links = 0
	}
	if o.set != "" {
		if old := n.entries[o.set]; old != nil {
			old.links = 0
		}
		o.node.links = 1
	}
	o.applyTo(n.entries)
	n.ops = append(n.ops, o)
	return o
}

// syncEntries makes the directory's names durable.
func (n *inode) syncEntries() {
	waiting := settle(n.synced, n.ops, func(o *dirOp) bool { return o.durable })
	for _, o := range n.ops {
		o.durable = !slices.Contains(waiting, o)
	}
	n.ops = waiting
}

// settle applies changes to a directory's durable names and returns those that must wait for another directory.
func settle(names map[string]*inode, ops []*dirOp, durable func(*dirOp) bool) (waiting []*dirOp) {
	for _, o := range ops {
		if o.after != nil && !durable(o.after) {
			waiting = append(waiting, o)
			continue
		}
		o.applyTo(names)
		if o.set != "" { // what waits to remove this name came before
			waiting = slices.DeleteFunc(waiting, func(w *dirOp) bool { return w.unset == o.set })
		}
	}
	return waiting
}

// syncTree makes all below the directory durable. Its second round settles renames from one directory to another.
func (n *inode) syncTree() {
	for range 2 {
		n.walk(func(e *inode) {
			if e.dir {
				e.syncEntries()
			} else {
				e.sync()
			}
		})
	}
}

// walk calls fn for the inode and all below it, in the order of names.
func (n *inode) walk(fn func(*inode)) {
	fn(n)
	for _, name := range slices.Sorted(maps.Keys(n.entries)) {
		n.entries[name].walk(fn)
	}
}

// holds says whether dir is the inode or below it.
func (n *inode) holds(dir *inode) (found bool) {
	n.walk(func(e *inode) { found = found || e == dir })
	return found
}
