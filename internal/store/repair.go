package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/catalog"
	"github.com/bobbinstream/bobbin/internal/commitlog"
	"github.com/bobbinstream/bobbin/internal/vfs"
	"github.com/bobbinstream/bobbin/internal/wal"
)

// Loss is what Repair took away, and where it is kept.
type Loss struct {
	Topic     string   `json:"topic"`     // empty for the write-ahead log
	Partition int32    `json:"partition"` // -1 for the write-ahead log
	End       int64    `json:"end"`       // the partition ends here now, or the number of the first group that is gone
	Before    int64    `json:"before"`    // it ended here; -1 when that is not known
	Kept      []string `json:"kept"`      // files with what was taken away, relative to the directory
	Why       string   `json:"why"`
}

// RepairReport says what Repair did.
type RepairReport struct {
	Losses  []Loss   `json:"losses"`
	Rebuilt []string `json:"rebuilt"` // indexes and small files that were made again, without loss
}

// Repair makes a damaged, stopped directory whole again: a damaged partition ends at its last whole batch, a damaged write-ahead log in front
// of its damaged group. What it takes away it keeps in the directory's quarantine. It cannot bring back a lost checkpoint or identity.
func Repair(ctx context.Context, opts Options) (RepairReport, error) {
	opts, err := opts.withDefaults()
	if err != nil {
		return RepairReport{}, err
	}
	r := &repairer{ctx: ctx, opts: opts, report: RepairReport{Losses: []Loss{}, Rebuilt: []string{}}}
	if err := r.prepare(); err != nil {
		return r.report, err
	}
	if len(r.report.Losses) == 0 && len(r.report.Rebuilt) == 0 {
		return r.report, nil
	}
	// Opening replays what is left and makes missing indexes again; closing writes the checkpoint that says so.
	r.opts.repaired = r.short
	s, err := Open(ctx, r.opts)
	if err != nil {
		return r.report, fmt.Errorf("open what was repaired: %w", err)
	}
	s.eng.Mend()
	return r.report, s.Close()
}

type repairer struct {
	ctx    context.Context
	opts   Options
	report RepairReport
	ck     *checkpoint
	short  map[logKey]commitlog.Checkpoint
}

// prepare changes the files of what is damaged, with the directory locked.
func (r *repairer) prepare() error {
	lock, err := lockExisting(r.opts.FS, r.opts.Dir)
	if err != nil {
		return err
	}
	defer lock.Close()
	id, err := readIdentity(r.opts.FS, r.opts.Dir)
	if err != nil {
		return err
	}
	if id == nil {
		return &LostError{Dir: r.opts.Dir, Detail: "it has no identity (meta.properties); restore that file from a copy"}
	}
	numbers, _, err := listCheckpoints(r.opts.FS, r.opts.Dir)
	if err != nil {
		return err
	}
	for _, n := range numbers {
		if r.ck, err = readCheckpoint(r.opts.FS, r.opts.Dir, n); err == nil {
			break
		}
	}
	if r.ck == nil {
		return &LostError{Dir: r.opts.Dir, Detail: "it has no whole checkpoint; restore the folder checkpoint from a copy"}
	}
	if err := r.repairLog(); err != nil {
		return err
	}
	return r.repairPartitions()
}

func (r *repairer) repairLog() error {
	dir := filepath.Join(r.opts.Dir, walDir)
	_, err := wal.Scan(r.opts.FS, dir, r.ck.pos, func(wal.Frame) error { return nil })
	var corrupt *wal.CorruptError
	if !errors.As(err, &corrupt) {
		return err
	}
	loss := Loss{Partition: -1, End: int64(corrupt.Group), Before: -1, Why: corrupt.Error()}
	if err := wal.Cut(r.opts.FS, dir, corrupt, r.keeper("wal", &loss)); err != nil {
		return err
	}
	r.report.Losses = append(r.report.Losses, loss)
	return nil
}

func (r *repairer) repairPartitions() error {
	c, err := catalog.DecodeSnapshot(r.ck.catalog)
	if err != nil {
		return &DamagedError{File: checkpointName(r.opts.Dir, r.ck.number), Err: err}
	}
	r.short = make(map[logKey]commitlog.Checkpoint)
	losses := make(map[logKey]*Loss)
	logs, err := replayedLogs(r.ctx, r.opts.FS, r.opts.Dir, r.ck)
	if err != nil {
		return err
	}
	for _, p := range r.ck.logs {
		p, there := logs[logKey{p.ID.TopicID, p.ID.Partition}]
		t := c.TopicByID(p.ID.TopicID)
		if t == nil || !there {
			continue
		}
		p.ID.Topic = t.Name
		name := commitlog.DirName(t.Name, p.ID.Partition)
		if err := commitlog.Adopt(r.opts.FS, filepath.Join(r.opts.Dir, name), p); err != nil {
			return err
		}
		in := commitlog.Inspect(r.opts.FS, filepath.Join(r.opts.Dir, name), p)
		switch {
		case in.Harmed() || p.Offline:
			k := logKey{p.ID.TopicID, p.ID.Partition}
			loss := &Loss{Topic: t.Name, Partition: p.ID.Partition, Before: p.RecoveryPoint, Why: "offline since an earlier start", Kept: []string{}}
			if len(in.Damage) > 0 {
				d := in.Damage[0]
				loss.Why = fmt.Sprintf("%s at %d: %s", d.File, d.Position, d.Detail)
			}
			if err := r.opts.FS.MkdirAll(filepath.Join(r.opts.Dir, name)); err != nil {
				return err
			}
			short, err := commitlog.Shorten(r.opts.FS, filepath.Join(r.opts.Dir, name), p, in, r.keeper(name, loss))
			if err != nil {
				return err
			}
			loss.End = short.RecoveryPoint
			r.short[k], losses[k] = short, loss
		case len(in.Damage) > 0:
			if err := commitlog.RemoveIndexes(r.opts.FS, filepath.Join(r.opts.Dir, name), in); err != nil {
				return err
			}
			for _, d := range in.Damage {
				r.report.Rebuilt = append(r.report.Rebuilt, name+"/"+d.File)
			}
		}
	}
	if err := r.keepFrames(losses); err != nil {
		return err
	}
	for _, l := range losses {
		r.report.Losses = append(r.report.Losses, *l)
	}
	return nil
}

// keepFrames keeps what the write-ahead log has of the partitions that were shortened: it cannot follow a gap.
func (r *repairer) keepFrames(losses map[logKey]*Loss) error {
	if len(losses) == 0 {
		return nil
	}
	frames := make(map[logKey][]wal.Ref)
	dir := filepath.Join(r.opts.Dir, walDir)
	_, err := wal.Scan(r.opts.FS, dir, r.ck.pos, func(f wal.Frame) error {
		k := logKey{f.Topic, f.Partition}
		l := losses[k]
		if l == nil || !commitlog.IsBatch(f.Kind) {
			return nil
		}
		if b, why := commitlog.CheckFrame(f); why == "" && b.LastOffset() >= l.End {
			frames[k] = append(frames[k], f.Ref)
			l.Before = max(l.Before, b.NextOffset())
		}
		return nil
	})
	if err != nil {
		return err
	}
	for k, refs := range frames {
		l := losses[k]
		keep := r.keeper(commitlog.DirName(l.Topic, l.Partition), l)
		if err := keep("frames", wal.NewPayloads(r.opts.FS, dir, refs)); err != nil {
			return err
		}
	}
	return nil
}

// keeper writes what is taken away into quarantine, and notes where.
func (r *repairer) keeper(what string, loss *Loss) func(string, io.Reader) error {
	return func(name string, data io.Reader) error {
		dir := filepath.Join(r.opts.Dir, quarantineDir)
		if err := r.opts.FS.MkdirAll(dir); err != nil {
			return err
		}
		path := filepath.Join(dir, fmt.Sprintf("%s.%d.%s", what, r.opts.Now().UnixMilli(), name))
		if err := copyFile(r.opts.FS, path, data); err != nil {
			return err
		}
		if err := r.opts.FS.SyncDir(dir); err != nil {
			return err
		}
		loss.Kept = append(loss.Kept, relative(r.opts.Dir, path))
		return r.opts.FS.SyncDir(r.opts.Dir)
	}
}

func copyFile(fsys vfs.FS, name string, data io.Reader) (err error) {
	f, err := fsys.Open(name, vfs.CreateNew)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := io.Copy(io.NewOffsetWriter(f, 0), data); err != nil {
		return err
	}
	return f.Sync()
}
