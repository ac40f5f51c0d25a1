#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# KV transfers in the guest against the host's memcpy() of the same blocks, which take
# turns in one run: GB/s, and what a block costs to prepare, to post and on the device.
# A second run counts instructions. No pass or fail by time; goals are named, and whether
# they were met.
set -euo pipefail
DACC_TOP=${DACC_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
. "$DACC_TOP/scripts/lib/common.sh"
case ${1:-} in
"") ;;
-h | --help)
	printf 'usage: tests/bench/kv-transfer.sh\n\nTable on stdout; figures in build/bench/kv-transfer.json.\n'
	exit 0
	;;
*) die 2 "unknown argument '$1'" "see: tests/bench/kv-transfer.sh --help" ;;
esac

dir=$DACC_TOP/tests/bench
out=$DACC_BUILD/bench
mkdir -p "$out"
make -s -C "$DACC_TOP/userspace" O="$DACC_BUILD" lib
gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror "$dir/kv-memcpy.c" -o "$out/kv-memcpy"
gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$DACC_TOP/userspace/libdacc/include" \
	-I"$DACC_TOP/uapi" "$dir/kv-transfer.c" -o "$out/kv-transfer" -L"$DACC_BUILD/lib" -ldacc

# The driver's own code on the host. What it includes of a kernel is in kv-prepare.h.
mkdir -p "$out/include/linux"
for name in bitmap bits math64 overflow sched slab; do
	: >"$out/include/linux/$name.h"
done
# shellcheck disable=SC2046 # several words
gcc -std=gnu11 -O2 -Wall -Wextra -Werror -I"$out/include" -I"$dir" -I"$DACC_TOP/kernel" \
	-I"$DACC_TOP/uapi" $(pkg-config --cflags libdrm) "$dir/kv-prepare.c" -o "$out/kv-prepare"
"$out/kv-prepare" >"$out/kv-transfer.prepare"

# The path of a socket has room for 107 characters.
socket=$(mktemp -d)/kv
"$out/kv-memcpy" "$socket" &
peer=$!
trap 'kill "$peer" 2>/dev/null || :; rm -rf "$(dirname "$socket")"' EXIT
"$DACC_TOP/scripts/vm" --name bench-kv-transfer --timeout 1800 \
	--qemu-arg -chardev --qemu-arg "socket,id=kv,path=$socket,server=on,wait=off" \
	--qemu-arg -device --qemu-arg virtserialport,chardev=kv,name=kv-memcpy \
	--file "$out/kv-transfer:/usr/bin/kv-transfer" -- kv-transfer >"$out/kv-transfer.times" ||
	die 1 "the run in the guest failed" "see $DACC_BUILD/vm/bench-kv-transfer.log"
"$DACC_TOP/scripts/vm" --name bench-kv-insns --timeout 1800 --icount 0 \
	--file "$out/kv-transfer:/usr/bin/kv-transfer" -- kv-transfer --insns \
	>"$out/kv-transfer.insns" ||
	die 1 "the run in the guest failed" "see $DACC_BUILD/vm/bench-kv-insns.log"
/usr/bin/python3 "$dir/kv-transfer.py" "$out"
