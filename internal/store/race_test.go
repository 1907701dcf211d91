//go:build race

package store

// raceShare divides the crash points of a default run: under the race detector each takes many times as long.
const raceShare = 10
