package vfs

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// syncFSFrom is how many files must be dirty for one sync of the whole file system to cost less than one of each.
const syncFSFrom = 9

// Sync makes the dirty ones among the files durable. What is not open was synced when it was closed.
func (c *Cache) Sync(names ...string) error {
	return c.syncEach(c.pinDirty(func(e *entry) bool { return slices.Contains(names, e.key.name) }))
}

// SyncDirty makes all dirty files durable. When they are many, it syncs the whole file system in which dir lies, if that is possible.
func (c *Cache) SyncDirty(dir string) error {
	return c.syncAll(c.pinDirty(func(*entry) bool { return true }), dir)
}

// together says whether one sync of the file system costs less than one of each of n files. Under the lock.
func (c *Cache) together(n int) bool { return n >= syncFSFrom && !c.noFS }

// syncAll syncs pinned files, each or all of the file system, and unpins them.
func (c *Cache) syncAll(es []*entry, dir string) error {
	c.mu.Lock()
	together := c.together(len(es))
	c.mu.Unlock()
	if !together {
		return c.syncEach(es)
	}
	err := c.syncTogether(es, func() error { return c.fs.SyncFS(dir) })
	if errors.Is(err, errors.ErrUnsupported) {
		c.mu.Lock()
		c.noFS = true
		c.mu.Unlock()
		return c.syncEach(es)
	}
	c.unpinAll(es)
	return err
}

// syncEach syncs pinned files in the order of names, and unpins them.
func (c *Cache) syncEach(es []*entry) error {
	defer c.unpinAll(es)
	var errs []error
	for _, same := range c.byName(es) {
		errs = append(errs, c.syncFile(same))
	}
	return errors.Join(errs...)
}

// byName groups entries: a file that is open both directly and through the page cache needs one sync.
func (c *Cache) byName(es []*entry) [][]*entry {
	c.mu.Lock()
	defer c.mu.Unlock()
	groups := map[string][]*entry{}
	for _, e := range es {
		groups[e.key.name] = append(groups[e.key.name], e)
	}
	var sorted [][]*entry
	for _, name := range slices.Sorted(maps.Keys(groups)) {
		sorted = append(sorted, groups[name])
	}
	return sorted
}

func (c *Cache) syncFile(es []*entry) error { return c.syncTogether(es, es[0].file.Sync) }

// syncTogether runs a sync that covers some pinned files. It fails without trying when one of them failed before: a second sync of the
// same file can succeed without having written anything.
func (c *Cache) syncTogether(es []*entry, sync func() error) error {
	c.mu.Lock()
	upTo := make([]uint64, len(es))
	var failed []string
	for i, e := range es {
		upTo[i] = e.written.Load()
		if e.failed && !e.forgotten {
			failed = append(failed, e.key.name)
		}
	}
	first := c.err
	c.mu.Unlock()
	if len(failed) > 0 {
		return fmt.Errorf("sync %s: an earlier sync failed, restart to recover: %w", failed[0], first)
	}

	err := sync()
	if errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	c.mu.Lock()
	wanted := false
	for i, e := range es {
		wanted = wanted || !e.forgotten
		if err == nil {
			e.synced = max(e.synced, upTo[i])
		} else {
			e.failed = true
		}
	}
	if err != nil && !wanted { // of files that are going to be deleted
		c.mu.Unlock()
		return nil
	}
	var tell func(error)
	if err != nil && c.err == nil {
		c.err, tell = err, c.onError
	}
	c.mu.Unlock()
	if tell != nil {
		tell(err)
	}
	return err
}

func (c *Cache) unpinAll(es []*entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range es {
		c.unpin(e)
	}
}

// Dirty counts the open files that have writes that are not synced.
func (c *Cache) Dirty() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, e := range c.files {
		if e.dirty() {
			n++
		}
	}
	return n
}

// Err returns the first error of a sync. From then on the file is dirty for good.
func (c *Cache) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// OnSyncError sets what is called with the first error of a sync, by the goroutine that ran the sync and without a lock.
func (c *Cache) OnSyncError(fn func(error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.onError = fn
}
