#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# System calls between two tokens: none on a user queue that is polled, whether the
# tokens are of one job or of a job each.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

build=${DACC_BUILD:-$DACC_TOP/build}
make -s -C "$DACC_TOP/userspace" O="$build" lib >"$work/make" 2>&1 &&
	make -s -C "$DACC_TOP/tests/bench" O="$build" >>"$work/make" 2>&1
ok $? "the counting program builds" "$work/make"

for mode in stream again kernel; do
	guest "syscalls-$mode" --file "$build/tests/bench/syscalls" -- \
		syscalls /root/model.bin "$mode"
	ok "$guest_status" "$mode: it runs" "$work/syscalls-$mode.err"
done
grepped "98 tokens of one job without a system call" \
	'^tokens 98 syscalls 0 first -1 error 0$' "$work/syscalls-stream.out"
grepped "98 tokens, a job each, without a system call" \
	'^tokens 98 syscalls 0 first -1 error 0$' "$work/syscalls-again.out"
# 16 is ioctl: what SUBMIT takes; the first one that is trapped ends the loop.
grepped "by SUBMIT the same loop is caught at its ioctl" \
	'^tokens [0-9]+ syscalls [1-9][0-9]* first 16 error -[0-9]+$' "$work/syscalls-kernel.out"
finish
