package build

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func made(name string, needs ...Need) Program {
	return Program{Name: name, Needs: needs, Make: func(_ context.Context, out string) error {
		return os.WriteFile(out, []byte(name), 0o755)
	}}
}

func TestUnmetAsksForThePackageOnlyWithoutTheCommand(t *testing.T) {
	got := unmet([]Need{{"sh", "no-such-package"}, {"no-such-command", "no-such-package"}, {"", "no-such-library"}})
	if strings.Join(got, " ") != "no-such-package no-such-library" {
		t.Fatal(got)
	}
}

func TestWhatCannotBeMadeIsMissingWithItsReason(t *testing.T) {
	t.Setenv("PATH", t.TempDir()) // nothing can be installed
	bin := filepath.Join(t.TempDir(), "bin")
	broken := made("broken")
	broken.Make = func(context.Context, string) error { return errors.New("gcc: no such option") }
	var progress strings.Builder
	missing, err := All(context.Background(), []Program{made("good"), made("poor", Need{"", "libnothing"}), broken}, bin, &progress)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(bin, "good")); err != nil || missing["good"] != "" {
		t.Error(err, missing)
	}
	if missing["poor"] != "libnothing not installed" || missing["broken"] != "gcc: no such option" {
		t.Error(missing)
	}
	if !strings.Contains(progress.String(), "leaving out poor: libnothing not installed") {
		t.Error(progress.String())
	}
}

func TestGoBuildsAndSaysWhatIsWrong(t *testing.T) {
	err := Go("nothing", "./no-such-package").Make(context.Background(), filepath.Join(t.TempDir(), "nothing"))
	if err == nil || !strings.Contains(err.Error(), "no-such-package") {
		t.Fatal(err)
	}
}

func TestInstalledIsALink(t *testing.T) {
	bin := t.TempDir()
	missing, err := All(context.Background(), []Program{Installed("sh", "dash")}, bin, io.Discard)
	if err != nil || len(missing) > 0 {
		t.Fatal(err, missing)
	}
	if _, err := os.Readlink(filepath.Join(bin, "sh")); err != nil {
		t.Fatal(err)
	}
}
