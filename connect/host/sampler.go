package host

import (
	"errors"
	"fmt"
	"time"
)

// A process is what is remembered of one running process between two readings.
type process struct {
	pid    int32
	stream string
	last   procCounters
	at     time.Time
	lately float64 // cores used between the last two readings, smoothed
	listed uint64  // the listing that named it last
}

// A sampler turns a source's counters into samples. It reads the time from clock only, and does not wait.
type sampler struct {
	src   source
	clock func() time.Time
	busy  int           // how many processes are read each time
	every time.Duration // how often the others are

	cores     []coreCounters
	lastCores []coreCounters
	disks     []diskCounters
	lastDisks map[string]diskCounters
	disksAt   time.Time
	nets      []netCounters
	lastNets  map[string]netCounters
	netsAt    time.Time
	pids      []int32
	processes map[int32]*process
	ranked    []*process
	listings  uint64
	listedAt  time.Time
	names     map[string]string // stream names of disks and interfaces

	out    []Sample
	values []Value
}

func newSampler(src source, clock func() time.Time, busy int, every time.Duration) *sampler {
	return &sampler{
		src: src, clock: clock, busy: busy, every: every,
		lastDisks: map[string]diskCounters{}, lastNets: map[string]netCounters{},
		processes: map[int32]*process{}, names: map[string]string{},
	}
}

// sample reads what is due and returns a row of each stream that was read before too. The samples live until the next call.
// It fails when nothing at all can be read.
func (s *sampler) sample() ([]Sample, error) {
	s.out, s.values = s.out[:0], s.values[:0]
	coresErr, disksErr, netsErr, procErr := s.sampleCores(), s.sampleDisks(), s.sampleNets(), s.sampleProcesses()
	if coresErr != nil && disksErr != nil && netsErr != nil && procErr != nil {
		return nil, fmt.Errorf("host: nothing of this computer can be read: %w", errors.Join(coresErr, disksErr, netsErr, procErr))
	}
	return s.out, nil
}

// emit adds a row that takes the values added since mark.
func (s *sampler) emit(stream string, at time.Time, mark int) {
	s.out = append(s.out, Sample{Stream: stream, Time: at, Values: s.values[mark:len(s.values):len(s.values)]})
}

func (s *sampler) add(name, unit string, number float64) {
	s.values = append(s.values, Value{Name: name, Unit: unit, Number: number})
}

func (s *sampler) sampleCores() error {
	at := s.clock()
	now, err := s.src.cores(s.cores)
	if err != nil {
		return err
	}
	for i, c := range now {
		if i >= len(s.lastCores) || s.lastCores[i].index != c.index {
			continue // a core was taken away or added: its next reading counts
		}
		last := s.lastCores[i]
		total := c.total - last.total
		if total <= 0 {
			continue
		}
		share := func(now, last float64) float64 { return min(max(0, now-last)/total, 1) }
		mark := len(s.values)
		s.add("user", "share", share(c.user, last.user))
		s.add("system", "share", share(c.system, last.system))
		s.add("iowait", "share", share(c.iowait, last.iowait))
		s.add("steal", "share", share(c.steal, last.steal))
		s.emit(streamOfCore(c.index), at, mark)
	}
	s.cores, s.lastCores = s.lastCores, now
	return nil
}

func (s *sampler) sampleDisks() error {
	at := s.clock()
	now, err := s.src.disks(s.disks)
	if err != nil {
		return err
	}
	s.disks = now
	rate := rates(at.Sub(s.disksAt))
	for _, d := range now {
		last, known := s.lastDisks[d.name]
		s.lastDisks[d.name] = d
		if !known || rate == nil {
			continue
		}
		mark := len(s.values)
		s.add("read", "bytes/s", rate(d.readBytes, last.readBytes))
		s.add("written", "bytes/s", rate(d.wroteByte, last.wroteByte))
		s.add("reads", "1/s", rate(d.reads, last.reads))
		s.add("writes", "1/s", rate(d.writes, last.writes))
		s.add("busy", "share", min(rate(uint64(d.busy), uint64(last.busy))/float64(time.Second), 1))
		s.emit(s.name("disk/", d.name), at, mark)
	}
	s.disksAt = at
	return nil
}

func (s *sampler) sampleNets() error {
	at := s.clock()
	now, err := s.src.nets(s.nets)
	if err != nil {
		return err
	}
	s.nets = now
	rate := rates(at.Sub(s.netsAt))
	for _, n := range now {
		last, known := s.lastNets[n.name]
		s.lastNets[n.name] = n
		if !known || rate == nil {
			continue
		}
		mark := len(s.values)
		s.add("received", "bytes/s", rate(n.received, last.received))
		s.add("sent", "bytes/s", rate(n.sent, last.sent))
		s.add("packets_in", "1/s", rate(n.packetsIn, last.packetsIn))
		s.add("packets_out", "1/s", rate(n.packetsOut, last.packetsOut))
		s.add("dropped", "1/s", rate(n.dropped, last.dropped))
		s.emit(s.name("net/", n.name), at, mark)
	}
	s.netsAt = at
	return nil
}

// sampleProcesses reads all processes when that is due, else the busiest only.
func (s *sampler) sampleProcesses() error {
	now := s.clock()
	if !s.listedAt.IsZero() && now.Sub(s.listedAt) < s.every {
		for _, p := range s.ranked {
			s.sampleProcess(p)
		}
		return nil
	}
	pids, err := s.src.pids(s.pids)
	if err != nil {
		return err
	}
	s.pids, s.listedAt = pids, now
	s.listings++
	for _, pid := range pids {
		p := s.processes[pid]
		if p == nil {
			p = &process{pid: pid}
			s.processes[pid] = p
		}
		p.listed = s.listings
		s.sampleProcess(p)
	}
	for pid, p := range s.processes {
		if p.listed != s.listings {
			delete(s.processes, pid)
		}
	}
	s.ranked = busiest(s.processes, s.busy, s.ranked)
	return nil
}

// sampleProcess reads one process and adds its row when it was read before.
func (s *sampler) sampleProcess(p *process) {
	at := s.clock()
	now := procCounters{name: p.last.name}
	if !s.src.process(p.pid, &now) {
		p.stream, p.lately = "", 0 // gone; the next listing forgets it
		return
	}
	last, seconds := p.last, at.Sub(p.at).Seconds()
	known := p.stream != "" && last.start == now.start
	if !known || last.name != now.name {
		p.stream = streamOfProcess(p.pid, now.name)
	}
	p.last, p.at = now, at
	if !known || seconds <= 0 {
		return
	}
	user, system := max(0, now.user-last.user)/seconds, max(0, now.system-last.system)/seconds
	// Readings of the busiest come ten times as often: weigh by the time that they cover.
	weight := min(seconds, 1)
	p.lately += weight * (user + system - p.lately)
	mark := len(s.values)
	s.add("cpu", "cores", user+system)
	s.add("user", "cores", user)
	s.add("system", "cores", system)
	s.add("rss", "bytes", float64(now.rss))
	s.add("threads", "1", float64(now.threads))
	s.emit(p.stream, at, mark)
}

func (s *sampler) name(kind, name string) string {
	if full, ok := s.names[kind+name]; ok {
		return full
	}
	full := kind + cleanName(name)
	s.names[kind+name] = full
	return full
}

// rates returns how to turn two readings of a counter into a rate; a counter that went back (a device that was replaced) has
// rate 0. It returns nil when no time has passed.
func rates(elapsed time.Duration) func(now, last uint64) float64 {
	if elapsed <= 0 {
		return nil
	}
	return func(now, last uint64) float64 {
		if now < last {
			return 0
		}
		return float64(now-last) / elapsed.Seconds()
	}
}
