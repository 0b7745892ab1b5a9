package emit

import (
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/model"
)

// Simulated returns the file through which Linux has, under s's build tag, the
// constants and structs of p that s takes. The platform must have passed
// check.All.
func Simulated(p *model.Platform, s *model.Simulated) ([]byte, error) {
	taken := &model.Platform{GOOS: p.GOOS, GOARCH: p.GOARCH, Pos: p.Pos, DataModel: p.DataModel}
	for _, g := range p.Groups {
		part := *g
		part.Consts = slices.DeleteFunc(slices.Clone(g.Consts), func(c *model.Const) bool { return !takes(s, c.Name) })
		if len(part.Consts) > 0 {
			taken.Groups = append(taken.Groups, &part)
		}
	}
	for _, a := range p.Abilities {
		if slices.ContainsFunc(a.StandIns, func(c *model.Const) bool { return takes(s, c.Name) }) {
			taken.Abilities = append(taken.Abilities, a)
		}
	}
	for _, st := range p.Structs {
		if takes(s, st.Name) {
			taken.Structs = append(taken.Structs, st)
		}
	}
	return render(taken, "linux && "+s.Tag)
}

func takes(s *model.Simulated, name string) bool {
	return slices.ContainsFunc(s.Take, func(start string) bool { return strings.HasPrefix(name, start) })
}
