package sockets

// OpenBSD's periods are the same for all sockets (sysctl net.inet.tcp.keepidle
// and its kin); noOption makes SetKeepAlive leave them alone.
const (
	optKeepIdle     = noOption
	optKeepInterval = noOption
	optKeepCount    = noOption
)
