//go:build race

package msgq

// raceEnabled makes tests shorter, which run ten times slower with -race.
const raceEnabled = true
