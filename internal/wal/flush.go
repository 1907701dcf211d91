package wal

// flush is somebody who waits until the first so many entries were told what became of them, and are synced.
type flush struct {
	upTo uint64
	done chan error // buffered
}

// Flush waits until everything appended before the call is durable, whatever durability it asked for, and was told so. It takes no room in
// the log, so that a checkpoint can be tried any number of times while the disk is full.
func (l *Log) Flush() error {
	l.mu.Lock()
	if l.closing {
		l.mu.Unlock()
		return ErrClosed
	}
	f := flush{upTo: l.appended, done: make(chan error, 1)}
	l.flushes = append(l.flushes, f)
	l.mu.Unlock()
	select {
	case l.queueSet <- struct{}{}:
	default:
	}
	return <-f.done
}

// serveFlushes answers those that wait for no entry any more. Only the log's own goroutine calls it.
func (l *Log) serveFlushes() {
	l.mu.Lock()
	n := 0
	for n < len(l.flushes) && l.flushes[n].upTo <= l.told {
		n++
	}
	ready := l.flushes[:n:n]
	l.flushes = l.flushes[n:]
	l.mu.Unlock()
	if n == 0 {
		return
	}
	err := l.Err()
	if err == nil && l.unsynced {
		err = l.sync()
	}
	for _, f := range ready {
		f.done <- err
	}
}
