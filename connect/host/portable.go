package host

import (
	"strconv"
	"strings"
	"time"

	"github.com/shirou/gopsutil/v4/cpu"
	"github.com/shirou/gopsutil/v4/disk"
	"github.com/shirou/gopsutil/v4/net"
	ps "github.com/shirou/gopsutil/v4/process"
)

// A portable reads through gopsutil. A process's handle is kept, since making one costs more than reading it.
type portable struct {
	handles map[int32]*handle
}

type handle struct {
	process *ps.Process
	name    string
	start   uint64
	used    float64 // seconds of CPU at the last reading
	listed  bool
}

func newPortable() *portable { return &portable{handles: map[int32]*handle{}} }

func (s *portable) cores(dst []coreCounters) ([]coreCounters, error) {
	dst = dst[:0]
	all, err := cpu.Times(true)
	if err != nil {
		return dst, err
	}
	for i, t := range all {
		index, err := strconv.Atoi(strings.TrimPrefix(t.CPU, "cpu"))
		if err != nil {
			index = i
		}
		// Guest time is part of user time.
		dst = append(dst, coreCounters{
			index: index, user: t.User + t.Nice, system: t.System + t.Irq + t.Softirq, iowait: t.Iowait, steal: t.Steal,
			total: t.User + t.Nice + t.System + t.Irq + t.Softirq + t.Iowait + t.Steal + t.Idle,
		})
	}
	return dst, nil
}

func (s *portable) disks(dst []diskCounters) ([]diskCounters, error) {
	dst = dst[:0]
	all, _ := disk.IOCounters() // none on an error: a container without disks, or a system of which gopsutil cannot tell them
	isDisk := func(name string) bool { _, ok := all[name]; return ok }
	for name, d := range all {
		if d.ReadCount+d.WriteCount == 0 || isPartition(name, isDisk) {
			continue
		}
		dst = append(dst, diskCounters{
			name: name, reads: d.ReadCount, writes: d.WriteCount, readBytes: d.ReadBytes, wroteByte: d.WriteBytes,
			busy: time.Duration(d.IoTime) * time.Millisecond,
		})
	}
	return dst, nil
}

func (s *portable) nets(dst []netCounters) ([]netCounters, error) {
	dst = dst[:0]
	all, _ := net.IOCounters(true) // as for disks
	for _, n := range all {
		if n.BytesRecv+n.BytesSent == 0 {
			continue
		}
		dst = append(dst, netCounters{
			name: n.Name, received: n.BytesRecv, sent: n.BytesSent, packetsIn: n.PacketsRecv, packetsOut: n.PacketsSent,
			dropped: n.Errin + n.Errout + n.Dropin + n.Dropout,
		})
	}
	return dst, nil
}

func (s *portable) pids(dst []int32) ([]int32, error) {
	dst = dst[:0]
	all, err := ps.Pids()
	if err != nil {
		return dst, err
	}
	for _, h := range s.handles {
		h.listed = false
	}
	for _, pid := range all {
		h := s.handles[pid]
		if h == nil {
			h = newHandle(pid)
		}
		if h == nil {
			continue
		}
		h.listed = true
		s.handles[pid] = h
		dst = append(dst, pid)
	}
	for pid, h := range s.handles {
		if !h.listed {
			delete(s.handles, pid)
		}
	}
	return dst, nil
}

// newHandle returns nil for a process that ended meanwhile or whose name may not be read.
func newHandle(pid int32) *handle {
	p, err := ps.NewProcess(pid)
	if err != nil {
		return nil
	}
	name, err := p.Name()
	if err != nil {
		return nil
	}
	start, err := p.CreateTime()
	if err != nil || start < 0 {
		start = 0
	}
	return &handle{process: p, name: cleanName(name), start: uint64(start)}
}

func (s *portable) process(pid int32, p *procCounters) bool {
	h := s.handles[pid]
	if h == nil {
		return false
	}
	times, err := h.process.Times()
	if err != nil {
		delete(s.handles, pid)
		return false
	}
	if times.User+times.System < h.used {
		delete(s.handles, pid) // another process has the number now; the next listing meets it
		return false
	}
	h.used = times.User + times.System
	p.name, p.start, p.user, p.system = h.name, h.start, times.User, times.System
	p.rss, p.threads = 0, 0
	if m, err := h.process.MemoryInfo(); err == nil {
		p.rss = m.RSS
	}
	if n, err := h.process.NumThreads(); err == nil {
		p.threads = int64(n)
	}
	return true
}

func (s *portable) close() error { return nil }
