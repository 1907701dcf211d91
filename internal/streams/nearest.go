package streams

import (
	"cmp"
	"slices"
	"strings"

	"github.com/agnivade/levenshtein"
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
		away := min(levenshtein.ComputeDistance(a, b), 1+levenshtein.ComputeDistance(a, b[:min(len(b), len(a)+1)])) // the beginning of a long one may be what was meant
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
