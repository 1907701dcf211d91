package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// ticks is the kernel's unit of process times, USER_HZ: 100 a second on every Linux that Go runs on.
const ticks = 100

// stat is what /proc/PID/stat says of one process.
type stat struct {
	pid, parent int
	cpuTicks    int64 // its own and that of children it has waited for
}

// parseStat reads a line of /proc/PID/stat. The name in it may hold spaces and brackets.
func parseStat(line string) (stat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return stat{}, fmt.Errorf("no process name in %q", line)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(line[:open]))
	if err != nil {
		return stat{}, fmt.Errorf("process id: %w", err)
	}
	fields := strings.Fields(line[end+1:])
	if len(fields) < 15 {
		return stat{}, fmt.Errorf("%d fields after the name, want at least 15", len(fields))
	}
	s := stat{pid: pid}
	if s.parent, err = strconv.Atoi(fields[1]); err != nil {
		return stat{}, fmt.Errorf("parent's id: %w", err)
	}
	for _, f := range fields[11:15] { // utime, stime, cutime, cstime
		n, err := strconv.ParseInt(f, 10, 64)
		if err != nil {
			return stat{}, fmt.Errorf("times: %w", err)
		}
		s.cpuTicks += n
	}
	return s, nil
}

// tree returns the process and its descendants among all.
func tree(root int, all []stat) []stat {
	children := map[int][]stat{}
	var found []stat
	for _, s := range all {
		if s.pid == root {
			found = append(found, s)
		} else {
			children[s.parent] = append(children[s.parent], s)
		}
	}
	for i := 0; i < len(found); i++ {
		found = append(found, children[found[i].pid]...)
	}
	return found
}

// processTree reads the process and its descendants from /proc.
func processTree(root int) ([]stat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []stat
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // it ended meanwhile
		}
		s, err := parseStat(string(text))
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", name, err)
		}
		all = append(all, s)
	}
	found := tree(root, all)
	if len(found) == 0 {
		return nil, fmt.Errorf("process %d is gone", root)
	}
	return found, nil
}

// cpuSeconds returns the processor time that a process tree has used.
func cpuSeconds(root int) (float64, error) {
	processes, err := processTree(root)
	var sum int64
	for _, p := range processes {
		sum += p.cpuTicks
	}
	return float64(sum) / ticks, err
}

// memory returns a field of /proc/PID/status, in bytes, summed over a process tree: VmRSS is resident now, VmHWM at most so far.
func memory(root int, field string) (float64, error) {
	processes, err := processTree(root)
	if err != nil {
		return 0, err
	}
	var sum float64
	for _, p := range processes {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
		if err != nil {
			if p.pid == root {
				return 0, fmt.Errorf("read memory of process %d: %w", root, err)
			}
			continue
		}
		sum += kilobytes(text, field)
	}
	return sum, nil
}

// kilobytes finds "field:  N kB" in a file of /proc and returns it in bytes, 0 when it is not there.
func kilobytes(text []byte, field string) float64 {
	for line := range bytes.Lines(text) {
		rest, ok := bytes.CutPrefix(line, []byte(field+":"))
		if !ok {
			continue
		}
		if words := bytes.Fields(rest); len(words) > 0 {
			if n, err := strconv.ParseFloat(string(words[0]), 64); err == nil {
				return n * 1024
			}
		}
	}
	return 0
}

// cores holds the machine's processor time since it started: all of it, and what the hypervisor gave to others.
type cores struct {
	total, stolen float64
}

// parseCores reads the first line of /proc/stat.
func parseCores(text string) cores {
	line, _, _ := strings.Cut(text, "\n")
	words := strings.Fields(line)
	var c cores
	for i := 1; i < len(words) && i <= 8; i++ { // user … steal; guest times are in user already
		n, err := strconv.ParseFloat(words[i], 64)
		if err != nil {
			return cores{}
		}
		c.total += n
		if i == 8 {
			c.stolen = n
		}
	}
	return c
}

func readCores() cores {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return cores{}
	}
	return parseCores(string(text))
}

// stolenSince returns the share of processor time that was stolen after start.
func (c cores) stolenSince(start cores) float64 {
	if c.total <= start.total {
		return 0
	}
	return (c.stolen - start.stolen) / (c.total - start.total)
}
