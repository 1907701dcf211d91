package vfs

// OpenFileLimit is how many files and connections together the system lets this process have open.
func OpenFileLimit() int { return 16 << 10 }
