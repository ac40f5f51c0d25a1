#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A short run of the ioctl fuzzer: on the debug kernel where it is built already,
# else on the one that KERNEL names. FUZZ_CALLS and FUZZ_SEED change the run; the
# long one is in Documentation/testing.rst.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

calls=${FUZZ_CALLS:-20000}
seed=${FUZZ_SEED:-1}
build=${DACC_BUILD:-$DACC_TOP/build}

if [ -z "${KERNEL:-}" ] && compgen -G "${DACC_CACHE:-$HOME/.cache/dacc}/kernel-debug/current-*" >/dev/null; then
	export KERNEL=debug
fi
if ! make -s -C "$DACC_TOP/tests/fuzz" O="$build" >"$work/make" 2>&1; then
	ok 1 "the fuzzer builds" "$work/make"
	finish
	exit
fi
# Hangs are part of it, so they are to end soon. dma_debug takes a foreign buffer that
# two files import for an error.
guest fuzz --append dma_debug=off --append rcupdate.rcu_expedited=1 --load vgem --timeout 900 \
	--modparam dacc:job_timeout_ms=200 \
	--modparam dacc:job_limit_ms=400 --file "$build/tests/fuzz/ioctl_fuzz" -- \
	ioctl_fuzz --seed "$seed" --calls "$calls" --inject 2000 --kmsg
grep '^#' "$work/fuzz.out"
status=0
[ "$guest_status" -eq 0 ] && grep -q '^ok 1 ' "$work/fuzz.out" || status=1
ok $status "${KERNEL:-stock} kernel: $calls calls with seed $seed, nothing wrong" "$work/fuzz.err"
finish
