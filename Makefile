# SPDX-License-Identifier: GPL-2.0
# Every verb a person types. Each does the set-up it needs; slow products are
# kept in $(DACC_CACHE) (default ~/.cache/dacc) by content.

O ?= $(CURDIR)/build
override O := $(abspath $(O))
PREFIX ?= /usr/local
DESTDIR ?=
export DACC_BUILD := $(O)

SUITES := unit reference libdacc qtest kselftest kunit e2e headers

.DEFAULT_GOAL := help
.PHONY: help setup qemu kernel modules userspace vm demo check $(SUITES:%=check-%) \
	lint format bench docs install modules_install clean distclean

help: ## list the verbs
	@echo "dacc: usage: make VERB"
	@sed -n 's/^\([a-z0-9_-]*\):.*## \(.*\)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | \
		awk -F '\t' '{ printf "  %-18s %s\n", $$1, $$2 }'
	@echo "scripts/vm --help: a command or a shell in the guest"

setup: ## install missing build packages (root)
	@scripts/setup

qemu: setup ## build QEMU with the device models
	@scripts/build-qemu

kernel: setup ## fetch the guest kernel and its headers (KERNEL=debug: build it)
	@scripts/fetch-kernel

modules: setup ## build dacc.ko and gpupeer.ko for the guest kernel (KERNEL=)
	@scripts/build-modules

userspace: setup ## build libdacc and the tools
	@test -f userspace/Makefile || { echo "error: userspace/Makefile is missing in this tree" >&2; exit 1; }
	@$(MAKE) --no-print-directory -C userspace O=$(O)

vm: ## a shell in the guest, both modules loaded
	@scripts/vm

demo: ## text from a language model, through the whole stack
	@scripts/demo

check: ## all tests and lint, on all kernels (KERNEL=stock|7.3|debug: on that one)
	@scripts/check

check-unit: ## host unit tests of the device core
	@scripts/check unit

check-reference: ## the plain C reference against the golden texts
	@scripts/check reference

check-libdacc: ## host tests of libdacc's compiler and parsers
	@scripts/check libdacc

check-qtest: ## register-level tests of the QEMU devices
	@scripts/check qtest

check-kselftest: ## tests of the drivers' interfaces, in the guest (KERNEL=)
	@scripts/check kselftest

check-kunit: ## KUnit tests of the drivers, on the debug kernel
	@scripts/check kunit

check-headers: ## build both modules against every kernel headers package
	@scripts/check headers

check-e2e: ## end-to-end tests: golden texts, paths, bad input
	@scripts/check e2e

lint: ## sparse, W=1, checkpatch --strict, clang-format, shellcheck
	@scripts/check lint

format: setup ## run clang-format on userspace/ and tests/
	@scripts/lint --format

bench: ## benchmarks, ratios measured side by side
	@scripts/bench

docs: setup ## render Documentation/ to $(O)/docs
	@scripts/build-docs

install: userspace ## install library, tools, headers and man pages (PREFIX, DESTDIR)
	@$(MAKE) --no-print-directory -C userspace O=$(O) PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) install

KDIR ?= /lib/modules/$(shell uname -r)/build
modules_install: ## build and install the modules for the running kernel (KDIR)
	@test -d $(KDIR) || { echo "error: no kernel headers in $(KDIR); install linux-headers-$$(uname -r) or set KDIR" >&2; exit 1; }
	@$(MAKE) -C $(KDIR) M=$(CURDIR) modules
	@$(MAKE) -C $(KDIR) M=$(CURDIR) modules_install

clean: ## remove build/ (the cache stays)
	rm -rf $(O)

distclean: clean ## remove build/ and say where the cache is
	@echo "the cache is in $${DACC_CACHE:-$$HOME/.cache/dacc}; remove it by hand if you mean it"
