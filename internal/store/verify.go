package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"math"
	"path/filepath"
	"sort"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Finding is one thing that is wrong with a stopped data directory.
type Finding struct {
	File      string `json:"file"`      // relative to the directory
	Position  int64  `json:"position"`  // in the file, -1 for the whole of it
	Topic     string `json:"topic"`     // empty when it concerns no partition
	Partition int32  `json:"partition"` // -1 when it concerns none
	Offset    int64  `json:"offset"`    // the first record affected, -1 when none is
	Detail    string `json:"detail"`
}

func (f Finding) String() string {
	s := f.File
	if f.Position >= 0 {
		s += fmt.Sprintf(" at %d", f.Position)
	}
	if f.Topic != "" {
		s += fmt.Sprintf(" (%s partition %d", f.Topic, f.Partition)
		if f.Offset >= 0 {
			s += fmt.Sprintf(" offset %d", f.Offset)
		}
		s += ")"
	}
	return s + ": " + f.Detail
}

// Report says what Verify read.
type Report struct {
	ClusterID    string    `json:"cluster_id"`
	Checkpoint   uint64    `json:"checkpoint"`
	CleanStop    bool      `json:"clean_stop"`
	Topics       int       `json:"topics"`
	Partitions   int       `json:"partitions"` // with segments
	Segments     int64     `json:"segments"`
	Batches      int64     `json:"batches"` // in segments
	Bytes        int64     `json:"bytes"`   // in segments
	IndexEntries int64     `json:"index_entries"`
	WALGroups    int       `json:"wal_groups"` // behind the checkpoint
	WALFrames    int       `json:"wal_frames"`
	WALBytes     int64     `json:"wal_bytes"`
	Torn         string    `json:"torn"` // what stands behind the last group of the log; it was never acknowledged
	Findings     []Finding `json:"findings"`
}

// Verify reads a stopped data directory whole and calls found for everything that is wrong with it, as soon as it is found. It changes
// nothing. progress, when it is not nil, is called with each partition before it is read. The error is of another kind: the directory is in use
// (*vfs.LockedError), of a newer version (*NewerError), is none, or ctx is done.
func Verify(ctx context.Context, fsys vfs.FS, dir string, found func(Finding), progress func(partition string)) (Report, error) {
	lock, err := lockExisting(fsys, dir)
	if err != nil {
		return Report{}, err
	}
	defer lock.Close()
	v := &verifier{ctx: ctx, fs: fsys, dir: dir, found: found, progress: progress}
	err = v.run()
	return v.report, err
}

// lockExisting locks a directory that must be there.
func lockExisting(fsys vfs.FS, dir string) (interface{ Close() error }, error) {
	if _, err := fsys.Stat(filepath.Join(dir, identityFile)); errors.Is(err, fs.ErrNotExist) {
		if _, err := fsys.Stat(filepath.Join(dir, checkpointDir)); err != nil {
			return nil, fmt.Errorf("%s is not a data directory: it has no %s: %w", dir, identityFile, fs.ErrNotExist)
		}
	}
	lock, err := fsys.Lock(filepath.Join(dir, lockFile))
	if err != nil {
		return nil, fmt.Errorf("data directory %s: %w", dir, err)
	}
	return lock, nil
}

type verifier struct {
	ctx      context.Context
	fs       vfs.FS
	dir      string
	found    func(Finding)
	progress func(string)
	report   Report
	catalog  *catalog.Catalog
	ends     map[logKey]int64 // where the log's next batch of a partition must begin
	logs     map[logKey]commitlog.Checkpoint
}

type logKey struct {
	topic     catalog.ID
	partition int32
}

func (v *verifier) add(f Finding) {
	v.report.Findings = append(v.report.Findings, f)
	v.found(f)
}

// whole is a finding about a whole file that is of no partition.
func (v *verifier) whole(file string, err error) {
	v.add(Finding{File: file, Position: -1, Partition: -1, Offset: -1, Detail: err.Error()})
}

func (v *verifier) run() error {
	v.report.Findings = []Finding{}
	id, err := readIdentity(v.fs, v.dir)
	var damaged *DamagedError
	switch {
	case errors.As(err, &damaged):
		v.whole(identityFile, damaged.Err)
	case err != nil:
		return err
	case id == nil:
		v.whole(identityFile, errors.New("it is missing"))
	default:
		v.report.ClusterID = id.clusterID
	}
	ck, err := v.checkpoints()
	if err != nil || ck == nil {
		return err
	}
	v.report.Checkpoint, v.report.CleanStop = ck.number, ck.clean
	if v.catalog, err = catalog.DecodeSnapshot(ck.catalog); err != nil {
		v.whole(relative(v.dir, checkpointName(v.dir, ck.number)), err)
		return nil
	}
	if v.logs, err = replayedLogs(v.ctx, v.fs, v.dir, ck); err != nil {
		return err
	}
	if err := v.partitions(ck); err != nil {
		return err
	}
	return v.wal(ck)
}

// replayedLogs returns the partitions of a checkpoint as the write-ahead log behind it changes them, as far as it can be read: where they start and which
// segments compaction has replaced.
func replayedLogs(ctx context.Context, fsys vfs.FS, dir string, ck *checkpoint) (map[logKey]commitlog.Checkpoint, error) {
	logs := make(map[logKey]commitlog.Checkpoint)
	for _, c := range ck.logs {
		logs[logKey{c.ID.TopicID, c.ID.Partition}] = c
	}
	n := 0
	_, err := wal.Scan(fsys, filepath.Join(dir, walDir), ck.pos, func(f wal.Frame) error {
		if n++; n%4096 == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if f.Kind == kindCatalog {
			if _, ch, err := catalog.DecodeChange(f.Payload); err == nil {
				if d, ok := ch.(catalog.TopicDeleted); ok {
					maps.DeleteFunc(logs, func(k logKey, _ commitlog.Checkpoint) bool { return k.topic == d.ID })
				}
			}
			return nil
		}
		k := logKey{f.Topic, f.Partition}
		c, known := logs[k]
		if !known {
			c.ID.TopicID, c.ID.Partition = f.Topic, f.Partition
		}
		if c, err := c.Replayed(f); err == nil { // what is wrong with it, the reading of the whole log tells
			logs[k] = c
		}
		return nil
	})
	var corrupt *wal.CorruptError
	var missing *wal.MissingError
	if err != nil && !errors.As(err, &corrupt) && !errors.As(err, &missing) {
		return nil, err
	}
	for k, c := range logs {
		logs[k] = c.Reachable()
	}
	return logs, nil
}

func relative(dir, name string) string {
	if r, err := filepath.Rel(dir, name); err == nil {
		return filepath.ToSlash(r)
	}
	return name
}

// checkpoints reads all of them and returns the newest that is whole.
func (v *verifier) checkpoints() (*checkpoint, error) {
	numbers, _, err := listCheckpoints(v.fs, v.dir)
	if err != nil {
		v.whole(checkpointDir, err)
		return nil, nil
	}
	var newest *checkpoint
	for _, n := range numbers {
		ck, err := readCheckpoint(v.fs, v.dir, n)
		var damaged *DamagedError
		switch {
		case errors.As(err, &damaged):
			v.whole(relative(v.dir, damaged.File), damaged.Err)
		case err != nil:
			return nil, err
		case newest == nil:
			newest = ck
		}
	}
	if newest == nil {
		v.whole(checkpointDir, errors.New("there is no whole checkpoint: the write-ahead log's older part and the catalog are lost with it"))
	}
	return newest, nil
}

// partitions reads the segments of every partition.
func (v *verifier) partitions(ck *checkpoint) error {
	v.report.Topics = v.catalog.Len()
	v.ends = make(map[logKey]int64)
	for _, c := range ck.logs {
		v.ends[logKey{c.ID.TopicID, c.ID.Partition}] = c.RecoveryPoint
	}
	var logs []commitlog.Checkpoint
	for k, c := range v.logs {
		if _, known := v.ends[k]; !known && len(c.Segments) == 0 {
			continue // all of it is in the write-ahead log
		}
		if t := v.catalog.TopicByID(c.ID.TopicID); t != nil {
			c.ID.Topic = t.Name
		} else if _, known := v.ends[k]; !known {
			continue // of a topic that was made and deleted since
		}
		logs = append(logs, c)
	}
	sort.Slice(logs, func(i, j int) bool {
		a, b := logs[i].ID, logs[j].ID
		return a.Topic < b.Topic || a.Topic == b.Topic && a.Partition < b.Partition
	})
	for _, c := range logs {
		if err := v.ctx.Err(); err != nil {
			return context.Cause(v.ctx)
		}
		name := commitlog.DirName(c.ID.Topic, c.ID.Partition)
		if v.progress != nil {
			v.progress(name)
		}
		if c.Offline {
			v.add(Finding{File: name, Position: -1, Topic: c.ID.Topic, Partition: c.ID.Partition, Offset: -1, Detail: "the partition is offline since an earlier start found damage"})
		}
		in := commitlog.Inspect(v.fs, filepath.Join(v.dir, name), c)
		v.report.Partitions++
		v.report.Segments += in.Segments
		v.report.Batches += in.Batches
		v.report.Bytes += in.Bytes
		v.report.IndexEntries += in.IndexEntries
		for _, d := range in.Damage {
			v.add(Finding{File: name + "/" + d.File, Position: d.Position, Topic: c.ID.Topic, Partition: c.ID.Partition, Offset: d.Offset, Detail: d.Detail})
		}
	}
	return nil
}

// wal reads the write-ahead log behind the checkpoint: its groups, and that the batches in it continue their partitions.
func (v *verifier) wal(ck *checkpoint) error {
	if v.progress != nil {
		v.progress(walDir)
	}
	dir := filepath.Join(v.dir, walDir)
	end, err := wal.Scan(v.fs, dir, ck.pos, func(f wal.Frame) error {
		v.report.WALFrames++
		if v.report.WALFrames%4096 == 0 && v.ctx.Err() != nil {
			return context.Cause(v.ctx)
		}
		v.frame(f)
		return nil
	})
	var corrupt *wal.CorruptError
	var missing *wal.MissingError
	switch {
	case errors.As(err, &corrupt):
		v.add(Finding{File: relative(v.dir, corrupt.File), Position: corrupt.Offset, Partition: -1, Offset: -1, Detail: fmt.Sprintf("group %d: %s", corrupt.Group, corrupt.Detail)})
	case errors.As(err, &missing):
		v.whole(relative(v.dir, missing.File), errors.New(missing.Detail))
	case err != nil:
		return err
	}
	last := uint64(math.MaxUint64) // where a damaged log ends is not known
	if err == nil {
		last = end.Next.File
	}
	for _, d := range wal.CheckFiles(v.fs, dir, last) {
		v.add(Finding{File: relative(v.dir, d.File), Position: d.Offset, Partition: -1, Offset: -1, Detail: d.Detail})
	}
	v.report.WALGroups, v.report.WALBytes, v.report.Torn = end.Groups, end.Bytes, end.Torn
	return nil
}

func (v *verifier) frame(f wal.Frame) {
	bad := func(topic, format string, args ...any) {
		v.add(Finding{File: fmt.Sprintf("%s/%010d.wal", walDir, f.Ref.File), Position: f.Ref.Offset, Topic: topic, Partition: f.Partition, Offset: f.Offset, Detail: fmt.Sprintf(format, args...)})
	}
	switch f.Kind {
	case kindCatalog:
		version, ch, err := catalog.DecodeChange(f.Payload)
		if err == nil {
			_, err = v.catalog.Apply(version, ch)
		}
		if err != nil {
			f.Partition = -1
			bad("", "group %d: %v", f.Group, err)
		}
	case commitlog.KindCleaned:
		if t := v.catalog.TopicByID(f.Topic); t != nil {
			if _, err := (commitlog.Checkpoint{Cleanings: f.Offset - 1}).Replayed(f); err != nil {
				bad(t.Name, "%v", err)
			}
		}
	case commitlog.KindBatch, commitlog.KindFirstBatch:
		t := v.catalog.TopicByID(f.Topic)
		if t == nil {
			return // of a topic that was deleted
		}
		b, why := commitlog.CheckFrame(f)
		k := logKey{f.Topic, f.Partition}
		switch {
		case why != "":
			bad(t.Name, "%s", why)
		case b.LastOffset() < v.ends[k]: // the checkpoint knew it
		case b.BaseOffset() != v.ends[k]:
			bad(t.Name, "the log goes on at offset %d, the partition ends at %d", b.BaseOffset(), v.ends[k])
			v.ends[k] = b.NextOffset()
		default:
			v.ends[k] = b.NextOffset()
		}
	}
}
