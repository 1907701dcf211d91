package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// recover brings the store to what the directory says. It reads the log's tail before it changes a file.
func (s *Store) recover(ctx context.Context) error {
	dir, fsys := s.opts.Dir, s.opts.FS
	id, err := readIdentity(fsys, dir)
	if err != nil {
		return err
	}
	if err := s.checkCluster(id); err != nil {
		return err
	}
	ck, err := s.loadCheckpoint(id)
	if err != nil {
		return err
	}
	if id == nil {
		if id, err = newIdentity(s.opts.Random, int32(s.opts.Settings.Int("node.id"))); err != nil {
			return err
		}
		s.start.New = true
	}
	s.ident = id
	r := replay{store: s, ck: ck, deleted: make(map[catalog.ID]doomed)}
	if err := r.restore(); err != nil {
		return err
	}
	end, err := r.scan(ctx)
	if err != nil {
		return err
	}
	// From here on files are changed.
	if err := s.prepareDirectory(ck); err != nil {
		return err
	}
	s.wal, err = wal.Open(wal.Options{
		FS: fsys, Dir: filepath.Join(dir, walDir), FileSize: s.opts.WALFileBytes, MaxBytes: s.opts.WALBytes, SealAfter: s.opts.SealAfter,
		Salt: s.salt, OnPressure: s.checkpoints.kick, OnFile: s.checkpoints.walGrew, OnFailure: s.walFailed,
	}, end)
	if err != nil {
		return err
	}
	s.eng.SetDurable(s.wal)
	if err := r.settle(); err != nil {
		return err
	}
	s.checkpoints.last, s.checkpoints.lastPos = ck.number, ck.pos
	if s.start.New {
		if err := id.write(fsys, dir); err != nil {
			return err
		}
	}
	if s.start.Clean {
		return nil
	}
	if _, err := s.submit(ctx, wal.Recovery, func() (catalog.Change, error) { return catalog.UncleanStart{}, nil }); err != nil {
		return err
	}
	for _, t := range s.byName {
		for _, l := range t.Partitions {
			l.SetEpoch(s.catalog.LeaderEpoch(t.Catalog))
		}
	}
	return nil
}

func (s *Store) checkCluster(id *identity) error {
	want := s.opts.ExpectClusterID
	switch {
	case want == "":
	case id == nil:
		return &LostError{Dir: s.opts.Dir, Detail: fmt.Sprintf("it is empty, but cluster id %s is expected; is the right disk mounted?", want)}
	case id.clusterID != want:
		return &LostError{Dir: s.opts.Dir, Detail: fmt.Sprintf("it belongs to cluster id %s, not to %s", id.clusterID, want)}
	}
	return nil
}

// loadCheckpoint returns the newest valid checkpoint, and an empty one for a directory that was never opened.
func (s *Store) loadCheckpoint(id *identity) (*checkpoint, error) {
	dir := s.opts.Dir
	numbers, _, err := listCheckpoints(s.opts.FS, dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("list checkpoints: %w", err)
	}
	if id == nil {
		return s.firstCheckpoint(numbers)
	}
	if len(numbers) == 0 {
		return nil, &LostError{Dir: dir, Detail: "it has an identity (meta.properties) but no checkpoint; it was opened before and has lost it. Restore the folder checkpoint from a copy"}
	}
	var damage error
	for _, n := range numbers {
		ck, err := readCheckpoint(s.opts.FS, dir, n)
		if err == nil {
			if damage != nil {
				s.opts.Log.Error("the newest checkpoint is damaged; the one before it is used, with more of the write-ahead log", "err", damage, "used", n)
			}
			return ck, nil
		}
		var d *DamagedError
		if !errors.As(err, &d) {
			return nil, err
		}
		if damage == nil {
			damage = err
		}
	}
	return nil, damage
}

// firstCheckpoint is for a directory without an identity: it is new, or its first start was cut off before anything was acknowledged.
func (s *Store) firstCheckpoint(numbers []uint64) (*checkpoint, error) {
	if len(numbers) > 0 && numbers[0] > 1 {
		return nil, &LostError{Dir: s.opts.Dir, Detail: "it has checkpoints but no identity (meta.properties). Restore that file from a copy"}
	}
	infos, err := s.opts.FS.List(s.opts.Dir)
	if err != nil {
		return nil, err
	}
	for _, i := range infos {
		if _, err := commitlog.ReadMetadata(s.opts.FS, filepath.Join(s.opts.Dir, i.Name)); i.Dir && err == nil {
			return nil, &LostError{Dir: s.opts.Dir, Detail: fmt.Sprintf("it has partitions (%s) but no identity (meta.properties). Restore that file from a copy, or use an empty directory", i.Name)}
		}
	}
	return &checkpoint{pos: wal.Start(), clean: true}, nil
}

// prepareDirectory makes the folders, and the first checkpoint of a new directory.
func (s *Store) prepareDirectory(ck *checkpoint) error {
	for _, d := range []string{walDir, checkpointDir} {
		if err := s.opts.FS.MkdirAll(filepath.Join(s.opts.Dir, d)); err != nil {
			return err
		}
	}
	if ck.number > 0 {
		return nil
	}
	ck.number, ck.written, ck.catalog = 1, s.now(), s.catalog.AppendSnapshot(nil)
	if err := ck.write(s.opts.FS, s.opts.Dir); err != nil {
		return err
	}
	return s.opts.FS.SyncDir(s.opts.Dir)
}

// replay is one recovery under way.
type replay struct {
	store   *Store
	ck      *checkpoint
	deleted map[catalog.ID]doomed // by the checkpoint or by a frame
	strays  []wal.Frame           // batches of topics that are not known, without payload
	frames  int
	now     int64
}

// restore makes the topics and logs of the checkpoint.
func (r *replay) restore() error {
	s := r.store
	r.now = s.now()
	if r.ck.number > 0 {
		c, err := catalog.DecodeSnapshot(r.ck.catalog)
		if err != nil {
			return &DamagedError{File: checkpointName(s.opts.Dir, r.ck.number), Err: err}
		}
		s.catalog = *c
		s.settings.Store(s.catalog.Broker(s.opts.Settings))
	}
	for _, t := range s.catalog.Topics() {
		s.publishLocked(s.newTopic(t))
	}
	for _, d := range r.ck.doomed {
		r.deleted[d.id] = d
	}
	for _, c := range r.ck.logs {
		t := s.byID[c.ID.TopicID]
		if t == nil || int(c.ID.Partition) >= len(t.Partitions) {
			return &DamagedError{File: checkpointName(s.opts.Dir, r.ck.number), Err: fmt.Errorf("it has partition %d of topic id %s, which its catalog does not have",
				c.ID.Partition, commitlog.FormatTopicID(c.ID.TopicID))}
		}
		if short, ok := s.opts.repaired[logKey{c.ID.TopicID, c.ID.Partition}]; ok {
			c = short
		}
		c.ID.Topic = t.Name
		l, err := s.eng.Restore(c, s.logConfig(t.Settings), s.catalog.LeaderEpoch(t.Catalog))
		if err != nil {
			return &DamagedError{File: checkpointName(s.opts.Dir, r.ck.number), Err: err}
		}
		if c.Offline {
			r.offline(l, errors.New("damage was found at an earlier start"))
		}
		t.Partitions[c.ID.Partition] = l
	}
	return nil
}

// scan applies the log's tail.
func (r *replay) scan(ctx context.Context) (wal.End, error) {
	s := r.store
	dir := filepath.Join(s.opts.Dir, walDir)
	end, err := wal.Scan(s.opts.FS, dir, r.ck.pos, func(f wal.Frame) error {
		r.frames++
		if r.frames%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return r.apply(f)
	})
	var missing *wal.MissingError
	if s.start.New && errors.As(err, &missing) {
		return wal.End{Next: wal.Start()}, r.finish(wal.Start())
	}
	if errors.As(err, &missing) {
		return end, &LostError{Dir: s.opts.Dir, Detail: missing.Error()}
	}
	if err != nil {
		return end, err
	}
	s.start.Groups, s.start.Bytes, s.start.Torn = end.Groups, end.Bytes, end.Torn
	return end, r.finish(end.Next)
}

func (r *replay) finish(end wal.Position) error {
	s := r.store
	s.start.Checkpoint = r.ck.number
	s.start.Clean = len(s.opts.repaired) == 0 && r.ck.clean && r.frames == 0 && (s.start.New || end.Generation == r.ck.pos.Generation)
	if s.start.New && r.frames > 0 {
		return &LostError{Dir: s.opts.Dir, Detail: "its write-ahead log holds data but its identity (meta.properties) is missing. Restore that file from a copy"}
	}
	for _, f := range r.strays {
		if _, gone := r.deleted[f.Topic]; !gone {
			return &DamagedError{File: filepath.Join(s.opts.Dir, walDir), Err: fmt.Errorf("group %d holds records of topic id %s partition %d, which the catalog does not have",
				f.Group, commitlog.FormatTopicID(f.Topic), f.Partition)}
		}
	}
	return nil
}

// apply takes one frame.
func (r *replay) apply(f wal.Frame) error {
	s := r.store
	switch f.Kind {
	case commitlog.KindBatch, commitlog.KindFirstBatch, commitlog.KindLogStart, commitlog.KindCleaned:
		t := s.byID[f.Topic]
		if t == nil || int(f.Partition) >= len(t.Partitions) || f.Partition < 0 {
			f.Payload = nil
			r.strays = append(r.strays, f)
			return nil
		}
		l := t.Partitions[f.Partition]
		if _, ok := s.opts.repaired[logKey{f.Topic, f.Partition}]; ok {
			return nil // Repair has set it aside
		}
		switch f.Kind {
		case commitlog.KindLogStart:
			l.ReplayStart(f.Offset)
			return nil
		case commitlog.KindCleaned:
			if l.Offline() != nil {
				return nil
			}
			return l.ReplayCleaned(f)
		}
		return l.Replay(f, r.now)
	case kindCatalog:
		return r.applyChange(f)
	}
	return &NewerError{Dir: s.opts.Dir, Detail: fmt.Sprintf("a frame of kind %d in the write-ahead log", f.Kind)}
}

func (r *replay) applyChange(f wal.Frame) error {
	s := r.store
	version, ch, err := catalog.DecodeChange(f.Payload)
	if errors.Is(err, catalog.ErrNewer) {
		return &NewerError{Dir: s.opts.Dir, Detail: err.Error()}
	}
	if err != nil {
		return &DamagedError{File: filepath.Join(s.opts.Dir, walDir), Err: fmt.Errorf("group %d: %w", f.Group, err)}
	}
	if d, ok := ch.(catalog.TopicDeleted); ok {
		if t := s.byID[d.ID]; t != nil {
			r.deleted[d.ID] = doomed{id: d.ID, name: d.Name, partitions: t.Catalog.Partitions}
		} else if _, known := r.deleted[d.ID]; !known {
			r.deleted[d.ID] = doomed{id: d.ID, name: d.Name}
		}
	}
	applied, err := s.catalog.Apply(version, ch)
	if err != nil {
		return &DamagedError{File: filepath.Join(s.opts.Dir, walDir), Err: fmt.Errorf("group %d: %w", f.Group, err)}
	}
	if !applied {
		return nil
	}
	switch ch := ch.(type) {
	case catalog.TopicCreated:
		s.publishLocked(s.newTopic(s.catalog.TopicByID(ch.ID)))
	case catalog.TopicDeleted:
		s.hideLocked(s.byID[ch.ID])
	case catalog.ConfigsChanged:
		s.alterLocked(s.catalog.TopicByID(ch.ID))
	case catalog.PartitionsAdded:
		s.alterLocked(s.catalog.TopicByID(ch.ID))
	case catalog.BrokerChanged:
		s.settings.Store(s.catalog.Broker(s.opts.Settings))
		s.resolveAgain()
	}
	return nil
}

// settle brings the directory to what was read: deleted topics go, segments are cut at what the checkpoint knows, damaged partitions go offline.
func (r *replay) settle() error {
	s := r.store
	gone := make([]doomed, 0, len(r.deleted))
	for _, d := range r.deleted {
		gone = append(gone, d)
	}
	unnamed, err := s.sweep(gone)
	if err != nil {
		return err
	}
	s.doomed = nil // sweep has renamed them, and synced that
	for _, t := range s.byName {
		for _, l := range t.Partitions {
			if l.Offline() != nil {
				continue
			}
			var corrupt *commitlog.CorruptError
			id := l.ID()
			name := commitlog.DirName(id.Topic, id.Partition)
			if why := unnamed[name]; why != nil && l.Stored() {
				err = r.setAside(l, fmt.Errorf("%s does not say whose it is: %w", name, why))
			} else if err = l.Cut(); errors.As(err, &corrupt) {
				err = r.setAside(l, corrupt)
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// setAside takes a damaged partition offline and saves what the log holds for it, so that the log can be recycled.
func (r *replay) setAside(l *commitlog.Log, why error) error {
	s, id := r.store, l.ID()
	name := filepath.Join(s.opts.Dir, quarantineDir, fmt.Sprintf("%s.%s.%d.frames", commitlog.DirName(id.Topic, id.Partition), commitlog.FormatTopicID(id.TopicID), r.ck.number))
	if err := s.opts.FS.MkdirAll(filepath.Dir(name)); err != nil {
		return err
	}
	if err := s.saveFrames(l, name); err != nil {
		return fmt.Errorf("set the records of %s aside: %w", commitlog.DirName(id.Topic, id.Partition), err)
	}
	if err := s.opts.FS.SyncDir(s.opts.Dir); err != nil {
		return err
	}
	r.offline(l, why)
	return nil
}

// saveFrames writes what only the log holds of a partition into a file, back to back, and syncs it.
func (s *Store) saveFrames(l *commitlog.Log, name string) error {
	f, err := s.opts.FS.Open(name, vfs.Create)
	if err != nil {
		return err
	}
	at := int64(0)
	err = l.Pending(func(b []byte) error {
		n, err := f.WriteAt(b, at)
		at += int64(n)
		return err
	})
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return s.opts.FS.SyncDir(filepath.Dir(name))
}

func (r *replay) offline(l *commitlog.Log, why error) {
	l.TakeOffline(why)
	r.store.offline++
	r.store.start.Offline = append(r.store.start.Offline, l.Offline())
	r.store.opts.Log.Error("partition is offline; the others serve", "err", l.Offline())
}
