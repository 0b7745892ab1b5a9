package draft

import (
	"errors"
	"fmt"
	"go/types"
	"io"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/metalio/metalio/gen/check"
	"github.com/metalio/metalio/gen/load"
	"github.com/metalio/metalio/gen/model"
)

// Draft is a new platform's spec and an account of where its facts come from.
// A fact is one constant, one call's number or symbol, or one struct's layout.
type Draft struct {
	GOOS, GOARCH string
	Extends      string // the spec that the draft starts from, such as base/linux.yaml
	Text         string // the draft

	FromBase    int      // facts taken over, which x/sys or the headers confirm, or which the base calls unproved
	FromXSys    int      // facts that x/sys says otherwise than the base, or in addition
	FromHeaders int      // facts that only the C headers know
	ToCheck     []string // facts that a person has to look up, one line each
	checkCount  int

	// Refused is what the generator still refuses in the draft, as model.Errors;
	// nil if nothing.
	Refused error
}

// Drafter makes drafts. It uses no network: golang.org/x/sys is the one that
// the module in the current folder requires, from the module cache.
type Drafter struct {
	Specs    string // folder of the specs
	Compiler string // the C cross compiler's command; empty for none
}

// File is the name of the draft in the specs folder.
func (d *Draft) File() string { return d.GOOS + "_" + d.GOARCH + ".yaml" }

// ToCheckCount is the number of facts that the lines of ToCheck speak of.
func (d *Draft) ToCheckCount() int { return d.checkCount }

// Run drafts target, which is GOOS/GOARCH, into the specs folder and tells out
// what is known. It refuses to overwrite a spec. A draft that the generator
// still refuses is written all the same: a person has to complete it.
func (dr Drafter) Run(target string, out io.Writer) error {
	goos, goarch, err := dr.platform(target)
	if err != nil {
		return err
	}
	d, err := dr.New(goos, goarch)
	if err != nil {
		return fmt.Errorf("draft %s: %w", target, err)
	}
	name := filepath.Join(dr.Specs, d.File())
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return fmt.Errorf("%s is there already: %w; edit it, or remove it first", name, os.ErrExist)
	}
	if err != nil {
		return err
	}
	_, err = io.WriteString(f, d.Text)
	if err := errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, os.Remove(name)) // half a draft would be in the way of the next
	}
	d.report(out, name)
	return nil
}

func (d *Draft) report(out io.Writer, name string) {
	fmt.Fprintf(out, "%s: extends %s\n", name, d.Extends)
	fmt.Fprintf(out, "%d facts from the base, %d from golang.org/x/sys, %d from the C headers, %d to check\n",
		d.FromBase, d.FromXSys, d.FromHeaders, d.checkCount)
	for _, line := range d.ToCheck {
		fmt.Fprintln(out, "to check:", line)
	}
	if d.Refused != nil {
		fmt.Fprintf(out, "the generator refuses it still:\n%v\n", d.Refused)
		return
	}
	fmt.Fprintln(out, "the generator accepts it")
}

// systems are the operating systems that a draft can be made for, as their
// authors write them: those with a base of their own, and the kqueue systems.
var systems = map[string]string{
	"darwin": "macOS", "dragonfly": "DragonFly BSD", "freebsd": "FreeBSD", "linux": "Linux",
	"netbsd": "NetBSD", "openbsd": "OpenBSD", "windows": "Windows",
}

// platform takes target apart and refuses what Go has no port for, or what has
// a spec.
func (dr Drafter) platform(target string) (goos, goarch string, err error) {
	goos, goarch, ok := strings.Cut(target, "/")
	if !ok {
		return "", "", fmt.Errorf("-new %q: expected GOOS/GOARCH, such as linux/riscv64", target)
	}
	out, err := exec.Command("go", "tool", "dist", "list").Output()
	if err != nil {
		return "", "", fmt.Errorf("go tool dist list: %w", err)
	}
	ports := strings.Fields(string(out))
	if !slices.Contains(ports, target) {
		return "", "", fmt.Errorf("-new %s: Go has no such port%s", target, model.Suggest(target, ports))
	}
	if goos == "windows" && types.SizesFor("gc", goarch).Sizeof(types.Typ[types.Uintptr]) != 8 {
		return "", "", fmt.Errorf("-new %s: base/windows.yaml describes 64-bit Windows alone", target)
	}
	if systems[goos] == "" {
		return "", "", fmt.Errorf("-new %s: no base spec fits %s; expected one of %s", target, goos, strings.Join(slices.Sorted(maps.Keys(systems)), ", "))
	}
	name := filepath.Join(dr.Specs, goos+"_"+goarch+".yaml")
	if _, err := os.Lstat(name); err == nil {
		return "", "", fmt.Errorf("%s is there already: %w; edit it, or remove it first", name, os.ErrExist)
	}
	return goos, goarch, nil
}

// New drafts the spec of goos/goarch without writing it.
func (dr Drafter) New(goos, goarch string) (*Draft, error) {
	x, err := loadXSys(goos, goarch)
	if err != nil {
		return nil, err
	}
	known, err := load.Dir(dr.Specs)
	if err != nil {
		return nil, err
	}
	w := &work{
		drafter: dr,
		x:       x,
		known:   slices.DeleteFunc(known, func(p *model.Platform) bool { return p.GOOS == goos && p.GOARCH == goarch }),
		draft:   &Draft{GOOS: goos, GOARCH: goarch},
	}
	if err := w.chooseBase(); err != nil {
		return nil, err
	}
	w.structs()
	w.constants()
	w.calls()
	w.probe()
	w.draft.Text = w.text()
	p, refused := w.judge()
	if refused == nil {
		w.confirm(p)
	}
	w.settle()
	w.draft.Text = w.text()
	_, w.draft.Refused = w.judge()
	return w.draft, nil
}

// work is one draft in the making.
type work struct {
	drafter Drafter
	x       *xsys
	known   []*model.Platform // the platforms that have specs
	draft   *Draft
	ownBase bool            // the base is of this very system
	base    *model.Platform // what the draft says before anything is overridden

	folder     string         // the copy of the specs that was loaded last
	typedefs   []pair         // typedef → C type
	structSpec []structChange // in order of the base
	groups     []*groupChange // in order of the base, then new ones
	numbers    []numberChange
	absent     []string
	unknown    unknowns
}

type pair struct{ name, value string }

type structChange struct {
	name   string
	packed bool
	fields []pair // field → the flow mapping after its colon
	expect string // the flow mapping after the data model's colon, or nothing
}

type groupChange struct {
	name, header, doc string // header and doc only of a group that the base lacks
	values            []pair // an empty value removes the constant
}

type numberChange struct {
	name, macro string
	number      int64
}

// unknowns are the facts of the base that x/sys could neither confirm nor deny.
type unknowns struct {
	consts  []unknownConst
	calls   []*model.Call
	structs []*model.Struct

	// relatives are constants of related platforms, which this one may have.
	relatives []unknownConst
}

type unknownConst struct {
	group *model.Group
	c     *model.Const
}

// dataModel names the entry of data_models for the platform.
func (w *work) dataModel() string {
	wide := w.pointerSize() == 8
	switch {
	case w.draft.GOOS == "windows" && wide:
		return "llp64"
	case wide:
		return "lp64"
	case w.draft.GOARCH == "386" && w.draft.GOOS != "windows":
		return "ilp32-i386"
	}
	return "ilp32"
}

func (w *work) pointerSize() int { return int(w.x.sizes.Sizeof(types.Typ[types.Uintptr])) }

// chooseBase picks the spec to extend: the system's own base, the common one
// of the kqueue systems, and for Linux the generic numbers where all of them
// hold.
func (w *work) chooseBase() error {
	goos := w.draft.GOOS
	if goos == "linux" && w.pointerSize() == 8 {
		if err := w.loadBase("base/linux_generic.yaml"); err != nil {
			return err
		}
		if w.numbersHold() {
			return nil
		}
	}
	own := "base/" + goos + ".yaml"
	if _, err := os.Stat(filepath.Join(w.drafter.Specs, own)); err == nil {
		return w.loadBase(own)
	}
	return w.loadBase("base/bsd.yaml")
}

// numbersHold reports whether x/sys has every number of the base.
func (w *work) numbersHold() bool {
	for _, c := range w.base.Calls {
		n, ok := w.number(c)
		if ok && int64(c.Number) != n.number || !ok && c.Number >= 0 {
			return false
		}
	}
	return true
}

func (w *work) loadBase(name string) error {
	w.draft.Extends = name
	w.ownBase = name != "base/bsd.yaml"
	p, err := w.load(w.header())
	if err != nil {
		return err
	}
	_ = check.All([]*model.Platform{p}) // fills the layouts; what it refuses so far is what the draft will say
	w.base = p
	return nil
}

// load reads text as the platform's file beside a copy of the base specs.
func (w *work) load(text string) (*model.Platform, error) {
	dir, err := os.MkdirTemp("", "draft")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(filepath.Join(dir, "base"), os.DirFS(filepath.Join(w.drafter.Specs, "base"))); err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, w.draft.File()), []byte(text), 0o644); err != nil {
		return nil, err
	}
	all, err := load.Dir(dir)
	w.drafter.relocate(err, dir)
	if err != nil {
		return nil, err
	}
	w.folder = filepath.ToSlash(dir)
	return all[0], nil
}

// relocate makes faults of the copy in dir name the files that the user has.
func (dr Drafter) relocate(err error, dir string) {
	var faults model.Errors
	if !errors.As(err, &faults) {
		return
	}
	for _, e := range faults {
		if rest, ok := strings.CutPrefix(e.File, filepath.ToSlash(dir)+"/"); ok {
			e.File = path.Join(filepath.ToSlash(dr.Specs), rest)
		}
	}
}

// judge loads and checks the draft among the platforms that are there.
func (w *work) judge() (*model.Platform, error) {
	p, err := w.load(w.draft.Text)
	if err != nil {
		return nil, err
	}
	others, err := load.Dir(w.drafter.Specs)
	if err != nil {
		return nil, err
	}
	others = slices.DeleteFunc(others, func(o *model.Platform) bool { return o.Name() == p.Name() })
	err = check.All(append(others, p))
	w.drafter.relocate(err, w.folder)
	return p, err
}
