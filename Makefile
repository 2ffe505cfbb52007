# `make` or `make help` explains the targets. CI calls the same ones.
GO      ?= go
VERSION := $(shell git describe --always --dirty --tags 2>/dev/null || echo unknown)

# An older Go then fetches the one that go.mod names.
export GOTOOLCHAIN ?= auto

# The same sources give the same bytes, wherever and whenever they are built.
build_flags := -trimpath -buildvcs=false
payload     := internal/payload/bin
version_at  := github.com/testbed-lab/testbed/internal/cli.version

.DEFAULT_GOAL := help
.PHONY: help setup build lab test bench prove screenshot lint clean

help: ## explain the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## install what is missing: QEMU 10 or newer, libvirt (Debian 12 and 13)
	@scripts/setup

build: ## make bin/testbed, with the agent and the guest's init inside
	CGO_ENABLED=0 $(GO) build $(build_flags) -ldflags '-s -w' -o $(payload)/ ./cmd/testbed-agent ./cmd/testbed-init
	$(CC) -O2 -Wall -Wextra -fPIC -shared -fvisibility=hidden -o $(payload)/testbed-plugin.so internal/payload/plugin/plugin.c
	CGO_ENABLED=0 $(GO) build $(build_flags) -ldflags '-s -w -X $(version_at)=$(VERSION)' -o bin/testbed ./cmd/testbed

lab: ## set up, build, and run the first example on two virtual machines
	@scripts/setup
	@$(MAKE) --no-print-directory build
	bin/testbed up examples/container-latency.hcl

test: ## install what tests need and run all of them, virtual machines included
	@scripts/setup --test
	@$(MAKE) --no-print-directory build
	$(GO) vet ./...
	TESTBED_BUILT=1 $(GO) test -json -count=1 -timeout 18m ./... | $(GO) run ./internal/house/testsummary

bench: ## run the benchmarks: ours over netperf's and sockperf's, here and in a guest
	@scripts/setup --test
	@$(MAKE) --no-print-directory build
	GODEBUG=asyncpreemptoff=1 $(GO) test -run '^$$' -bench . -benchmem -p 1 -timeout 60m ./...

prove: ## renew the long proofs in docs/proofs; run it again to go on (PROOF=name for one)
	@scripts/setup --prove
	@$(MAKE) --no-print-directory build
	scripts/prove $(PROOF)

screenshot: ## draw docs/report.png and docs/report-dark.png from the last `make lab`
	@scripts/screenshot

lint: ## gofmt, go vet, staticcheck, go mod tidy, shellcheck
	@test -z "$$(gofmt -l .)" || { gofmt -d . && echo 'lint: the files above are not gofmt-ed: gofmt -w .' >&2 && exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) mod tidy -diff
	shellcheck scripts/setup scripts/prove scripts/keep scripts/screenshot .ci/run examples/nightly/testbed-nightly $(wildcard scripts/proofs/*.sh)

clean: ## remove what build made (not results, not the image cache: bin/testbed images prune)
	rm -rf bin $(payload)/testbed-*
