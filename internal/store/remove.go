package store

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

const deletedSuffix = "-delete"

// removals collects the topics whose directories are to go.
type removals struct {
	mu     sync.Mutex
	topics []*Topic
	wake   chan struct{}
}

func (r *removals) init() { r.wake = make(chan struct{}, 1) }

func (r *removals) add(t *Topic) {
	r.mu.Lock()
	r.topics = append(r.topics, t)
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *removals) take() []*Topic {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := r.topics
	r.topics = nil
	return all
}

const removeRetry = 200 * time.Millisecond

// removeLoop removes the directories of deleted topics.
func (s *Store) removeLoop() {
	for {
		select {
		case <-s.ctx.Done():
			return
		case <-s.removals.wake:
		}
		s.removeDoomed()
	}
}

// removeDoomed renames the directories of topics whose deletion is durable, syncs that, and removes them. A full disk makes it try again later; any
// other error ends the store, since a name would stay taken by files that are nobody's.
func (s *Store) removeDoomed() {
	topics := s.removals.take()
	if len(topics) == 0 {
		return
	}
	for _, t := range topics {
		for i := range t.Partitions {
			for {
				err := renameDeleted(s.opts.FS, s.opts.Dir, t.Name, int32(i), t.ID, false)
				if err == nil {
					break
				}
				if !vfs.IsNoSpace(err) {
					s.fail(err)
					return
				}
				select {
				case <-s.ctx.Done():
					return
				case <-time.After(removeRetry):
				}
			}
		}
	}
	if err := s.opts.FS.SyncDir(s.opts.Dir); err != nil {
		s.fail(fmt.Errorf("sync the data directory after a deletion: %w", err))
		return
	}
	s.mu.Lock()
	for _, t := range topics {
		for i := range s.doomed {
			if s.doomed[i].id == t.ID {
				s.doomed[i].released = true
			}
		}
		if free := s.leaving[t.Name]; free != nil {
			close(free)
			delete(s.leaving, t.Name)
		}
	}
	s.mu.Unlock()
	for _, t := range topics {
		for i := range t.Partitions {
			dir := deletedDir(s.opts.Dir, t.Name, int32(i), t.ID)
			if err := vfs.RemoveAll(s.opts.FS, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				// The next start removes it.
				s.opts.Log.Warn("the directory of a deleted partition cannot be removed", "dir", dir, "err", err)
			}
		}
	}
}

// released returns the doomed topics whose directories have lost their names durably.
func (s *Store) released() map[catalog.ID]bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make(map[catalog.ID]bool)
	for _, d := range s.doomed {
		if d.released {
			ids[d.id] = true
		}
	}
	return ids
}

// forget drops doomed topics that no frame behind the last checkpoint belongs to.
func (s *Store) forget(ids map[catalog.ID]bool) {
	if len(ids) == 0 {
		return
	}
	s.mu.Lock()
	s.doomed = slices.DeleteFunc(slices.Clone(s.doomed), func(d doomed) bool { return ids[d.id] })
	s.mu.Unlock()
}

func deletedDir(dir, topic string, partition int32, id catalog.ID) string {
	return filepath.Join(dir, commitlog.DirName(topic, partition)+"."+id.String()+deletedSuffix)
}

// renameDeleted takes a deleted partition's directory out of the way, if it is there and is the partition's. taken says that a newer topic has the name.
func renameDeleted(fsys vfs.FS, dir, topic string, partition int32, id catalog.ID, taken bool) error {
	from := filepath.Join(dir, commitlog.DirName(topic, partition))
	have, err := commitlog.ReadMetadata(fsys, from)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, commitlog.ErrUnnamed): // a crash came before its first checkpoint
		if _, err := fsys.Stat(from); err != nil || taken {
			return nil // it never had a directory, or that is a newer topic's
		}
	case err != nil:
		return fmt.Errorf("remove %s: %w", from, err)
	case have != id:
		return nil // a newer topic's
	}
	if err := fsys.Rename(from, deletedDir(dir, topic, partition, id)); err != nil {
		return fmt.Errorf("remove %s: %w", from, err)
	}
	return nil
}

// sweep brings the data directory in order after a replay: directories of deleted topics go, those that belong to nobody are put in quarantine. It
// returns the directories that do not say whose they are, with the reason.
func (s *Store) sweep(gone []doomed) (unnamed map[string]error, err error) {
	for _, d := range gone {
		for p := range d.partitions {
			if err := renameDeleted(s.opts.FS, s.opts.Dir, d.name, p, d.id, s.byName[d.name] != nil); err != nil {
				return nil, err
			}
		}
	}
	infos, err := s.opts.FS.List(s.opts.Dir)
	if err != nil {
		return nil, err
	}
	unnamed = make(map[string]error)
	changed := len(gone) > 0
	var remove []string
	for _, i := range infos {
		if !i.Dir || i.Name == walDir || i.Name == checkpointDir || i.Name == quarantineDir {
			continue
		}
		path := filepath.Join(s.opts.Dir, i.Name)
		if name, ok := strings.CutSuffix(i.Name, deletedSuffix); ok {
			if id, err := catalog.ParseID(name[strings.LastIndexByte(name, '.')+1:]); err == nil && s.byID[id] == nil {
				remove = append(remove, path)
				continue
			}
		}
		why, err := s.stranger(path, i.Name)
		if err != nil {
			unnamed[i.Name] = err
		}
		if why == "" {
			continue
		}
		if err := s.quarantine(path, i.Name, why); err != nil {
			return nil, err
		}
		changed = true
	}
	if changed {
		if err := s.opts.FS.SyncDir(s.opts.Dir); err != nil {
			return nil, err
		}
	}
	for _, path := range remove {
		if err := vfs.RemoveAll(s.opts.FS, path); err != nil {
			return nil, fmt.Errorf("remove a deleted partition: %w", err)
		}
	}
	return unnamed, nil
}

// stranger says why a directory is not a partition's; empty when it is one's, or may become one's. The error says why it does not tell.
func (s *Store) stranger(path, name string) (why string, err error) {
	dash := strings.LastIndexByte(name, '-')
	if dash < 0 {
		return "", nil // not ours, and not in our way
	}
	id, err := commitlog.ReadMetadata(s.opts.FS, path)
	t := s.byName[name[:dash]]
	switch {
	case err != nil:
		return "", err // a crash came before its first file, or it is damaged
	case t == nil:
		return "no-topic", nil
	case t.ID != id:
		return "other-topic", nil
	}
	return "", nil
}

func (s *Store) quarantine(path, name, why string) error {
	if err := s.opts.FS.MkdirAll(filepath.Join(s.opts.Dir, quarantineDir)); err != nil {
		return err
	}
	to := filepath.Join(s.opts.Dir, quarantineDir, fmt.Sprintf("%s.%s.%d", name, why, s.now()))
	if err := s.opts.FS.Rename(path, to); err != nil {
		return fmt.Errorf("put %s in quarantine: %w", name, err)
	}
	s.opts.Log.Warn("a directory that belongs to no partition was put in quarantine", "dir", name, "to", to, "why", why)
	return s.opts.FS.SyncDir(filepath.Join(s.opts.Dir, quarantineDir))
}
