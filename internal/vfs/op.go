package vfs

// Op is a kind of operation on a file system.
type Op uint8

// The operations. OpRead and OpWrite are those of files, OpList includes Stat, and OpAny stands for each of them in a Rule.
const (
	OpAny Op = iota
	OpOpen
	OpRead
	OpWrite
	OpSync
	OpSyncDir
	OpSyncFS
	OpRename
	OpRemove
	OpTruncate
	OpAllocate
	OpMkdir
	OpList
	OpLock
)

func (o Op) String() string {
	names := [...]string{"any", "open", "read", "write", "sync", "syncdir", "syncfs", "rename", "remove", "truncate", "allocate", "mkdir", "list", "lock"}
	return names[o]
}
