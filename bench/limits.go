package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// measure runs a sub-command of the limits program in dir and returns the numbers of the JSON object that it ends with.
func (b *bench) measure(ctx context.Context, dir string, args ...string) (figures, error) {
	stdout, stderr, err := run(ctx, dir, append([]string{b.limits}, args...)...)
	if err != nil {
		return nil, err
	}
	if strings.Contains(stderr, "failed produces") {
		return nil, fmt.Errorf("limits %s: %s", strings.Join(args, " "), strings.TrimSpace(stderr))
	}
	f, err := parseLast(stdout)
	if err != nil {
		return nil, fmt.Errorf("limits %s: %w", strings.Join(args, " "), err)
	}
	return f, nil
}

// parseLast reads the last line as a JSON object and returns its numbers; "12 kB" counts as 12288.
func parseLast(text string) (figures, error) {
	text = strings.TrimSpace(text)
	line := text[strings.LastIndexByte(text, '\n')+1:]
	if line == "" {
		return nil, errors.New("it printed nothing")
	}
	var values map[string]any
	if err := json.Unmarshal([]byte(line), &values); err != nil {
		return nil, fmt.Errorf("its last line is not a JSON object: %q: %w", line, err)
	}
	f := figures{}
	for name, value := range values {
		switch v := value.(type) {
		case float64:
			f[name] = v
		case string:
			if number, ok := strings.CutSuffix(v, " kB"); ok {
				if n, err := strconv.ParseFloat(number, 64); err == nil {
					f[name] = n * 1024
				}
			}
		}
	}
	return f, nil
}
