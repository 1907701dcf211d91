// Package vfs is the seam between the broker and the disk. All durable bytes pass it, so that tests can lose the power at any moment,
// make any operation fail and see each one in a trace.
//
// Nouns: an FS opens Files; a Mem is an FS that knows what is durable, and Crash gives the Mem that is found after a loss of
// power (PowerOff also ends the one before); a Recorder notes the changes of one run, and a Replayer stands before each of them in turn; a Rule is a
// fault; a Cache bounds the number of open files and knows which are dirty; a Handle is a reference to one of them.
//
//	wal ── commitlog ── store
//	   \       │       /
//	    \    Cache    /
//	     \     │     /
//	   [ WithTrace · WithFaults ]        any number, any order; only in tests
//	           │
//	     ┌─────┴──────┐
//	   Disk      Recorder ─► Replayer ─► CrashAt: an image for each change
//	                │
//	               Mem ─► Crash
//
// # What is durable
//
//	content and size    after File.Sync or FS.SyncFS
//	a name              after FS.SyncDir of its directory, or FS.SyncFS
//	a direct write      like any other: drives have caches
//
// Before that a crash leaves of a file any subset of the blocks that were written, the blocks of the last write torn at any byte, and of a
// directory any number of its first changes. It is harder on its users than most file systems, with one mercy: a file that is moved
// from one directory to another keeps one of its names.
//
// # The cache
//
// Promise: a file is closed only when a sync covers all its writes, or when it is forgotten. A write that overlaps a sync leaves the
// file dirty. After a failed sync a file is never clean again, for the system may have dropped what it could not write, and a second
// sync may succeed without it.
//
// Where all files that nobody uses are dirty, one sync of the file system makes room for many; who needs a file meanwhile gets one beyond the limit.
//
// Never: it knows no format, it retries nothing but interrupted system calls, and it starts no goroutine.
//
// Files: vfs.go (FS, File, whole files) · disk.go, disk_*.go (the machine's file systems) · aligned.go (memory for direct writes) · openfiles_*.go ·
// mem.go (Mem) · memdir.go (names) · memfile.go (contents) · image.go (pages, shared until they are written) · crash.go ·
// record.go, replay.go · op.go, fault.go · trace.go · cache.go (getting, making room, renaming) · cachesync.go · handle.go · errors.go.
//
// Locks: Cache.mu guards the table of files and is never held during an operation of the FS. Mem.mu guards a whole Mem, and
// Recorder.mu, which comes before it, the order of changes; a Mem does no I/O.
package vfs
