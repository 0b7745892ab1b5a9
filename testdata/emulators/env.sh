# shellcheck shell=bash
# Sourced by the scripts in this folder and by .ci: says where each emulator
# is, or leaves its variable empty when it is not installed.
#
#   METALIO_EMULATORS  folder for what is not a system package; .emulators at
#                      the module's root unless set
#   METALIO_EXEC       set by qemu-exec for the program it runs: the wrapper
#                      through which a test starts another copy of itself.
#                      Empty or unset means "start it directly" (natively, and
#                      under Wine, whose CreateProcess runs .exe files itself).

emulator_scripts=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
module_root=$(cd "$emulator_scripts/../.." && pwd -P)

METALIO_EMULATORS=${METALIO_EMULATORS:-$module_root/.emulators}
case $METALIO_EMULATORS in
/*) ;;
*) METALIO_EMULATORS=$PWD/$METALIO_EMULATORS ;; # -exec runs scripts in the package's folder
esac
export METALIO_EMULATORS

export WINEPREFIX=$METALIO_EMULATORS/wine
export WINEDEBUG=-all
# Without these two, a new prefix stops to ask for Mono and Gecko.
export WINEDLLOVERRIDES='mscoree=;mshtml='
wine_shim=$WINEPREFIX/drive_c/windows/system32/bcryptprimitives.dll

zig_version=0.16.0
zig_npm=$METALIO_EMULATORS/npm
export ZIG_GLOBAL_CACHE_DIR=$METALIO_EMULATORS/zig-cache

die() {
	echo "${0##*/}: $*" >&2
	exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

first_executable() {
	local candidate
	for candidate; do
		if [[ -f $candidate && -x $candidate ]]; then
			echo "$candidate"
			return
		fi
	done
}

# Debian keeps Wine's programs outside PATH, in a folder that has moved between
# releases.
find_wine_program() { # NAME...
	local name
	local -a places=()
	for name; do
		places+=("$(command -v "$name" || true)" \
			/usr/lib/wine/"$name" /usr/lib/*/wine/"$name" \
			/usr/lib/wine-*/"$name" /usr/lib/wine-*/bin/"$name" \
			/opt/wine*/bin/"$name")
	done
	first_executable "${places[@]}"
}

find_wine() { find_wine_program wine64; }
find_wineserver() { find_wine_program wineserver64 wineserver; }
find_zig() { first_executable "$zig_npm"/node_modules/@zigc/*/bin/zig; }

wine_ready() { [[ -n $(find_wine) && -n $(find_wineserver) && -f $wine_shim ]]; }
zig_ready() { [[ -n $(find_zig) ]]; }
qemu_ready() { have "qemu-$1-static"; } # QEMU's name for the processor

# Starts Wine's server, unless it runs, to stay for the time that the server's
# option -p says. The system programs that Wine starts with its first program
# must not be left to that program: they would hold its output, and `go test`
# waits until that is closed. For the same reason no lock is passed on.
start_wine() { # -pSECONDS, or -p for ever
	(
		exec 9>&- 8>>"$METALIO_EMULATORS/wine-start.lock" </dev/null >/dev/null 2>&1
		flock --exclusive 8
		if "$(find_wineserver)" "$1" 8>&-; then
			"$(find_wine)" cmd /c exit 8>&-
		fi
	)
}
