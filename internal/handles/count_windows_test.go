package handles

import (
	"os"
	"testing"

	"golang.org/x/sys/windows"
)

func TestCount(t *testing.T) {
	const opened, others = 500, 100 // others are what Go's threads may open or close meanwhile
	for name, count := range map[string]func() (int, error){
		"Count":       func() (int, error) { return Count(os.Getpid()) },
		"countListed": func() (int, error) { return countListed(uintptr(os.Getpid())) },
	} {
		t.Run(name, func(t *testing.T) {
			before, err := count()
			if before == 0 || err != nil {
				t.Fatal(before, err)
			}
			for range opened {
				h, err := windows.CreateEvent(nil, 0, 0, nil)
				if err != nil {
					t.Fatal(err)
				}
				defer windows.CloseHandle(h)
			}
			after, err := count()
			if err != nil {
				t.Fatal(err)
			}
			if more := after - before; more < opened-others || more > opened+others {
				t.Fatalf("%d handles, and after opening %d %d", before, opened, after)
			}
		})
	}
}

func TestCountOfNoProcess(t *testing.T) {
	if n, err := Count(1 << 30); err == nil {
		t.Fatal(n)
	}
}
