package emit

import (
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// Simulated returns the file through which Linux has, under s's build tag, the
// constants and structs of p that s takes. It has the abilities whose constants
// are taken. The platform must have passed check.All. A tag that goes on after another of tags is a variant of that, to
// be given besides it.
func Simulated(p *model.Platform, s *model.Simulated, tags []string) ([]byte, error) {
	taken := &model.Platform{GOOS: p.GOOS, GOARCH: p.GOARCH, Pos: p.Pos, DataModel: p.DataModel, Abilities: p.Abilities}
	for _, g := range p.Groups {
		part := *g
		part.Consts = slices.DeleteFunc(slices.Clone(g.Consts), func(c *model.Const) bool { return !takes(s, c.Name) })
		if len(part.Consts) > 0 {
			taken.Groups = append(taken.Groups, &part)
		}
	}
	for _, st := range p.Structs {
		if takes(s, st.Name) {
			taken.Structs = append(taken.Structs, st)
		}
	}
	return render(taken, constraint(s.Tag, tags))
}

// constraint is the build constraint of the file of tag: its variants have files
// of their own.
func constraint(tag string, tags []string) string {
	out := "linux && " + tag
	for _, other := range tags {
		if strings.HasPrefix(other, tag+"_") {
			out += " && !" + other
		}
	}
	return out
}

func takes(s *model.Simulated, name string) bool {
	return slices.ContainsFunc(s.Take, func(start string) bool { return strings.HasPrefix(name, start) })
}
