package store

import (
	"log/slog"
	"sync"
	"time"
)

// clockTolerance is by how much the wall clock may go otherwise than time itself between two looks at both: more than what a clock is slewed by.
const clockTolerance = time.Minute

// clock watches the wall clock, by which records and producers get too old, against the monotonic one, which nobody can set. For some time after they
// disagreed nothing is deleted by age: docs/decisions/0005.
type clock struct {
	wall  func() time.Time
	pause time.Duration
	log   *slog.Logger

	mu       sync.Mutex
	lastWall time.Time // without its monotonic reading
	lastMono time.Time
	until    time.Time // monotonic: not trusted before
}

func (c *clock) init(wall func() time.Time, pause time.Duration, log *slog.Logger) {
	c.wall, c.pause, c.log = wall, pause, log
	c.lastWall, c.lastMono = wall().Round(0), time.Now()
}

// look returns the wall clock's time in milliseconds since 1970, and whether it is to be trusted.
func (c *clock) look() (now int64, steady bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	wall, mono := c.wall().Round(0), time.Now()
	jump := wall.Sub(c.lastWall) - mono.Sub(c.lastMono)
	c.lastWall, c.lastMono = wall, mono
	if jump > clockTolerance || jump < -clockTolerance {
		c.until = mono.Add(c.pause + c.pause/2) // the next look is not to be one either
		c.log.Warn("the clock jumped: nothing is deleted by its age for a while; set the clock right before that is over", "by", jump, "pause", c.pause)
	}
	return wall.UnixMilli(), !mono.Before(c.until)
}
