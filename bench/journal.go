package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// journal keeps every raw point as one JSON line. A point is on its way to the disk before the next turn starts, so a run that
// is cut off keeps what it measured.
type journal struct {
	file *os.File
}

// header is the first line of a run.
type header struct {
	machine
	Arguments []string `json:"arguments"`
}

// point is one turn, or one probe, of one round.
type point struct {
	Contest    string  `json:"contest"`
	Round      int     `json:"round"`
	Attempt    int     `json:"attempt"`
	Contestant string  `json:"contestant"`
	At         string  `json:"at"`
	Seconds    float64 `json:"seconds"`
	Stolen     float64 `json:"stolen"`
	Figures    figures `json:"figures"`
}

func openJournal(path string) (*journal, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open the file for raw points: %w; name another with -out", err)
	}
	return &journal{file}, nil
}

func (j *journal) put(line any) error {
	text, err := json.Marshal(line)
	if err != nil {
		return fmt.Errorf("write a raw point: %w", err)
	}
	if _, err := j.file.Write(append(text, '\n')); err != nil {
		return fmt.Errorf("write a raw point: %w; nothing is measured that cannot be kept", err)
	}
	return nil
}

func (j *journal) close() error { return j.file.Close() }
