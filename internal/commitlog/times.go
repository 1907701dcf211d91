package commitlog

import (
	"errors"
	"runtime"

	"github.com/bobbinstream/bobbin/internal/batch"
)

// Stamp is a record's offset and timestamp. Offset is -1 when there is none.
type Stamp struct {
	Offset    int64
	Timestamp int64
}

var noStamp = Stamp{Offset: -1, Timestamp: -1}

// OffsetForTime returns the first record, in the order of offsets, whose timestamp is ts or later, below the high watermark. maxDecompressed bounds the
// work for a compressed batch: see [batch.Batch.Stamps].
func (l *Log) OffsetForTime(ts int64, maxDecompressed int) (Stamp, error) {
	from, err := l.timeStart(ts)
	if err != nil {
		return noStamp, err
	}
	return l.firstRecord(from, maxDecompressed, func(b batch.Batch) bool { return b.MaxTimestamp() >= ts }, func(t int64) bool { return t >= ts })
}

// MaxTimestamp returns the record with the largest timestamp, the first of them, below the high watermark (KIP-734).
func (l *Log) MaxTimestamp(maxDecompressed int) (Stamp, error) {
	l.mu.Lock()
	best, hw := noStamp, l.hw.Load()
	for _, s := range l.segments {
		if s.MaxTimestamp > best.Timestamp && s.MaxTimeOffset < hw {
			best = Stamp{Offset: s.MaxTimeOffset, Timestamp: s.MaxTimestamp}
		}
	}
	state := l.state
	l.mu.Unlock()
	if state != nil || best.Offset < 0 {
		return best, state
	}
	top := best.Timestamp
	return l.firstRecord(max(best.Offset, l.low.Load()), maxDecompressed, func(b batch.Batch) bool { return b.MaxTimestamp() == top }, func(t int64) bool { return t == top })
}

// timeStart returns an offset before which no record is as late as ts.
func (l *Log) timeStart(ts int64) (int64, error) {
	l.mu.Lock()
	if l.state != nil {
		defer l.mu.Unlock()
		return 0, l.state
	}
	low := l.low.Load()
	for _, s := range l.segments {
		if s.MaxTimestamp < ts {
			continue
		}
		v := s.view()
		l.mu.Unlock()
		offset, err := v.lookupTime(l.eng.opts.Files, l.eng.dir(l.id), ts)
		if errors.Is(err, errMoved) {
			runtime.Gosched()
			return l.timeStart(ts)
		}
		if errors.Is(err, errIndex) {
			l.damagedIndex(v)
			offset, err = v.base, nil
		}
		return max(offset, low), err
	}
	hw := l.hw.Load()
	l.mu.Unlock()
	return max(low, hw), nil
}

// firstRecord looks from an offset on for the first batch that may hold the record, and in it for the record.
func (l *Log) firstRecord(from int64, maxDecompressed int, may func(batch.Batch) bool, is func(ts int64) bool) (Stamp, error) {
	const step = 256 << 10
	var s Span
	defer s.Release()
	for {
		if err := l.Read(&s, from, step, true); err != nil {
			return noStamp, err
		}
		if s.Size == 0 {
			return noStamp, nil
		}
		for _, run := range s.Bytes {
			for len(run) > 0 {
				b, rest, err := batch.Next(run)
				if err != nil {
					return noStamp, err
				}
				run = rest
				if !may(b) {
					continue
				}
				st, err := recordIn(b, l.low.Load(), maxDecompressed, is)
				if err != nil || st.Offset >= 0 {
					return st, err
				}
			}
		}
		from = s.Next
		s.Release()
	}
}

func recordIn(b batch.Batch, low int64, maxDecompressed int, is func(ts int64) bool) (Stamp, error) {
	if b.TimestampType() == batch.LogAppendTime && b.Count() == b.LastOffsetDelta()+1 {
		if is(b.MaxTimestamp()) {
			return Stamp{Offset: max(b.BaseOffset(), low), Timestamp: b.MaxTimestamp()}, nil
		}
		return noStamp, nil
	}
	found := noStamp
	err := b.Stamps(maxDecompressed, func(offset, timestamp int64) bool {
		if offset >= low && is(timestamp) {
			found = Stamp{Offset: offset, Timestamp: timestamp}
		}
		return found.Offset < 0
	})
	return found, err
}
