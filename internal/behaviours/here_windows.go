package behaviours

import "syscall"

// Wine's ntdll exports a function that Windows' does not.
func here() Backend {
	if syscall.NewLazyDLL("ntdll.dll").NewProc("wine_get_version").Find() == nil {
		return Wine
	}
	return Windows
}
