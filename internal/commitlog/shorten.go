package commitlog

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"github.com/bobbinstream/bobbin/internal/producers"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// Harmed says whether the inspection found damage for which records must go, or the partition's name is in doubt: what Shorten is for.
// Indexes alone are made again by themselves.
func (in *Inspection) Harmed() bool {
	for _, d := range in.Damage {
		if filepath.Ext(d.File) == suffixLog || strings.Contains(d.File, suffixLog+".") || d.File == metadataFile {
			return true
		}
	}
	return false
}

// Adopt brings a stopped partition's directory to what a checkpoint says where a stop came before compacted segments got their names.
func Adopt(fsys vfs.FS, dir string, c Checkpoint) error {
	_, err := adopt(fsys, dir, c.Segments)
	return err
}

// Shorten cuts a stopped partition at the last whole batch in front of the first damage. Everything that it takes away is first given to
// keep, which must make it durable, under a file name. It returns the checkpoint that describes what is left. Nothing in the directory is
// changed before all was kept.
func Shorten(fsys vfs.FS, dir string, c Checkpoint, in Inspection, keep func(name string, data io.Reader) error) (Checkpoint, error) {
	short := c
	short.Offline = false
	short.CleanedTo = min(c.CleanedTo, max(in.End, c.Start))
	short.RecoveryPoint = max(in.End, c.Start)
	short.Segments = nil
	if in.End >= c.Start {
		short.Segments = append(short.Segments, in.Before...)
		if in.Last.Size > 0 {
			short.Segments = append(short.Segments, in.Last)
		}
	}
	if short.RecoveryPoint < c.RecoveryPoint {
		var none producers.State
		short.Producers = none.AppendSnapshot(nil) // it would know batches that are gone
		short.Epochs = nil
		for _, e := range c.Epochs {
			if e.Start < short.RecoveryPoint || len(short.Epochs) == 0 {
				short.Epochs = append(short.Epochs, e)
			}
		}
	}
	left := make(map[int64]int64)
	for _, s := range short.Segments {
		left[s.Base] = s.Size
	}
	infos, err := fsys.List(dir)
	if err != nil {
		return c, fmt.Errorf("shorten %s: %w", dir, err)
	}
	var cut []vfs.Info
	for _, i := range infos {
		if base, suffix, ok := parseSegmentFile(i.Name); ok && suffix == suffixLog && i.Size > left[base] {
			cut = append(cut, i)
			if err := keepRest(fsys, filepath.Join(dir, i.Name), left[base], keep); err != nil {
				return c, fmt.Errorf("keep what is cut from %s: %w", filepath.Join(dir, i.Name), err)
			}
		}
	}
	if err := shortenFiles(fsys, dir, cut, left); err != nil {
		return c, fmt.Errorf("shorten %s: %w", dir, err)
	}
	if err := vfs.WriteFileSync(fsys, filepath.Join(dir, metadataFile), encodeMetadata(c.ID)); err != nil {
		return c, err
	}
	return short, vfs.WriteFileSync(fsys, filepath.Join(dir, epochsFile), encodeEpochs(short.Epochs))
}

func keepRest(fsys vfs.FS, name string, from int64, keep func(string, io.Reader) error) error {
	f, err := fsys.Open(name, vfs.ReadOnly)
	if err != nil {
		return err
	}
	defer f.Close()
	size, err := f.Size()
	if err != nil {
		return err
	}
	return keep(fmt.Sprintf("%s.from-%d", filepath.Base(name), from), io.NewSectionReader(f, from, size-from))
}

// shortenFiles cuts segments, and removes their indexes, which are made again.
func shortenFiles(fsys vfs.FS, dir string, cut []vfs.Info, left map[int64]int64) error {
	for _, i := range cut {
		base, _, _ := parseSegmentFile(i.Name)
		for _, suffix := range []string{suffixIndex, suffixTimeIndex} {
			if err := removeIfThere(fsys, segmentFile(dir, base, suffix)); err != nil {
				return err
			}
		}
		name := filepath.Join(dir, i.Name)
		if left[base] == 0 {
			if err := fsys.Remove(name); err != nil {
				return err
			}
			continue
		}
		f, err := fsys.Open(name, vfs.ReadWrite)
		if err != nil {
			return err
		}
		if err = f.Truncate(left[base]); err == nil {
			err = f.Sync()
		}
		if err = errors.Join(err, f.Close()); err != nil {
			return err
		}
	}
	return fsys.SyncDir(dir)
}

// RemoveIndexes removes the indexes of a stopped partition that an inspection found damaged; they are made again when it is opened.
func RemoveIndexes(fsys vfs.FS, dir string, in Inspection) error {
	for _, d := range in.Damage {
		if ext := filepath.Ext(d.File); ext == suffixIndex || ext == suffixTimeIndex {
			if err := removeIfThere(fsys, filepath.Join(dir, d.File)); err != nil {
				return err
			}
		}
		if d.File == epochsFile {
			if err := vfs.WriteFileSync(fsys, filepath.Join(dir, epochsFile), encodeEpochs(in.epochs)); err != nil {
				return err
			}
		}
	}
	return nil
}
