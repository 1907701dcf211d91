//go:build race

package main

// raceShare divides the kills of a default run: under the race detector a start takes many times as long.
const raceShare = 10
