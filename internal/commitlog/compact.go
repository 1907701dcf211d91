package commitlog

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/bobbinstream/bobbin/internal/batch"
	"github.com/bobbinstream/bobbin/internal/producers"
	"github.com/bobbinstream/bobbin/internal/vfs"
)

// CleanerOptions bound what compaction takes.
type CleanerOptions struct {
	KeyBytes        int64   // memory for the table of keys: log.cleaner.dedupe.buffer.size
	KeyLoad         float64 // how full it may get: log.cleaner.io.buffer.load.factor
	BufferBytes     int     // memory for reading and writing: log.cleaner.io.buffer.size
	MaxBatch        int64   // the largest batch
	MaxDecompressed int     // what one may decompress to
}

// Cleaner compacts logs, one at a time. It belongs to one goroutine.
type Cleaner struct {
	eng   *Engine
	opts  CleanerOptions
	keys  *offsetMap
	in    *bufio.Reader
	batch []byte // the one that was read
	out   []byte // what is to be written
	pace  pace
}

// NewCleaner makes a cleaner, which takes its memory when it is used. perSecond is asked again and again how many bytes it may read and write in a second
// (log.cleaner.io.max.bytes.per.second); there is no bound when it says 0.
func (e *Engine) NewCleaner(opts CleanerOptions, perSecond func() float64) *Cleaner {
	half := max(opts.BufferBytes/2, 64<<10)
	return &Cleaner{
		eng: e, opts: opts, keys: newOffsetMap(opts.KeyBytes, opts.KeyLoad), in: bufio.NewReaderSize(nil, half), out: make([]byte, 0, half),
		pace: pace{perSecond: perSecond},
	}
}

// Configure takes other bounds on memory from the next log on.
func (c *Cleaner) Configure(opts CleanerOptions) {
	if opts != c.opts {
		*c = *c.eng.NewCleaner(opts, c.pace.perSecond)
	}
}

// Dirt is how much of a log is not compacted, as far as it may be.
type Dirt struct {
	CleanBytes, DirtyBytes int64
	Overdue                bool // the oldest of it is older than max.compaction.lag.ms
}

// Ratio is the part that is dirty.
func (d Dirt) Ratio() float64 {
	if d.DirtyBytes == 0 {
		return 0
	}
	return float64(d.DirtyBytes) / float64(d.CleanBytes+d.DirtyBytes)
}

// Due says whether the log is to be compacted now, by Kafka's rules.
func (d Dirt) Due(ratio float64) bool { return d.DirtyBytes > 0 && (d.Overdue || d.Ratio() > ratio) }

// Dirt returns how much of the log is dirty, and the ratio above which it is to be compacted. compacted is false when its topic is not.
func (l *Log) Dirt(now int64) (d Dirt, ratio float64, compacted bool) {
	cfg := l.cfg.Load()
	if !cfg.Compaction.Enabled {
		return d, 0, false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != nil {
		return d, 0, false
	}
	dirty := max(l.cleanedTo, l.low.Load())
	for i := range l.cleanableLocked(cfg, now) {
		s := l.segments[i]
		if l.endLocked(i) <= dirty {
			d.CleanBytes += s.Size
			continue
		}
		d.DirtyBytes += s.Size
		if s.FirstTime > 0 && now-s.FirstTime > cfg.Compaction.MaxLag {
			d.Overdue = true
		}
	}
	return d, cfg.Compaction.DirtyRatio, true
}

// cleanableLocked is how many of the first segments may be compacted: they are sealed and acknowledged, and those that are dirty are old enough.
func (l *Log) cleanableLocked(cfg *Config, now int64) int {
	dirty, hw := max(l.cleanedTo, l.low.Load()), l.hw.Load()
	for i, s := range l.segments {
		end := l.endLocked(i)
		if !s.sealed || end > hw || end > dirty && cfg.Compaction.MinLag > 0 && s.MaxTimestamp > now-cfg.Compaction.MinLag {
			return i
		}
	}
	return len(l.segments)
}

// Cleaned says what a cleaning did.
type Cleaned struct {
	From, To             int64 // the part that was dirty, as far as its keys were taken
	Segments             int   // replaced
	Before, After        int64 // their bytes, and those of what replaced them
	Records, RecordsLeft int64
	Keys                 int // in the table
}

// errAside says that the log changed in a way that makes a cleaning needless: it is tried again later.
var errAside = errors.New("the log changed while it was compacted")

// errFull says that the table of keys is.
var errFull = errors.New("the table of keys is full")

// round is one cleaning under way.
type round struct {
	*Cleaner
	ctx       context.Context
	log       *Log
	cfg       *Config
	now       int64
	sources   []source
	epochs    epochIn
	producers map[int64]producers.Producer
	latest    int64 // up to which offset the table knows the keys
	did       Cleaned
}

// source is a segment that is compacted.
type source struct {
	seg  *segment
	view indexView
	end  int64
}

// Clean compacts the log: of each key only the last record stays, as far as it may be compacted. now is the broker's time in milliseconds. Segments are
// replaced group by group, each by one durable fact, so that a stop at any moment leaves each of them as it was or as it is to be. It returns ErrDeleted or ErrClosed
// when the log ended meanwhile. After another error the log is as it was, or some of its groups are compacted.
func (c *Cleaner) Clean(ctx context.Context, l *Log, now int64) (Cleaned, error) {
	r := &round{Cleaner: c, ctx: ctx, log: l, cfg: l.cfg.Load(), now: now, producers: make(map[int64]producers.Producer)}
	end, ok, err := r.begin()
	if !ok {
		return r.did, err
	}
	defer r.finish()
	if err := l.Settle(end); err != nil {
		return r.did, err
	}
	err = r.run()
	if errors.Is(err, errAside) || errors.Is(err, errMoved) {
		err = nil
	}
	if err != nil {
		err = fmt.Errorf("compact %s-%d: %w", l.id.Topic, l.id.Partition, err)
	}
	return r.did, err
}

// begin takes the log, if there is something to do, and says up to which offset.
func (r *round) begin() (end int64, ok bool, err error) {
	l := r.log
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.state != nil || l.cleaning || !r.cfg.Compaction.Enabled {
		return 0, false, l.state
	}
	n := l.cleanableLocked(r.cfg, r.now)
	if n == 0 {
		return 0, false, nil
	}
	r.did.From = max(l.cleanedTo, l.low.Load())
	end = l.endLocked(n - 1)
	if end <= r.did.From {
		return 0, false, nil
	}
	for i, s := range l.segments[:n] {
		r.sources = append(r.sources, source{seg: s, end: l.endLocked(i)})
	}
	for p := range l.producers.All() {
		r.producers[p.ID] = p
	}
	r.epochs = epochIn(l.epochs)
	l.cleaning = true
	return end, true, nil
}

func (r *round) finish() {
	r.keys.clear()
	l := r.log
	l.mu.Lock()
	l.cleaning = false
	l.wakeLocked()
	l.mu.Unlock()
}

func (r *round) run() error {
	l := r.log
	l.mu.Lock()
	for i := range r.sources {
		s := &r.sources[i]
		s.view = s.seg.view()
		if s.seg.written < s.seg.Size && !s.seg.gone.Load() {
			l.mu.Unlock()
			return errAside
		}
	}
	l.mu.Unlock()
	if err := r.mapKeys(); err != nil {
		return err
	}
	end := r.latest + 1
	r.did.To, r.did.Keys = end, r.keys.count
	n := 0
	for n < len(r.sources) && r.sources[n].seg.Base < end {
		n++
	}
	groups := r.groups(r.sources[:n])
	for i, g := range groups {
		to := int64(-1)
		if i == len(groups)-1 {
			to = end
		}
		if err := r.clean(g, to); err != nil {
			return err
		}
	}
	return nil
}

// mapKeys notes the last offset of each key in the dirty part. When the table is full it ends there.
func (r *round) mapKeys() error {
	r.keys.clear()
	r.latest = r.did.From - 1
	for _, s := range r.sources {
		if s.end <= r.did.From {
			continue
		}
		err := r.read(s, func(b batch.Batch) error {
			if b.LastOffset() < r.did.From {
				return nil
			}
			if b.Control() {
				r.latest = b.LastOffset()
				return nil
			}
			for rec, err := range b.Records(r.opts.MaxDecompressed) {
				switch {
				case err != nil:
					return err
				case rec.Offset < r.did.From:
				case rec.Key != nil && !r.keys.put(rec.Key, rec.Offset):
					return errFull
				default:
					r.latest = rec.Offset
				}
			}
			r.latest = b.LastOffset()
			return nil
		})
		if errors.Is(err, errFull) {
			return nil
		}
		if err != nil {
			return err
		}
		r.latest = s.end - 1
	}
	return nil
}

// groups puts neighbours together that make one segment of at most segment.bytes, whose offsets fit its indexes.
func (r *round) groups(all []source) (groups [][]source) {
	for len(all) > 0 {
		n, size := 1, all[0].seg.Size
		for n < len(all) && size+all[n].seg.Size <= r.cfg.SegmentBytes && all[n].end-1-all[0].seg.Base <= math.MaxInt32 {
			size += all[n].seg.Size
			n++
		}
		groups, all = append(groups, all[:n]), all[n:]
	}
	return groups
}

// read gives the batches of a segment, each checked. A batch is valid during the call.
func (r *round) read(s source, fn func(batch.Batch) error) error {
	l := r.log
	h, err := l.openSegment(s.view, r.eng.dir(l.id), vfs.ReadOnly, s.view.base)
	if err != nil {
		return err
	}
	defer h.Release()
	r.in.Reset(io.NewSectionReader(h, 0, s.view.written))
	defer r.in.Reset(nil)
	expect := s.view.base
	for pos := int64(0); pos < s.view.written; {
		if err := r.goOn(s); err != nil {
			return err
		}
		r.batch, err = readBatch(r.in, r.batch, min(s.view.written-pos, r.opts.MaxBatch))
		if err != nil {
			return l.damaged(s.view, pos, expect, err.Error(), nil)
		}
		b := batch.Batch(r.batch)
		if why := checkBatch(b, expect, s.end, s.view.gaps(), r.epochs); why != "" {
			return l.damaged(s.view, pos, expect, why, nil)
		}
		if err := fn(b); err != nil {
			return err
		}
		expect = b.NextOffset()
		pos += int64(len(b))
		if err := r.pace.took(r.ctx, len(b), func() error { return r.goOn(s) }); err != nil {
			return err
		}
	}
	if cap(r.batch) > 4<<20 {
		r.batch = nil // a large batch's memory is not kept
	}
	return nil
}

// goOn says why the round must end.
func (r *round) goOn(s source) error {
	if r.ctx.Err() != nil {
		return context.Cause(r.ctx)
	}
	if s.seg.gone.Load() {
		return errAside
	}
	r.log.mu.Lock()
	defer r.log.mu.Unlock()
	return r.log.state
}

// clean writes what is left of a group and has it replaced. to is the offset below which the log is compacted then, -1 when that is to stay.
func (r *round) clean(group []source, to int64) (err error) {
	w := &cleanWriter{round: r, seg: newSegment(group[0].seg.Base)}
	l := r.log
	l.mu.Lock()
	w.seg.Cleaning = l.cleanings + 1
	l.mu.Unlock()
	dir := r.eng.dir(l.id)
	defer func() {
		if err != nil && !w.queued {
			w.remove(dir)
		}
	}()
	if err := w.open(dir); err != nil {
		return err
	}
	before, records := int64(0), int64(0)
	for _, s := range group {
		err := r.read(s, func(b batch.Batch) error {
			records += int64(b.Count())
			return w.take(b)
		})
		if err != nil {
			return errors.Join(err, w.f.Close())
		}
		before += s.seg.Size
	}
	if err := w.finish(dir); err != nil {
		return err
	}
	if err := l.replace(r.ctx, w, group, to); err != nil {
		return err
	}
	r.did.Segments += len(group)
	r.did.Before += before
	r.did.After += w.seg.Size
	r.did.Records += records
	r.did.RecordsLeft += w.left
	return nil
}

// keepEmpty says whether a batch of which no record stays keeps its header: it is the last of an active producer, whose sequence and epoch it holds, or the
// last of the round, whose end it holds.
func (r *round) keepEmpty(b batch.Batch) bool {
	if p, ok := r.producers[b.ProducerID()]; ok && b.ProducerID() >= 0 {
		if p.LastOffset >= 0 && p.LastOffset == b.LastOffset() || p.LastOffset < 0 && b.Control() && p.Epoch == b.ProducerEpoch() {
			return true
		}
	}
	return b.LastOffset() == r.latest
}

// keep says whether a record stays: it is not known yet whether there is a later one of its key, or it is the last. A tombstone goes when its batch's horizon
// has passed; a record without a key goes.
func (r *round) keep(b batch.Batch, offset int64, key, value []byte) bool {
	switch {
	case b.Control() || offset > r.latest:
		return true
	case key == nil, offset < r.keys.get(key):
		return false
	}
	return value != nil || !b.HasDeleteHorizon() || r.now < b.FirstTimestamp()
}
