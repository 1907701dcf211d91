package broker

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"

	"github.com/bobbinstream/bobbin/internal/store"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// What Verify and Repair report.
type (
	// Finding is one thing that is wrong with a stopped data directory.
	Finding = store.Finding
	// VerifyReport says what Verify read, with its findings.
	VerifyReport = store.Report
	// Loss is what Repair took away, and where it is kept.
	Loss = store.Loss
	// RepairReport says what Repair did.
	RepairReport = store.RepairReport
)

// Verify reads a stopped data directory whole and changes nothing. found, when it is not nil, is called for everything that is
// wrong, as soon as it is found. The error, of type *Error, says that the directory cannot be checked at all.
func Verify(ctx context.Context, dir string, found func(Finding)) (VerifyReport, error) {
	if found == nil {
		found = func(Finding) {}
	}
	if err := exists("verify", dir); err != nil {
		return VerifyReport{}, err
	}
	r, err := store.Verify(ctx, vfs.Disk(), dir, found, nil)
	if err != nil {
		return r, newError("verify", err)
	}
	return r, nil
}

// Repair makes a damaged, stopped directory whole again: a damaged partition ends at its last whole batch, a damaged write-ahead log
// in front of its damaged group. What it takes away it keeps in the directory's quarantine. Its errors are of type *Error.
func Repair(ctx context.Context, dir string, log *slog.Logger) (RepairReport, error) {
	// Opening would make a directory that is not there.
	if err := exists("repair", dir); err != nil {
		return RepairReport{}, err
	}
	r, err := store.Repair(ctx, store.Options{Dir: dir, Log: log})
	if err != nil {
		return r, newError("repair", err)
	}
	return r, nil
}

func exists(op, dir string) error {
	_, err := vfs.Disk().Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &Error{Kind: NotFound, Op: op, Err: err, Hint: "name the directory that `bobbin serve --data` was given"}
	case err != nil:
		return newError(op, err)
	}
	return nil
}
