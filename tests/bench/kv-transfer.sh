#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# KV transfers in the guest against the host's memcpy() of the same blocks, in one
# run: GB/s, and what a block costs to prepare, to post and on the device. No pass or fail
# by time; goals are named, and whether they were met.
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

# Before and after, so that both see the same machine.
"$out/kv-memcpy" >"$out/kv-memcpy.1"
"$DACC_TOP/scripts/vm" --name bench-kv-transfer --timeout 1800 \
	--file "$out/kv-transfer:/usr/bin/kv-transfer" -- kv-transfer >"$out/kv-transfer.out" ||
	die 1 "the run in the guest failed" "see $DACC_BUILD/vm/bench-kv-transfer.log"
"$out/kv-memcpy" >"$out/kv-memcpy.2"
/usr/bin/python3 - "$out" <<'EOF'
import json
import sys

out = sys.argv[1]
host = {}
for run in ("1", "2"):
    with open(f"{out}/kv-memcpy.{run}", encoding="utf-8") as f:
        for line in f:
            block, n, ns = map(int, line.split())
            host[block, n] = min(ns, host.get((block, n), ns))

rows = []
print("  block  blocks  pages layers  transfer  memcpy        ns a block            doorbells")
print("                              GB/s      GB/s   ratio  prepare   post  device  a layer")
with open(f"{out}/kv-transfer.out", encoding="utf-8") as f:
    for line in f:
        block, n, pages, layers, prepare, post, total, bells = map(int, line.split())
        memcpy = host[block, n]
        row = {
            "block": block, "blocks": n, "pages": pages, "layers": layers,
            "gb_per_s": block * n / total, "memcpy_gb_per_s": block * n / memcpy,
            "ratio": memcpy / total, "prepare_ns": prepare / n, "post_ns": post / n,
            "device_ns": (total - post - memcpy) / n, "doorbells_per_layer": bells / layers,
        }
        rows.append(row)
        print(f"{block:7} {n:7} {pages:6} {layers:6} {row['gb_per_s']:9.2f} "
              f"{row['memcpy_gb_per_s']:9.2f} {row['ratio']:7.2f} {row['prepare_ns']:8.0f} "
              f"{row['post_ns']:6.0f} {row['device_ns']:7.0f} {row['doorbells_per_layer']:8.2f}")

big = [r for r in rows if r["block"] >= 65536 and r["block"] * r["blocks"] >= 64 << 20]
worst = min(r["ratio"] for r in big)
print(f"64 KiB up, 64 MiB and more in all: at least {worst:.2f} of memcpy (goal 0.90: "
      f"{'met' if worst >= 0.9 else 'missed'})")
many = [r for r in rows if r["blocks"] >= 10000 and r["block"] <= 4096]
for what in ("prepare_ns", "post_ns", "device_ns"):
    cost = max(r[what] for r in many)
    print(f"{what[:-3]}: at most {cost:.0f} ns a block, of 10,000 and more blocks up to 4 KiB "
          f"(goal 64: {'met' if cost <= 64 else 'missed'})")
with open(f"{out}/kv-transfer.json", "w", encoding="utf-8") as f:
    json.dump(rows, f, indent=1)
EOF
