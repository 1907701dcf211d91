package main

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
)

const startsPerTurn = 5

// startContest compares the way from exec to the first acknowledged record on a new topic with a broker in memory.
func (b *bench) startContest() contest {
	return contest{
		name:  "start",
		about: fmt.Sprintf("exec → first acknowledged record on a new topic; a turn is the median of %d starts", startsPerTurn),
		contestants: []contestant{
			{"bobbin", b.startTurn(b.bobbinArgs)},
			{"kfake", b.startTurn(func(_, addr string) []string { return []string{b.limits, "kfake", addr} })},
		},
		probe: b.throughputProbe,
		goals: []goal{
			{"exec → acknowledged, bobbin (sync) ÷ kfake", ratio("acked_ms", "bobbin", "kfake"), 1.5, false},
			{"resident MB then", func(r round) float64 { return r.get("bobbin", "rss_mb") }, 20, false},
		},
	}
}

// startTurn gives a turn of several starts, each with fresh data.
func (b *bench) startTurn(args func(dir, addr string) []string) func(context.Context, string) (figures, error) {
	return func(ctx context.Context, dir string) (figures, error) {
		var tcp, api, acked, rss []float64
		for i := range startsPerTurn {
			if err := touch(b.touch); err != nil {
				return nil, err
			}
			addr, err := freeAddress()
			if err != nil {
				return nil, err
			}
			_, port, err := net.SplitHostPort(addr)
			if err != nil {
				return nil, err
			}
			line := quoted(args(filepath.Join(dir, fmt.Sprint(i)), addr))
			f, err := b.measure(ctx, dir, "start", "--cmd", line, "--port", port)
			if err != nil {
				return nil, err
			}
			tcp, api, acked, rss = append(tcp, f["tcp_ms"]), append(api, f["api_ms"]), append(acked, f["acked_ms"]), append(rss, f["rss"])
		}
		return figures{"tcp_ms": median(tcp), "api_ms": median(api), "acked_ms": median(acked), "rss_mb": median(rss) / 1e6}, nil
	}
}

// quoted joins a command line for a shell.
func quoted(args []string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = "'" + strings.ReplaceAll(a, "'", `'\''`) + "'"
	}
	return strings.Join(words, " ")
}
