//go:build !linux && !windows && !darwin

package behaviours

func here() Backend { return FreeBSD }
