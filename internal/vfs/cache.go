package vfs

import (
	"container/list"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"sync"
)

// syncAttempts bounds how many dirty files a Get syncs to make room before it goes over the limit.
const syncAttempts = 4

// Cache keeps a bounded number of files open. It knows which of them have writes that are not synced, and closes none of those: it
// syncs them before, many at one time. The limit is exceeded only while more files are in use, are being synced or cannot be synced.
type Cache struct {
	fs    FS
	limit int

	mu      sync.Mutex // guards all below, and the fields of entries that say so
	files   map[key]*entry
	idle    *list.List // of *entry that nobody holds, the longest unused first
	open    int        // files open, being opened or being closed
	busy    map[string]chan struct{}
	noFS    bool // the file system has no SyncFS
	making  bool // somebody syncs files to make room; others exceed the limit meanwhile
	err     error
	onError func(error)
	closed  bool
}

// key names an open file. One name can be open three times: a file for reading only is shared with none that is written, and a direct
// one is a file of its own.
type key struct {
	name string
	kind Mode // ReadOnly or ReadWrite, and Direct
}

func keyOf(name string, mode Mode) key {
	if mode.Base() == ReadOnly {
		return key{name, mode}
	}
	return key{name, ReadWrite | mode&Direct}
}

// NewCache returns a cache that keeps up to limit files open.
func NewCache(fsys FS, limit int) *Cache {
	return &Cache{fs: fsys, limit: limit, files: map[key]*entry{}, idle: list.New(), busy: map[string]chan struct{}{}}
}

// Get returns a handle on a file, which the caller must release. A file that is open already is shared; callers that ask at the same
// time wait for one open. ReadOnly may give a handle that could write. Who replaces or removes a file by other means than the cache calls
// Forget.
func (c *Cache) Get(name string, mode Mode) (*Handle, error) {
	for {
		e, opener, err := c.hold(name, mode)
		if err != nil {
			return nil, err
		}
		if opener {
			e.file, e.err = c.fs.Open(name, mode)
			close(e.ready)
		} else {
			<-e.ready
		}
		if e.err == nil {
			return &Handle{File: e.file, c: c, e: e}, nil
		}
		c.dropFailed(e, opener)
		if opener || e.mode == mode {
			return nil, e.err
		}
	}
}

// hold finds a file's entry or makes one, which the caller then has to open, and takes a reference.
func (c *Cache) hold(name string, mode Mode) (e *entry, opener bool, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	attempts := syncAttempts
	for {
		c.waitWhileBusy(name)
		if c.closed {
			return nil, false, pathError("open", name, fs.ErrClosed)
		}
		if e := c.find(name, mode); e != nil {
			if mode.Base() == CreateNew {
				return nil, false, pathError("open", name, fs.ErrExist)
			}
			c.pin(e)
			return e, false, nil
		}
		if c.open < c.limit || !c.makeRoom(&attempts) {
			e := &entry{key: keyOf(name, mode), mode: mode, ready: make(chan struct{}), refs: 1}
			c.files[e.key] = e
			c.open++
			return e, true, nil
		}
	}
}

// find returns the open file that serves a mode. Under the lock.
func (c *Cache) find(name string, mode Mode) *entry {
	if e := c.files[keyOf(name, mode)]; e != nil || mode.Base() != ReadOnly {
		return e
	}
	return c.files[keyOf(name, ReadWrite|mode&Direct)]
}

// dropFailed gives up a reference to an entry that could not be opened, and lets the next Get try again.
func (c *Cache) dropFailed(e *entry, opener bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e.refs--
	c.detach(e)
	if opener {
		c.open--
	}
}

// waitWhileBusy waits for a rename of the name. It gives up the lock meanwhile.
func (c *Cache) waitWhileBusy(name string) {
	for {
		ch := c.busy[name]
		if ch == nil {
			return
		}
		c.mu.Unlock()
		<-ch
		c.mu.Lock()
	}
}

// makeRoom closes the file that was unused for longest, or syncs what may be closed then, and says whether it did either. It gives
// up the lock meanwhile. Under the lock.
func (c *Cache) makeRoom(attempts *int) bool {
	for el := c.idle.Front(); el != nil; el = el.Next() {
		if e := el.Value.(*entry); !e.dirty() {
			c.evict(e)
			return true
		}
	}
	if *attempts == 0 || c.making {
		return false
	}
	var dirty []*entry
	for el := c.idle.Front(); el != nil; el = el.Next() {
		if e := el.Value.(*entry); !e.failed {
			dirty = append(dirty, e)
		}
	}
	if len(dirty) == 0 {
		return false
	}
	if !c.together(len(dirty)) {
		dirty = dirty[:1]
	}
	*attempts--
	c.making = true
	defer func() { c.making = false }()
	for _, e := range dirty {
		c.pin(e)
	}
	c.mu.Unlock()
	c.syncAll(dirty, filepath.Dir(dirty[0].key.name)) // what fails is kept in c.err, and the file stays open
	c.mu.Lock()
	return true
}

// pin takes a reference. Under the lock.
func (c *Cache) pin(e *entry) {
	e.refs++
	if e.idle != nil {
		c.idle.Remove(e.idle)
		e.idle = nil
	}
}

// unpin gives a reference up. The last one of a file that was forgotten closes it. It may give up the lock meanwhile. Under the lock.
func (c *Cache) unpin(e *entry) {
	e.refs--
	switch {
	case e.refs > 0:
	case e.forgotten:
		c.close(e)
	default:
		e.idle = c.idle.PushBack(e)
		c.trim()
	}
}

// trim closes what may be closed while the limit is exceeded. Under the lock.
func (c *Cache) trim() {
	none := 0
	for c.open > c.limit && c.makeRoom(&none) {
	}
}

// evict closes an idle file without unsynced writes. Under the lock, which it gives up meanwhile.
func (c *Cache) evict(e *entry) {
	c.detach(e)
	c.close(e)
}

// detach takes an entry out of the cache; its file stays open. Under the lock.
func (c *Cache) detach(e *entry) {
	if c.files[e.key] == e {
		delete(c.files, e.key)
	}
	if e.idle != nil {
		c.idle.Remove(e.idle)
		e.idle = nil
	}
	e.forgotten = true
}

// close closes the file of a detached entry. Its error tells nothing: what was written is synced or not wanted. Under the lock, which
// it gives up meanwhile.
func (c *Cache) close(e *entry) {
	c.mu.Unlock()
	e.file.Close()
	c.mu.Lock()
	c.open--
}

// Forget drops a file that is going to be deleted, without a sync. Handles that are held go on working; the last one closes it.
func (c *Cache) Forget(name string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.waitWhileBusy(name)
	c.forget(name)
}

func (c *Cache) forget(name string) {
	for _, e := range c.named(name) {
		c.detach(e)
		if e.refs == 0 {
			c.close(e)
		}
	}
}

// named returns the entries of a name. Under the lock.
func (c *Cache) named(name string) (es []*entry) {
	for _, kind := range [...]Mode{ReadOnly, ReadOnly | Direct, ReadWrite, ReadWrite | Direct} {
		if e := c.files[key{name, kind}]; e != nil {
			es = append(es, e)
		}
	}
	return es
}

// Rename renames the file and keeps it open under its new name. Open files that it replaces are forgotten. A Get of either name waits.
func (c *Cache) Rename(from, to string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from == to {
		return nil
	}
	for c.busy[from] != nil || c.busy[to] != nil {
		c.waitWhileBusy(from)
		c.waitWhileBusy(to)
	}
	done := make(chan struct{})
	c.busy[from], c.busy[to] = done, done
	defer func() {
		delete(c.busy, from)
		delete(c.busy, to)
		close(done)
	}()
	opening := append(c.named(from), c.named(to)...)
	c.mu.Unlock()
	for _, e := range opening {
		<-e.ready
	}
	err := c.fs.Rename(from, to)
	c.mu.Lock()
	if err != nil {
		return err
	}
	c.forget(to)
	for _, e := range c.named(from) {
		delete(c.files, e.key)
		e.key.name = to
		c.files[e.key] = e
	}
	return nil
}

// Close syncs what is dirty and closes all files. A file that is in use is closed by its last Release, and counted in the error.
func (c *Cache) Close() error {
	c.mu.Lock()
	if c.closed {
		c.mu.Unlock()
		return nil
	}
	c.closed = true
	c.mu.Unlock()
	err := c.syncEach(c.pinDirty(func(*entry) bool { return true }))

	c.mu.Lock()
	defer c.mu.Unlock()
	inUse := 0
	for len(c.files) > 0 {
		for _, e := range c.files {
			c.detach(e)
			if e.refs == 0 {
				c.close(e)
			} else {
				inUse++
			}
			break // close gave up the lock
		}
	}
	if inUse > 0 {
		err = errors.Join(err, fmt.Errorf("close files: %d still in use", inUse))
	}
	return err
}

// pinDirty takes a reference to each dirty file that match chooses.
func (c *Cache) pinDirty(match func(*entry) bool) (es []*entry) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, e := range c.files {
		if e.dirty() && match(e) {
			c.pin(e)
			es = append(es, e)
		}
	}
	return es
}
