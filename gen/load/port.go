package load

import (
	"go/types"
	"slices"

	"github.com/metalio/metalio/gen/model"
)

// bigEndian are Go's architectures whose highest byte comes first.
var bigEndian = []string{"mips", "mips64", "ppc64", "s390x"}

// Endian returns the byte order of an architecture as specs spell it.
func Endian(goarch string) string {
	if slices.Contains(bigEndian, goarch) {
		return "big"
	}
	return "little"
}

// builtOn is what Go takes a system for besides itself.
var builtOn = map[string]string{"android": "linux", "ios": "darwin", "illumos": "solaris"}

// port refuses a spec that is of another platform than its file's name says.
func (d *decoder) port(p *model.Platform, n *node) {
	d.families(p, n)
	d.reachable(p, n)
	if want := Endian(p.GOARCH); n.get("endian").text != want {
		d.errs.Add(blamed(p, n, "endian"), "%s is %s-endian here", p.GOARCH, n.get("endian").text).Expected("endian: %s", want)
	}
	sizes := types.SizesFor("gc", p.GOARCH)
	if sizes == nil || p.DataModel == nil {
		return
	}
	if want := int(sizes.Sizeof(types.Typ[types.Uintptr])); p.DataModel.Basic["pointer"].Size != want {
		d.errs.Add(blamed(p, n, "data_model"), "data model %s has pointers of %d bytes", p.DataModel.Name, p.DataModel.Basic["pointer"].Size).
			Expected("a data_model with pointers of %d bytes, as %s has", want, p.GOARCH)
	}
}

// reachedBy are the conventions of the systems that have no system call numbers
// of their own to rely on. Go reaches all others by trap.
var reachedBy = map[string]model.Convention{
	"darwin": model.Libc, "ios": model.Libc, "openbsd": model.Libc, "windows": model.DLL,
}

// conventionOf is how Go reaches the system's kernel.
func conventionOf(goos string) model.Convention {
	if c, ok := reachedBy[goos]; ok {
		return c
	}
	return model.Trap
}

// reachable refuses a convention that is another system's.
func (d *decoder) reachable(p *model.Platform, n *node) {
	if want := conventionOf(p.GOOS); p.Convention != want {
		d.errs.Add(blamed(p, n, "convention"), "the convention is %s here", p.Convention).Expected("convention: %s, the one that Go has for %s", want, p.GOOS)
	}
}

// families must begin with what spans most systems and end with the system.
func (d *decoder) families(p *model.Platform, n *node) {
	rank := map[string]int{"unix": 1, "bsd": 2}
	last := 0
	for _, item := range n.get("families").items {
		at, isSystem := rank[item.text], slices.Contains(operatingSystems, item.text)
		if isSystem {
			at = 3
		}
		switch {
		case isSystem && item.text != p.GOOS && item.text != builtOn[p.GOOS]:
			d.errs.Add(blamed(p, n, "families"), "%s is of the family %s here", p.GOOS, item.text).
				Expected("%s, or families of several systems: unix, bsd", p.GOOS)
		case at <= last:
			d.errs.Add(item.pos, "family %s follows a narrower one", item.text).Expected("families from broad to narrow, such as [unix, bsd, freebsd]")
		}
		last = max(last, at)
	}
}

// blamed is the place of a key's value, or of the extends through which another
// file gave it.
func blamed(p *model.Platform, n *node, key string) model.Pos {
	for _, k := range []string{key, "extends"} {
		if v := n.get(k); v != nil && v.pos.File == p.Pos.File {
			return v.pos
		}
	}
	return p.Pos
}
