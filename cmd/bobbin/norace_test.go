//go:build !race

package main

// raceShare divides the kills of a default run.
const raceShare = 1
