package commitlog

// gentleStep is how much of a piece is read at a time while records are being written.
const gentleStep = 256 << 10

// gently makes a direct read leave the disk to the write-ahead log. A disk does things in the order in which it was asked: a sync of the log that comes
// behind the pieces of some readers waits until all of them are read. So while records are being written, old ones are read in steps, one at a time for
// all readers together, and a sync waits for one step at most. While nothing is written whole pieces are read, as many at once as there are readers.
func (e *Engine) gently(read func([]byte, int64) (int, error)) func([]byte, int64) (int, error) {
	return func(b []byte, off int64) (n int, err error) {
		for n < len(b) && err == nil {
			if !e.wal.Busy() {
				m, err := read(b[n:], off+int64(n))
				return n + m, err
			}
			var m int
			e.gentle <- struct{}{}
			m, err = read(b[n:min(n+gentleStep, len(b))], off+int64(n))
			<-e.gentle
			n += m
		}
		return n, err
	}
}
