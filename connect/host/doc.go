// Package host reads the live telemetry of this computer: its cores, disks, network interfaces and processes.
//
// Nouns: a Reader wakes ten times a second; each time it turns counters into Samples; a Sample is one row of one stream
// (`cpu/3`, `disk/vda`, `net/eth0`, `proc/4711 postgres`) at one moment; a Value is one named number of it, with its unit.
//
//	/proc or gopsutil ─► source ─► counters ─► sampler (this reading − the last one, per second) ─► []Sample
//	                                               └─ busiest twenty: every reading · the others: once a second
//
// Promise: a number is a rate or a level of the time since the stream's last sample, never a counter since boot. A process
// that ends between two readings is left out, not an error; a computer without disks or interfaces has no such streams. A
// process is known by its number and its start, so that a number that is used again starts a stream of its own.
//
// Never: the arguments, the environment or the files of a process are not read, only its name as the system shows it.
//
// On Linux /proc is read directly into a buffer that is used again, since reading all processes through gopsutil costs several
// times as much; elsewhere, and where /proc cannot be read, gopsutil is the source. Cost says what the reading takes.
//
// Files: host.go (Options, Reader: pace and cost) · sample.go (Sample, Value, JSON) · sampler.go (from counters to samples)
// · busiest.go (which processes are read each time) · counters.go (what a source delivers) · source_linux.go, parse_linux.go
// (/proc) · source_other.go (elsewhere) · portable.go (gopsutil).
//
// Locks: none. A Reader belongs to one goroutine; only Cost may be called from others, through an atomic.
package host
