# Everything a person needs: `make demo` and `make test`. Both install what they need first.
SHELL := /bin/bash
.DEFAULT_GOAL := help
ARGS ?=
CARGO ?= cargo
PREFIX ?= /usr/local
COMMIT = $(shell git rev-parse --short=10 HEAD 2>/dev/null)

.PHONY: help setup demo build release package rehearse install check test contract killtest ordertest cuttest detectortest lint bench bench-calls bench-browser instructions fmt clean

help: ## This list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: ## Install the Debian packages that are missing (uses sudo when not root)
	@tools/setup

demo: setup ## Real calls on this machine: make demo ARGS="--exit --json"
	@$(CARGO) build --quiet --bin dering 1>&2
	@target/debug/dering demo $(ARGS)

build: setup ## Debug build
	$(CARGO) build

release: setup ## The binary to ship, in target/release
	DERING_COMMIT=$(COMMIT) $(CARGO) build --release --locked --bin dering

package: release ## A Debian package, an archive, checksums: target/package
	packaging/package

rehearse: package ## Install and try the package in a Debian 12 of its own (root, debootstrap)
	packaging/rehearse target/package/*.deb

install: release ## The binary, completions and manual pages, below PREFIX (/usr/local)
	install -D -m 0755 target/release/dering $(DESTDIR)$(PREFIX)/bin/dering
	target/release/dering man $(DESTDIR)$(PREFIX)/share/man/man1
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	target/release/dering completions bash > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/dering

test: ## All tests; those of recognition with real weights, where they can be fetched
	@tools/setup test
	@$(CARGO) build --quiet --bin dering
	@target/debug/dering models fetch base --folder target/speech >/dev/null \
	  || echo "whisper base cannot be fetched here: tests that need it say so and pass" >&2
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run --workspace --no-fail-fast; \
	else \
	  $(CARGO) test --workspace --no-fail-fast; \
	fi

check: setup ## What a commit must pass: formatting, clippy, the core's tests, the architecture
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --quiet -- -D warnings
	@if $(CARGO) nextest --version >/dev/null 2>&1; then \
	  $(CARGO) nextest run --workspace --no-fail-fast --status-level fail \
	    -E 'kind(lib) | test(architecture::) | test(docs_events::)'; \
	else \
	  $(CARGO) test --workspace --lib && $(CARGO) test --test it architecture:: docs_events::; \
	fi

contract: setup ## Ask a live server everything its OpenAPI description allows (schemathesis, from PyPI)
	@$(CARGO) build --quiet --bin dering 1>&2
	tests/contract/run.sh $(ARGS)

lint: setup ## Formatting, clippy, docs, licences
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --quiet
	@if $(CARGO) deny --version >/dev/null 2>&1; then \
	  $(CARGO) deny --log-level error check bans licenses sources; \
	else \
	  echo "cargo-deny is not installed: licences and sources were not checked (cargo install cargo-deny)"; \
	fi

bench: setup ## Benchmarks; docs/benchmarks.md has the figures
	$(CARGO) bench --workspace

instructions: ## Instructions of each hot part of a call against docs/instructions.json; ARGS="--update" writes it
	@tools/setup test
	tools/instructions $(ARGS)

bench-calls: release ## Live calls per core, and what suffers; ARGS="--find" looks for the most
	target/release/dering bench calls $(ARGS)

bench-browser: release ## What a person in a browser waits for, by its clock; ARGS="--rounds 50 --json"
	@tools/setup test
	@cd tests/peers && { test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --no-fund --ignore-scripts --silent; }
	@node tests/peers/clocks.js $(ARGS)

fmt: ## Format the code
	$(CARGO) fmt --all

clean: ## Remove what was built and recorded
	$(CARGO) clean
	rm -rf data

killtest: setup ## Kill the server 100 times under load: every accepted dial must come to one end
	DERING_KILLS=100 $(CARGO) test --test it system_killed -- --nocapture

ordertest: setup ## 10,000 calls under load: no client hears of a session before it knows it
	DERING_ORDER_CALLS=10000 $(CARGO) test --test it gateway_order -- --nocapture

detectortest: setup ## 10,000 calls over good and bad lines: order of events, deadlines, no message over a greeting
	PROPTEST_CASES=40000 $(CARGO) test --release -p callcore --lib early_start_tests::any_call

cuttest: setup ## 1,000 calls over a line that breaks: no fact in a timeline may be made up
	DERING_CUTS=1000 $(CARGO) test -p callcore --lib cut_tests
	DERING_CUTS=1000 $(CARGO) test --test it system_cut -- --nocapture
