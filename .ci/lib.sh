# shellcheck shell=bash
# Sourced by the steps: finds the emulators and says how a step ends.
#
#   METALIO_REQUIRE     "all" makes a missing tool a failure instead of a skip;
#                       tests that need a tool obey it too
#   METALIO_NOTE        file for the remark that a step wants in the summary
#   METALIO_COUNTS      file to which each run of `go test` appends its counts
#   METALIO_BEHAVIOURS  file to which it appends which behaviours were held
#   TESTFLAGS           more flags for every `go test`
#
# These scripts keep to bash 3.2, which is what macOS has.

ci=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
. "$ci/../testdata/emulators/env.sh"
cd "$module_root"

skipped=77

note() {
	if [[ -n ${METALIO_NOTE:-} ]]; then
		echo "$*" >"$METALIO_NOTE"
	fi
	echo "${0##*/}: $*"
}

# Ends a step that cannot be run here.
skip() {
	note "$*"
	if [[ ${METALIO_REQUIRE:-} == all ]]; then
		exit 1
	fi
	exit "$skipped"
}

# The platforms are the names of the specs. Other files there are what these
# extend.
platforms() {
	local spec
	for spec in specs/*_*.yaml; do
		spec=${spec##*/}
		spec=${spec%.yaml}
		echo "${spec%_*}/${spec##*_}"
	done | grep -Fx -f <(go tool dist list) || true
}

# The packages that run on a target. The generator runs on the developer's own
# machine: the native step tests it, and the public workflow does on each system.
target_packages() {
	env -u GOOS -u GOARCH go list ./... | grep -Ev '/metalio/gen(/|$)'
}

# The packages in which a processor can make a difference: those that make system
# calls, and those that keep 64-bit words.
abi_packages=(. ./reactor ./sockets ./signals ./timers ./msgq ./slab)

# Runs `go test` for whatever GOOS and GOARCH say, shows what failed or was
# skipped, adds up the results, and fails if they and the table of behaviours
# disagree.
gotest() {
	# shellcheck disable=SC2086 # TESTFLAGS is a list of flags
	go test -json ${TESTFLAGS:-} "$@" |
		env -u GOOS -u GOARCH go run .ci/testcount.go
}
