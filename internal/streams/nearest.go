package streams

import (
	"cmp"
	"slices"
	"strings"
)

// Nearest returns up to n ids of a survey that are most like one, the most like first, each once. Ids that have nothing in common with it are left out.
func (s *Survey) Nearest(id string, n int) []string {
	type candidate struct {
		id   string
		away int
	}
	var found []candidate
	last := ""
	for i, sum := range s.Streams {
		if i > 0 && sum.ID == last {
			continue
		}
		last = sum.ID
		a, b := shorter(strings.ToLower(id)), shorter(strings.ToLower(sum.ID))
		away := min(distance(a, b), 1+distance(a, b[:min(len(b), len(a)+1)])) // the beginning of a long one may be what was meant
		if strings.Contains(b, a) || strings.Contains(a, b) {
			away = min(away, 1)
		}
		if away > max(1, len(a)/2) {
			continue
		}
		found = append(found, candidate{sum.ID, away})
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.away, b.away) })
	var ids []string
	for _, c := range found[:min(n, len(found))] {
		ids = append(ids, c.id)
	}
	return ids
}

// shorter cuts what is too long to compare.
func shorter(s string) string { return s[:min(len(s), 64)] }

// distance is how many bytes have to be added, removed or changed to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := before
			if a[i] != b[j] {
				change++
			}
			before = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
