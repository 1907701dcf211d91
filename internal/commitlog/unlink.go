package commitlog

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"
)

// unlink is a file that is on its way out.
type unlink struct {
	name string
	due  time.Time
}

// removeSegment takes a segment's files out of the log, the log last, so that a crash leaves no log without its indexes' names being free: they get another
// name and go after a delay. A start removes those that a stop leaves.
func (e *Engine) removeSegment(dir string, base int64, delay time.Duration) error {
	var late []unlink
	for _, suffix := range []string{suffixTimeIndex, suffixIndex, suffixLog} {
		name := segmentFile(dir, base, suffix)
		e.opts.Files.Forget(name)
		var err error
		if delay <= 0 {
			err = e.opts.FS.Remove(name)
		} else if err = e.opts.FS.Rename(name, name+suffixDeleted); err == nil {
			late = append(late, unlink{name + suffixDeleted, time.Now().Add(delay)})
		}
		e.opts.Files.Forget(name) // a reader may have opened it meanwhile
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s: %w", filepath.Base(name), err)
		}
	}
	if len(late) > 0 {
		e.mu.Lock()
		e.unlinks = append(e.unlinks, late...)
		e.mu.Unlock()
		select {
		case e.reap <- struct{}{}:
		default:
		}
	}
	return nil
}

// reapLoop removes files when their time has come.
func (e *Engine) reapLoop() {
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		select {
		case <-e.quit:
			return
		case <-e.reap:
		case <-timer.C:
		}
		wait := time.Hour
		if next, ok := e.unlinkDue(time.Now()); ok {
			wait = max(time.Until(next), 0)
		}
		timer.Reset(wait)
	}
}

// unlinkDue removes the files whose time has come and says when the next one's will have.
func (e *Engine) unlinkDue(now time.Time) (next time.Time, ok bool) {
	e.mu.Lock()
	var due, rest []unlink
	for _, u := range e.unlinks {
		if !u.due.After(now) {
			due = append(due, u)
			continue
		}
		rest = append(rest, u)
		if !ok || u.due.Before(next) {
			next, ok = u.due, true
		}
	}
	e.unlinks = rest
	e.mu.Unlock()
	for _, u := range due {
		// One that is not there went with its partition.
		if err := removeIfThere(e.opts.FS, u.name); err != nil {
			e.opts.Log.Warn("a file that is no longer needed cannot be removed; the next start tries again", "err", err)
		}
	}
	return next, ok
}

// MakeRoom removes the files that wait for their time now: the disk is full. It says whether there were any.
func (e *Engine) MakeRoom() bool {
	e.mu.Lock()
	all := e.unlinks
	e.unlinks = nil
	e.mu.Unlock()
	for _, u := range all {
		if err := removeIfThere(e.opts.FS, u.name); err != nil {
			e.opts.Log.Warn("a file that is no longer needed cannot be removed; the next start tries again", "err", err)
		}
	}
	return len(all) > 0
}

// Unlinking returns how many files wait for their time.
func (e *Engine) Unlinking() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.unlinks)
}
