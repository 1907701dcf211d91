package main

import (
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
)

// figures are what one turn measured, by name; the name carries the unit.
type figures map[string]float64

// round holds one turn's figures of each contestant.
type round map[string]figures

// get returns a contestant's figure, NaN when the contestant did not take part.
func (r round) get(contestant, figure string) float64 {
	if f, ok := r[contestant][figure]; ok {
		return f
	}
	return math.NaN()
}

// goal is a number made from one round, and the bound that its median is held to.
type goal struct {
	text    string
	value   func(round) float64
	bound   float64
	atLeast bool // else at most
}

// ratio is a goal's value: one contestant's figure over another's.
func ratio(figure, over, under string) func(round) float64 {
	return func(r round) float64 { return r.get(over, figure) / r.get(under, figure) }
}

// only is a goal's value: a figure as it is.
func only(figure, of string) func(round) float64 {
	return func(r round) float64 { return r.get(of, figure) }
}

// result is a goal with what was measured.
type result struct {
	contest   string
	goal      goal
	rounds    int
	median    float64
	low, high float64
}

// judge gives a contest's results; a goal whose contestants did not take part gives none.
func judge(contest string, goals []goal, rounds []round) []result {
	var results []result
	for _, g := range goals {
		var values []float64
		for _, r := range rounds {
			if v := g.value(r); !math.IsNaN(v) {
				values = append(values, v)
			}
		}
		if len(values) == 0 {
			continue
		}
		low, high := interval(values)
		results = append(results, result{contest, g, len(values), median(values), low, high})
	}
	return results
}

func (r result) met() bool {
	if r.goal.atLeast {
		return r.median >= r.goal.bound
	}
	return r.median <= r.goal.bound
}

// write prints the result as a row of a markdown table.
func (r result) write(w io.Writer) {
	relation, met := "at most", "yes"
	if r.goal.atLeast {
		relation = "at least"
	}
	if !r.met() {
		met = "no"
	}
	fmt.Fprintf(w, "| %s | %s | %s | %s to %s | %d | %s %s | %s |\n", r.contest, r.goal.text, short(r.median),
		short(r.low), short(r.high), r.rounds, relation, short(r.goal.bound), met)
}

// writeResults prints the table of all results.
func writeResults(w io.Writer, results []result) {
	fmt.Fprintln(w, "| contest | figure | median | 95 % | rounds | goal | met |")
	fmt.Fprintln(w, "|---|---|---|---|---|---|---|")
	for _, r := range results {
		r.write(w)
	}
}

// writeMedians prints the medians of every contestant's figures, one line each.
func writeMedians(w io.Writer, contest string, names []string, rounds []round) {
	for _, name := range names {
		values := map[string][]float64{}
		for _, r := range rounds {
			for figure, v := range r[name] {
				values[figure] = append(values[figure], v)
			}
		}
		fmt.Fprintf(w, "%s: medians of %s:", contest, name)
		for _, figure := range slices.Sorted(maps.Keys(values)) {
			fmt.Fprintf(w, " %s=%s", figure, short(median(values[figure])))
		}
		fmt.Fprintln(w)
	}
}

// writeTurn prints one turn's figures on one line.
func writeTurn(w io.Writer, p point) {
	fmt.Fprint(w, p.Contestant+":")
	for _, figure := range slices.Sorted(maps.Keys(p.Figures)) {
		fmt.Fprintf(w, " %s=%s", figure, short(p.Figures[figure]))
	}
	fmt.Fprintln(w)
}

// short prints a number with three significant digits, and whole from 1,000 on.
func short(v float64) string {
	if math.Abs(v) >= 1000 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}
