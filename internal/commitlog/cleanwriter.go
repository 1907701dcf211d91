package commitlog

import (
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"path/filepath"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// cleanWriter writes the segment that replaces a group.
type cleanWriter struct {
	*round
	seg          *segment
	f            vfs.File
	at           int64 // of what is in the file
	index, times []byte
	left         int64 // records
	queued       bool  // the fact is on its way: the files may be part of the log
}

var heads = crc32.MakeTable(crc32.Castagnoli)

func (w *cleanWriter) open(dir string) (err error) {
	w.f, err = w.eng.opts.FS.Open(cleanedFile(dir, w.seg.Base, w.seg.Cleaning, suffixLog), vfs.Create)
	if err == nil {
		err = w.f.Truncate(0)
		if err != nil {
			err = errors.Join(err, w.f.Close())
		}
	}
	w.out = w.out[:0]
	return err
}

// take adds what is left of a batch.
func (w *cleanWriter) take(b batch.Batch) error {
	at := len(w.out)
	out, kept, err := b.Compact(w.out, batch.Compaction{
		Keep:      func(offset int64, key, value []byte) bool { return w.keep(b, offset, key, value) },
		KeepEmpty: w.keepEmpty(b), Horizon: w.now + w.cfg.Compaction.DeleteRetention, MaxDecompressed: w.opts.MaxDecompressed,
	})
	if err != nil {
		return err
	}
	w.out = out
	w.left += int64(kept)
	if len(out) == at {
		return nil
	}
	x := batch.Batch(out[at:])
	s := w.seg
	if s.Size+int64(len(x)) > math.MaxInt32 {
		return fmt.Errorf("segment %d has more than 2 GiB after compaction", s.Base)
	}
	s.Heads = crc32.Update(s.Heads, heads, x[:batch.BodyOffset])
	s.note(x.BaseOffset(), x.LastOffset(), timeOf(x), int32(len(x)), w.cfg.IndexInterval)
	w.encodeIndexes()
	if len(w.out) < cap(w.out) && len(w.out) < w.opts.BufferBytes/2 {
		return nil
	}
	return w.flush()
}

func (w *cleanWriter) encodeIndexes() {
	for _, e := range w.seg.pending {
		if !e.timeOnly {
			w.index = appendIndexEntry(w.index, w.seg.Base, e)
		}
		if e.timed {
			w.times = appendTimeEntry(w.times, w.seg.Base, e)
		}
	}
	w.seg.pending = w.seg.pending[:0]
}

func (w *cleanWriter) flush() error {
	if len(w.out) == 0 {
		return nil
	}
	if _, err := w.f.WriteAt(w.out, w.at); err != nil {
		return err
	}
	n := len(w.out)
	w.at += int64(n)
	if w.out = w.out[:0]; cap(w.out) > 4<<20 {
		w.out = make([]byte, 0, max(w.opts.BufferBytes/2, 64<<10))
	}
	return w.pace.took(w.ctx, n, func() error { return nil })
}

// finish makes the files durable.
func (w *cleanWriter) finish(dir string) error {
	s := w.seg
	s.seal()
	w.encodeIndexes()
	s.pending = nil
	err := w.flush()
	if err == nil {
		err = w.eng.synced(w.f.Sync())
	}
	if err = errors.Join(err, w.f.Close()); err != nil {
		return err
	}
	if err := w.eng.writeSynced(cleanedFile(dir, s.Base, s.Cleaning, suffixIndex), w.index); err != nil {
		return err
	}
	if err := w.eng.writeSynced(cleanedFile(dir, s.Base, s.Cleaning, suffixTimeIndex), w.times); err != nil {
		return err
	}
	s.written, s.phys, s.indexed, s.timed, s.existing = s.Size, s.Size, s.Index, s.TimeIndex, true
	s.aside.Store(true)
	if err := w.eng.synced(w.eng.opts.FS.SyncDir(dir)); err != nil || s.Cleaning > 1 {
		return err
	}
	// No checkpoint may have been made since the partition's directory was.
	h, err := w.eng.opts.Files.Get(filepath.Join(dir, metadataFile), vfs.ReadWrite)
	if err != nil {
		return err
	}
	defer h.Release()
	if err := w.eng.synced(h.Sync()); err != nil {
		return err
	}
	return w.eng.synced(w.eng.opts.FS.SyncDir(w.eng.opts.Dir))
}

// remove removes the files of a segment that did not become part of the log.
func (w *cleanWriter) remove(dir string) {
	for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} {
		if err := removeIfThere(w.eng.opts.FS, cleanedFile(dir, w.seg.Base, w.seg.Cleaning, suffix)); err != nil {
			w.eng.opts.Log.Warn("a file that compaction has left cannot be removed; the next start tries again", "err", err)
		}
	}
}

// writeSynced writes a whole file and syncs it.
func (e *Engine) writeSynced(name string, data []byte) error {
	f, err := e.opts.FS.Open(name, vfs.Create)
	if err != nil {
		return err
	}
	if err = f.Truncate(0); err == nil && len(data) > 0 {
		_, err = f.WriteAt(data, 0)
	}
	if err == nil {
		err = e.synced(f.Sync())
	}
	return errors.Join(err, f.Close())
}

// synced ends all writing when a sync failed: what the system could not write it may have dropped.
func (e *Engine) synced(err error) error {
	if err != nil && !vfs.IsNoSpace(err) {
		e.fail(err)
	}
	return err
}
