//go:build unix && !darwin && !openbsd

package sockets

import "github.com/metalio/metalio"

const (
	optKeepIdle     = metalio.TCP_KEEPIDLE
	optKeepInterval = metalio.TCP_KEEPINTVL
	optKeepCount    = metalio.TCP_KEEPCNT
)
