package host

import "slices"

// busiest returns the n processes that used the most CPU lately. A process that has not been read twice yet counts as the
// least busy, and a tie goes to the larger, then the older one, so that an idle machine shows a steady list.
func busiest(all map[int32]*process, n int, dst []*process) []*process {
	dst = dst[:0]
	for _, p := range all {
		dst = append(dst, p)
	}
	slices.SortFunc(dst, func(a, b *process) int {
		switch {
		case a.lately != b.lately:
			return order(a.lately > b.lately)
		case a.last.rss != b.last.rss:
			return order(a.last.rss > b.last.rss)
		default:
			return int(a.pid) - int(b.pid)
		}
	})
	if len(dst) > n {
		dst = dst[:n]
	}
	return dst
}

func order(first bool) int {
	if first {
		return -1
	}
	return 1
}
