package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

const (
	probesApart = 0.15 // a round is repeated when the machine's own limit changed by more
	stolenLimit = 0.02 // or when the hypervisor took more
)

// contestant takes turns: each in a fresh directory, with its server started and stopped in it.
type contestant struct {
	name string
	turn func(ctx context.Context, dir string) (figures, error)
}

// contest is a set of contestants that take turns, and the goals that their figures are held to.
type contest struct {
	name        string
	about       string
	contestants []contestant
	probe       func(ctx context.Context, dir string) (float64, error) // the machine's own limit, in short
	goals       []goal
	// keepFiles leaves the turns' files until the run ends. For minutes after some ten thousand files were removed, ext4 looks at each of their inodes
	// whenever it makes a file, and the next turn would be measured with that.
	keepFiles bool
}

// hold runs the contest's rounds, the order turned round each time, and returns its results.
func (b *bench) hold(ctx context.Context, c contest) ([]result, error) {
	fmt.Fprintf(b.out, "%s: %s\n", c.name, c.about)
	var rounds []round
	for number := 1; number <= b.pairs; number++ {
		order := slices.Clone(c.contestants)
		if number%2 == 0 {
			slices.Reverse(order)
		}
		r, calm, err := b.round(ctx, c, order, number, 1)
		if err == nil && !calm {
			fmt.Fprintf(b.out, "%s: round %d is repeated once\n", c.name, number)
			if r, calm, err = b.round(ctx, c, order, number, 2); err == nil && !calm {
				fmt.Fprintf(b.out, "%s: round %d counts as it is: the machine is not calm\n", c.name, number)
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s, round %d: %w", c.name, number, err)
		}
		rounds = append(rounds, r)
	}
	var names []string
	for _, p := range c.contestants {
		names = append(names, p.name)
	}
	writeMedians(b.out, c.name, names, rounds)
	return judge(c.name, c.goals, rounds), nil
}

// round gives each contestant one turn between two probes, and says whether the machine stayed the same.
func (b *bench) round(ctx context.Context, c contest, order []contestant, number, attempt int) (r round, calm bool, err error) {
	probe := contestant{"probe", func(ctx context.Context, dir string) (figures, error) {
		limit, err := c.probe(ctx, dir)
		return figures{"limit": limit}, err
	}}
	start := readCores()
	before, err := b.turn(ctx, c, probe, number, attempt)
	if err != nil {
		return nil, false, err
	}
	r = round{}
	for _, p := range order {
		if r[p.name], err = b.turn(ctx, c, p, number, attempt); err != nil {
			return nil, false, fmt.Errorf("%s: %w", p.name, err)
		}
	}
	after, err := b.turn(ctx, c, probe, number, attempt)
	if err != nil {
		return nil, false, err
	}
	changed, stolen := apart(before["limit"], after["limit"]), readCores().stolenSince(start)
	if changed > probesApart || stolen > stolenLimit {
		fmt.Fprintf(b.out, "%s: round %d: probes %.0f %% apart, %.1f %% stolen\n", c.name, number, 100*changed, 100*stolen)
		return r, false, nil
	}
	return r, true, nil
}

// turn runs one contestant once on a settled machine and keeps the point.
func (b *bench) turn(ctx context.Context, c contest, p contestant, number, attempt int) (f figures, err error) {
	if err := settle(ctx); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(b.data, "turn-")
	if err != nil {
		return nil, fmt.Errorf("make a fresh directory: %w", err)
	}
	defer func() {
		if c.keepFiles {
			return
		}
		if gone := os.RemoveAll(dir); err == nil && gone != nil {
			err = fmt.Errorf("remove the data of a turn: %w", gone)
		}
	}()
	if dir, err = filepath.Abs(dir); err != nil {
		return nil, err
	}
	at, before := time.Now(), readCores()
	if f, err = p.turn(ctx, dir); err != nil {
		return nil, err
	}
	pt := point{c.name, number, attempt, p.name, at.Format(time.RFC3339), time.Since(at).Seconds(), readCores().stolenSince(before), f}
	if p.name != "probe" {
		fmt.Fprintf(b.out, "%s: round %d: ", c.name, number)
		writeTurn(b.out, pt)
	}
	return f, b.journal.put(pt)
}
