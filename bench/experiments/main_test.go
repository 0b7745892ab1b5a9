package main

import (
	"testing"

	"github.com/metalio/metalio/bench/internal/smoke"
)

func TestEveryContenderRuns(t *testing.T) {
	t.Chdir("..") // where the sources are named from
	smoke.Test(t, rows(), needed(rows()))
}
