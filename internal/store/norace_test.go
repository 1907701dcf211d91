//go:build !race

package store

// raceShare divides the crash points of a default run.
const raceShare = 1
