# The work is done by the scripts in .ci and testdata/emulators.

FUZZTIME ?= 20s

help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "%-14s %s\n", $$1, $$2 }' Makefile

test: ## Test everything that can be tested here; needs only Go, git and make
	@.ci/suite

generate: ## Write the generated files anew from specs/
	go generate ./...

check: ## Fail if a generated file is stale
	@.ci/steps/generated

lint: ## Check formatting and run go vet
	@.ci/steps/lint

vet: ## Run go vet for this machine's platform
	go vet ./...

cross: ## Vet and link for every platform, run nothing
	@.ci/steps/cross

emulators: ## Install Wine, QEMU, spin, strace and a C cross compiler (Debian, npm)
	@testdata/emulators/install

test-arm64: ## Run the tests for linux/arm64 under QEMU
	@.ci/steps/arm64

test-386: ## Run the tests for linux/386 on this machine
	@.ci/steps/386

test-riscv64: ## Run short tests for linux/riscv64 under QEMU
	@.ci/steps/riscv64

test-windows: ## Run the tests for windows/amd64 under Wine
	@.ci/steps/windows

test-kqueue: ## Run the kqueue backend against a simulated kevent
	@.ci/steps/kqueue

models: ## Check the Promela models with spin
	@.ci/steps/models

oracle: ## Prove the specs against the systems' C headers and x/sys
	METALIO_REQUIRE=all go test -count=1 -v ./gen/oracle/

bench: ## Compare with other systems, side by side (25 minutes, an idle machine)
	cd bench && go run . $(BENCHFLAGS)

bench-quick: ## The headlines of that, in two minutes
	cd bench && go run . -quick $(BENCHFLAGS)

fuzz: ## Run each fuzz target for FUZZTIME (20s)
	@FUZZTIME=$(FUZZTIME) .ci/fuzz

cover: ## Write cover.out and print the coverage of each function
	go test -coverprofile=cover.out ./...
	go tool cover -func=cover.out

clean: ## Remove what the other targets wrote, but not the emulators
	rm -f cover.out *.test *.prof
	go clean ./...

.PHONY: help test generate check lint vet cross emulators test-arm64 test-386 test-riscv64 \
	test-windows test-kqueue models oracle bench bench-quick fuzz cover clean
