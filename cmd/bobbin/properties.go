package main

import (
	"fmt"
	"io"
	"strings"
)

// readProperties reads NAME=VALUE lines; empty lines and those that start with # or ! do not count.
func readProperties(r io.Reader) (map[string]string, error) {
	set := make(map[string]string)
	n := 0
	for line, err := range lines(r) {
		if err != nil {
			return nil, err
		}
		n++
		text := strings.TrimSpace(string(line))
		if text == "" || text[0] == '#' || text[0] == '!' {
			continue
		}
		k, v, ok := strings.Cut(text, "=")
		if k = strings.TrimSpace(k); !ok || k == "" {
			return nil, fmt.Errorf("line %d: %.60q has not the form NAME=VALUE", n, text)
		}
		set[k] = strings.TrimSpace(v)
	}
	return set, nil
}
