package main

import (
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"
)

// machine says where and when a run was made.
type machine struct {
	Date   string `json:"date"`
	CPU    string `json:"cpu"`
	Cores  int    `json:"cores"`
	Memory string `json:"memory"`
	Kernel string `json:"kernel"`
	Go     string `json:"go"`
}

func thisMachine() machine {
	info, _ := os.ReadFile("/proc/cpuinfo")
	memory, _ := os.ReadFile("/proc/meminfo")
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return machine{
		Date:   time.Now().Format(time.RFC3339),
		CPU:    cpuModel(string(info)),
		Cores:  runtime.NumCPU(),
		Memory: fmt.Sprintf("%.0f GiB", kilobytes(memory, "MemTotal")/(1<<30)),
		Kernel: strings.TrimSpace(string(kernel)),
		Go:     runtime.Version(),
	}
}

// cpuModel finds the first processor's name in /proc/cpuinfo.
func cpuModel(info string) string {
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func (m machine) String() string {
	return fmt.Sprintf("%s · %s, %d cores, %s · Linux %s · %s", m.Date, m.CPU, m.Cores, m.Memory, m.Kernel, m.Go)
}
