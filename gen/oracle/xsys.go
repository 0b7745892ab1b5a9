package oracle

import (
	"fmt"
	"go/constant"
	"go/types"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"

	// Keeps the module that LoadXSys reads among the requirements.
	_ "golang.org/x/sys/cpu"

	"github.com/metalio/metalio/gen/model"
)

// XSys is golang.org/x/sys as one platform sees it.
type XSys struct {
	scope *types.Scope
	sizes types.Sizes
}

// LoadXSys reads golang.org/x/sys for p's GOOS and GOARCH, whatever the host's
// are.
func LoadXSys(p *model.Platform) (*XSys, error) {
	path := "golang.org/x/sys/unix"
	if p.GOOS == "windows" {
		path = "golang.org/x/sys/windows"
	}
	loaded, err := packages.Load(&packages.Config{
		// Types from export data, which the build cache keeps: checking the source
		// takes seconds each time.
		Mode: packages.NeedName | packages.NeedTypes | packages.NeedTypesSizes | packages.NeedExportFile,
		Env:  append(os.Environ(), "GOOS="+p.GOOS, "GOARCH="+p.GOARCH, "CGO_ENABLED=0"),
	}, path)
	if err != nil {
		return nil, fmt.Errorf("load %s for %s: %w", path, p.Name(), err)
	}
	if len(loaded) != 1 {
		return nil, fmt.Errorf("load %s for %s: %d packages", path, p.Name(), len(loaded))
	}
	pkg := loaded[0]
	if len(pkg.Errors) > 0 {
		return nil, fmt.Errorf("load %s for %s: %w", path, p.Name(), pkg.Errors[0])
	}
	return &XSys{scope: pkg.Types.Scope(), sizes: pkg.TypesSizes}, nil
}

// Compare says which of p's facts x/sys knows, and which it contradicts.
func (x *XSys) Compare(p *model.Platform) Verdict {
	v := Verdict{Known: map[string]bool{}}
	for _, f := range Facts(p) {
		got, same, ok := x.look(f)
		if !ok {
			continue
		}
		v.Known[f.Key()] = true
		if !same {
			v.Failures = append(v.Failures, Failure{Fact: f, Reason: "golang.org/x/sys has " + got})
		}
	}
	return v
}

// look finds f and says whether x/sys agrees. ok is false if it does not have
// it.
func (x *XSys) look(f Fact) (got string, same, ok bool) {
	switch f.Kind {
	case Constant, Number:
		return x.constant(f.xsysName, f.bits)
	case Size, Offset:
		n, ok := x.layout(f)
		return fmt.Sprint(n), n == int64(f.bits), ok
	}
	return "", false, false
}

func (x *XSys) constant(name string, bits uint64) (got string, same, ok bool) {
	c, ok := x.scope.Lookup(name).(*types.Const)
	if !ok {
		return "", false, false
	}
	v := constant.ToInt(c.Val())
	signed, isSigned := constant.Int64Val(v)
	unsigned, isUnsigned := constant.Uint64Val(v)
	if isSigned {
		unsigned = uint64(signed)
	}
	if !isSigned && !isUnsigned {
		return "", false, false
	}
	return c.Val().ExactString(), unsigned == bits || same32(unsigned, bits), true
}

// same32 reports whether two 32-bit values differ only in how they read the
// top bit.
func same32(a, b uint64) bool {
	fits := func(v uint64) bool { return v <= 0xffffffff || v >= 0xffffffff80000000 }
	return fits(a) && fits(b) && uint32(a) == uint32(b)
}

// layout returns the size of a struct, or the offset of a field of it.
func (x *XSys) layout(f Fact) (n int64, ok bool) {
	if f.xsysType == "" {
		return 0, false
	}
	t, ok := x.scope.Lookup(f.xsysType).(*types.TypeName)
	if !ok {
		return 0, false
	}
	if f.Kind == Size {
		return x.sizes.Sizeof(t.Type()), true
	}
	st, ok := t.Type().Underlying().(*types.Struct)
	if !ok {
		return 0, false
	}
	var fields []*types.Var
	found := -1
	for i := range st.NumFields() {
		fields = append(fields, st.Field(i))
		if plain(st.Field(i).Name()) == plain(f.xsysName) {
			found = i
		}
	}
	if found < 0 {
		return 0, false
	}
	return x.sizes.Offsetsof(fields)[found], true
}

// plain makes Scope_id and ScopeId one name.
func plain(field string) string { return strings.ToLower(strings.ReplaceAll(field, "_", "")) }
