# Sockeye: build, try, test, install. `make help` lists the targets.

PREFIX  ?= /usr/local
DESTDIR ?=
LIBDIR  ?= $(PREFIX)/lib
CARGO   ?= cargo
CC      ?= cc
CFLAGS  ?= -O2 -g -Wall -Wextra
INSTALL ?= install

VERSION := $(shell sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
SONAME  := libsockeye.so.0

target   := $(or $(CARGO_TARGET_DIR),target)
release  := $(target)/release
sources  := $(shell find crates -name '*.rs' -o -name Cargo.toml) Cargo.toml Cargo.lock
examples := $(notdir $(basename $(wildcard c-examples/*.c)))
# What calls sockeye_* by name cannot do without the library.
portable := $(notdir $(basename $(shell grep -L sockeye.h c-examples/*.c 2>/dev/null)))

.PHONY: all help lib examples demo demo-kernel test check fmt clippy doc header labels unit packetdrill heavy e2e loom miri fuzz deny \
        instructions bench memory bench-apps stress hostile crash kills install uninstall clean prerequisites
.DELETE_ON_ERROR:

all: lib examples ## The library, the command and the C programs, in build/

help: ## This list
	@sed -n 's/^\([a-z][a-z0-9-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|' 2>/dev/null || grep -h '## ' Makefile

prerequisites:
	@for tool in $(CARGO) $(firstword $(CC)) $(INSTALL); do \
	  command -v $$tool >/dev/null 2>&1 || { \
	    echo "make: $$tool is missing: install Rust 1.95 (https://rustup.rs), and a C compiler (apt-get install gcc libc6-dev)" >&2; exit 2; }; \
	done

# --- what is built -----------------------------------------------------------------------------------------------

lib: build/lib/libsockeye.so build/lib/libsockeye.a build/bin/sockeye ## The library and the command, in build/lib and build/bin

build/cargo.stamp: $(sources) | prerequisites
	$(CARGO) rustc --locked --release -p sockeye-ffi --lib -- -C link-arg=-Wl,-soname,$(SONAME)
	$(CARGO) build --locked --release -p sockeye-cli
	@mkdir -p build && touch $@

# A file is replaced, not overwritten: programs that run have it mapped.
build/lib/$(SONAME): build/cargo.stamp
	@mkdir -p build/lib
	$(INSTALL) -m 755 $(release)/libsockeye_ffi.so $@

build/lib/libsockeye.so: build/lib/$(SONAME)
	ln -sf $(SONAME) $@

build/lib/libsockeye.a: build/cargo.stamp
	@mkdir -p build/lib
	$(INSTALL) -m 644 $(release)/libsockeye_ffi.a $@

build/bin/sockeye: build/cargo.stamp
	@mkdir -p build/bin
	$(INSTALL) -m 755 $(release)/sockeye $@

examples: $(examples:%=build/bin/%) $(portable:%=build/kernel/%) ## The C programs: build/bin over Sockeye, build/kernel over the kernel

build/bin/%: c-examples/%.c build/lib/libsockeye.so include/sockeye.h
	@mkdir -p build/bin
	$(CC) $(CFLAGS) -pthread -Iinclude -o $@ $< -Lbuild/lib -lsockeye -Wl,-rpath,'$$ORIGIN/../lib'

build/kernel/%: c-examples/%.c | prerequisites
	@mkdir -p build/kernel
	$(CC) $(CFLAGS) -pthread -Iinclude -o $@ $<

# --- the experiment ----------------------------------------------------------------------------------------------

demo: lib examples ## Guaranteed delivery over Sockeye: the log, and a table that is checked
	build/bin/sockeye lab guaranteed-delivery

demo-kernel: lib examples ## The same two programs over the kernel's TCP
	build/bin/sockeye lab guaranteed-delivery --kernel

# --- tests -------------------------------------------------------------------------------------------------------

test: check unit heavy loom e2e instructions ## Every test
	@echo "make test: all passed"

check: fmt clippy doc header labels ## Format, lints, documentation, the C header, and RFC 9293's labels

fmt: prerequisites ## Is every file formatted?
	$(CARGO) fmt --all --check

clippy: prerequisites ## Lints
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings

doc: prerequisites ## The documentation of the crates, without a warning
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --locked --workspace --no-deps

header: prerequisites ## Is include/sockeye.h what cbindgen makes of the code?
	$(CARGO) test --locked -q -p sockeye-ffi header

labels: prerequisites ## Is docs/rfc9293.md what the sources say, and has every label a test or an exception?
	$(CARGO) test --locked -q -p sockeye-sim --test rfc9293

unit: lib examples ## Every test of every crate
	$(CARGO) test --locked --workspace

packetdrill: ## Conformance scripts: PACKETDRILL=.../gtests/net (see docs/packetdrill.md), SCRIPTS=-v or parts of paths
	@test -n "$(PACKETDRILL)" || { echo "make packetdrill: PACKETDRILL=DIR is missing: docs/packetdrill.md says how to get the tool" >&2; exit 2; }
	$(CARGO) build --locked -p sockeye-packetdrill
	$(target)/debug/packetdrill-run $(PACKETDRILL) --log build/packetdrill.log $(SCRIPTS)

# 1 GiB through one connection takes too long without optimization.
heavy: prerequisites lib ## Long streams, optimized
	SOCKEYE_HEAVY=1 $(CARGO) test --locked --release -p sockeye --test transfer -p sockeye-cli --test hosted -p sockeye-sim --test bulk

e2e: lib examples ## The experiment, the installation, and the answers to mistakes
	scripts/e2e

loom: prerequisites ## The rings and the tokens under loom: every order of their steps (LOOM_MAX_PREEMPTIONS for more)
	RUSTFLAGS="--cfg loom" $(CARGO) test --locked --release --target-dir $(target)/loom -p sockeye-buffer --lib --no-default-features

miri: prerequisites ## The rings under Miri: four minutes (needs nightly)
	@$(CARGO) +nightly miri --version >/dev/null 2>&1 || { \
	  echo "make: Miri is missing: rustup toolchain install nightly --component miri,rust-src" >&2; exit 2; }
	@# proptest looks for its record of failures, which isolation forbids; a case takes Miri a thousand times as long.
	MIRIFLAGS=-Zmiri-disable-isolation PROPTEST_CASES=4 \
	  $(CARGO) +nightly miri test --locked --target-dir $(target)/miri -p sockeye-buffer --lib

# An input that fails is kept in fuzz/artifacts; what was bred is in fuzz/corpus, and the next run goes on from there.
fuzz: prerequisites ## Fuzz targets, for FUZZ_SECONDS=3600 each (FUZZ='control words' for some; needs nightly and cargo-fuzz)
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { \
	  echo "make: cargo-fuzz is missing: rustup toolchain install nightly; cargo install cargo-fuzz --locked" >&2; exit 2; }
	cd fuzz && for target in $(FUZZ); do \
	  $(CARGO) +nightly fuzz run $$target -- -max_total_time=$(FUZZ_SECONDS) -timeout=60 -rss_limit_mb=4096 -print_final_stats=1 || exit 1; \
	done

FUZZ_SECONDS ?= 3600
FUZZ         ?= control words rings ready wire

deny: prerequisites ## Are dependencies sound, and their licences ours? (needs cargo-deny)
	@$(CARGO) deny --version >/dev/null 2>&1 || { echo "make: cargo-deny is missing: cargo install cargo-deny --locked" >&2; exit 2; }
	$(CARGO) deny check

instructions: lib ## Instructions that fixed works take, beside stored figures (needs valgrind; SOCKEYE_BLESS=1 stores them)
	@command -v valgrind >/dev/null || { echo "make: valgrind is missing: apt-get install valgrind" >&2; exit 2; }
	@# With the command, for its features: what `make lib` has built is not built again.
	$(CARGO) build --locked --release -p sockeye-cli -p sockeye-instructions
	$(release)/sockeye-instructions crates/instructions/figures.toml build/lib/libsockeye.so

bench: prerequisites lib build/bench/epoll ## Costs of the send and receive path, beside the kernel's
	SOCKEYE_HOST_PROGRAM=$(CURDIR)/build/bin/sockeye SOCKEYE_SOCKET=$(CURDIR)/build/bench.socket \
	  SOCKEYE_LIBRARY=$(CURDIR)/build/lib/libsockeye.so SOCKEYE_BENCH_EPOLL=$(CURDIR)/build/bench/epoll \
	  $(CARGO) bench --locked -p sockeye --bench send_recv
	$(if $(SOCKEYE_BENCH_ROWS),,$(CARGO) bench --locked -p sockeye-wire -p sockeye-buffer)

memory: prerequisites lib ## Memory of connections: opened and closed, idle, left behind; and whether its bounds hold
	SOCKEYE_HOST_PROGRAM=$(CURDIR)/build/bin/sockeye $(CARGO) bench --locked -p sockeye --bench memory

# Not linked with the library: it is preloaded for the rows that are ours.
build/bench/epoll: benches/send_recv/epoll.c | prerequisites
	@mkdir -p build/bench
	$(CC) $(CFLAGS) -pthread -o $@ $<

bench-apps: lib ## Real programs over Sockeye, beside the kernel: APPS='redis nginx' for some of them
	scripts/bench-apps $(APPS)

stress: lib build/bench/longest-wait.so build/bin/waits ## Every wait for readiness, for SECONDS=300 each: of a program that makes all kinds, and of real ones (APPS='redis nginx')
	@echo "waits of two processes, hosted"
	build/bin/sockeye run --socket $(CURDIR)/build/stress.socket -- build/bin/waits -l 50 $(SECONDS)
	@echo "waits of threads, embedded"
	SOCKEYE_MODE=embedded build/bin/sockeye run -- build/bin/waits -t -l 50 $(SECONDS)
	SOCKEYE_BENCH_ROUNDS=1 SOCKEYE_BENCH_SECONDS=$(SECONDS) scripts/bench-apps --waits build/bench/longest-wait.so $(APPS)

SECONDS ?= 300

hostile: prerequisites ## Programs that break every rule, beside two that keep to them: SEEDS=500 of each kind, ATTACK=name for one of them
	SOCKEYE_SEEDS=$(SEEDS) SOCKEYE_ATTACK=$(ATTACK) $(CARGO) test --locked --release -p sockeye-ffi --test hostile -- --nocapture

SEEDS ?= 500
ATTACK ?=

crash: prerequisites ## The crash matrix: who dies at each step of each call (STEPS=3 for some of them; SOCKEYE_STEP=send/peer:17 for one)
	SOCKEYE_STEPS=$(STEPS) $(CARGO) test --locked --release -p sockeye-ffi --test crash -- --nocapture

STEPS ?= all

kills: prerequisites ## kill -9 of KILLS=10000 programs amid send(): what send() returned for arrives
	SOCKEYE_KILLS=$(KILLS) $(CARGO) test --locked --release -p sockeye-ffi --test kills killed_clients -- --nocapture

KILLS ?= 10000

build/bin/waits: crates/ffi/tests/calls/waits.c crates/ffi/tests/calls/call.h | prerequisites
	@mkdir -p build/bin
	$(CC) $(CFLAGS) -D_GNU_SOURCE -Ic-examples -Icrates/ffi/tests/calls -pthread -o $@ $<

build/bench/longest-wait.so: benches/waits/longest.c | prerequisites
	@mkdir -p build/bench
	$(CC) $(CFLAGS) -shared -fPIC -o $@ $< -ldl

# --- installation ------------------------------------------------------------------------------------------------

install: lib ## Library, header, pkg-config file and command, under PREFIX=/usr/local
	$(INSTALL) -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/include $(DESTDIR)$(LIBDIR)/pkgconfig
	$(INSTALL) -m 755 build/bin/sockeye $(DESTDIR)$(PREFIX)/bin/sockeye
	$(INSTALL) -m 755 build/lib/$(SONAME) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libsockeye.so
	$(INSTALL) -m 644 build/lib/libsockeye.a $(DESTDIR)$(LIBDIR)/libsockeye.a
	$(INSTALL) -m 644 include/sockeye.h $(DESTDIR)$(PREFIX)/include/sockeye.h
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' scripts/sockeye.pc.in \
	  > $(DESTDIR)$(LIBDIR)/pkgconfig/sockeye.pc
	@if [ -z "$(DESTDIR)" ] && [ "$$(id -u)" = 0 ] && command -v ldconfig >/dev/null; then ldconfig; fi

uninstall: ## Takes away what install put there
	rm -f $(DESTDIR)$(PREFIX)/bin/sockeye $(DESTDIR)$(LIBDIR)/$(SONAME) $(DESTDIR)$(LIBDIR)/libsockeye.so \
	  $(DESTDIR)$(LIBDIR)/libsockeye.a $(DESTDIR)$(PREFIX)/include/sockeye.h $(DESTDIR)$(LIBDIR)/pkgconfig/sockeye.pc

clean: ## Removes what was built
	$(CARGO) clean
	rm -rf build
