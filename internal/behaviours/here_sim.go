//go:build linux && kqueue_sim

package behaviours

func here() Backend { return KqueueSim }
