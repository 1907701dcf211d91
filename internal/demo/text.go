package demo

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
)

// count writes a whole number with its thousands apart.
func count[N int | int64 | uint64](n N) string {
	digits := strconv.FormatInt(int64(n), 10)
	sign := ""
	if digits[0] == '-' {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	b.WriteString(sign)
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return b.String()
}

// millis writes a time with three digits that count, and a dash when nothing was measured.
func millis(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	ms := float64(d) / float64(time.Millisecond)
	switch {
	case ms < 9.995:
		return fmt.Sprintf("%.2f ms", ms)
	case ms < 99.95:
		return fmt.Sprintf("%.1f ms", ms)
	case ms < 9999.5:
		return fmt.Sprintf("%.0f ms", ms)
	default:
		return fmt.Sprintf("%.1f s", ms/1000)
	}
}

// bytesText writes a size in the largest unit of which there is one.
func bytesText(n float64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB", "PiB"}
	i := 0
	for n >= 999.5 && i < len(units)-1 {
		n /= 1024
		i++
	}
	if i == 0 || n >= 99.95 {
		return fmt.Sprintf("%.0f %s", n, units[i])
	}
	return fmt.Sprintf("%.1f %s", n, units[i])
}

// percent writes a share; of small ones it keeps a decimal.
func percent(share float64) string {
	p := share * 100
	if p < 9.95 {
		return fmt.Sprintf("%.1f %%", p)
	}
	return fmt.Sprintf("%.0f %%", p)
}

// clock writes a duration as a stop-watch shows it.
func clock(d time.Duration) string {
	s := int(d / time.Second)
	if s >= 3600 {
		return fmt.Sprintf("%d:%02d:%02d", s/3600, s/60%60, s%60)
	}
	return fmt.Sprintf("%d:%02d", s/60, s%60)
}

// sparkline draws the last width values, the newest at the right; full is what fills a whole cell.
func sparkline(values []float64, width int, full float64) string {
	const steps = "▁▂▃▄▅▆▇█"
	marks := []rune(steps)
	if width <= 0 {
		return ""
	}
	if len(values) > width {
		values = values[len(values)-width:]
	}
	var b strings.Builder
	b.WriteString(strings.Repeat(" ", width-len(values)))
	for _, v := range values {
		i := 0
		if full > 0 && v > 0 {
			i = int(math.Round(v / full * float64(len(marks)-1)))
		}
		b.WriteRune(marks[min(max(i, 0), len(marks)-1)])
	}
	return b.String()
}

// width is how many columns of a terminal s takes.
func width(s string) int { return text.StringWidth(s) }

// fit cuts or fills s to exactly n columns.
func fit(s string, n int) string {
	if n <= 0 {
		return ""
	}
	w := width(s)
	if w > n {
		s = cut(s, n)
		w = width(s)
	}
	return s + strings.Repeat(" ", n-w)
}

// right fills s from the left to n columns, or cuts it.
func right(s string, n int) string {
	w := width(s)
	if w > n {
		return fit(s, n)
	}
	return strings.Repeat(" ", n-w) + s
}

// cut shortens s to at most n columns and shows that it did.
func cut(s string, n int) string {
	if n <= 0 {
		return ""
	}
	var b strings.Builder
	used := 0
	for _, r := range s {
		w := text.RuneWidth(r)
		if used+w > n-1 {
			break
		}
		b.WriteRune(r)
		used += w
	}
	return b.String() + "…"
}
