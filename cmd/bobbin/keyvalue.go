package main

import (
	"fmt"
	"strings"
)

// keyValues reads the values of a flag that has the form NAME=VALUE.
func keyValues(flag string, pairs []string) (map[string]string, error) {
	m := make(map[string]string, len(pairs))
	for _, p := range pairs {
		k, v, ok := strings.Cut(p, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("%s %.60q has not the form NAME=VALUE", flag, p)
		}
		if _, twice := m[k]; twice {
			return nil, fmt.Errorf("%s gives %s twice", flag, k)
		}
		m[k] = v
	}
	return m, nil
}

// count writes a number with its noun.
func count[N int | int64](n N, noun string) string {
	if n != 1 && strings.HasSuffix(noun, "ch") {
		noun += "e"
	}
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
