# SPDX-License-Identifier: GPL-2.0
"""Table and goals of tests/bench/kv-transfer.sh, from what its guests have printed."""

import json
import sys

GOAL_RATIO = 0.9
GOAL_NS = 64  # a fiftieth of 3.2 us


def read(path, names):
    """Rows of numbers, by column."""
    with open(path, encoding="utf-8") as f:
        return [dict(zip(names, map(int, line.split()))) for line in f]


def met(good):
    """What to call it."""
    return "met" if good else "missed"


def slope(few, many, key):
    """What one block more costs: free of what a transfer costs once."""
    return (many[key] - few[key]) / (many["blocks"] - few["blocks"])


def two_largest(rows, block):
    """The two cases of a block size with most blocks."""
    same = [r for r in rows if r["block"] == block]
    return sorted(same, key=lambda r: r["blocks"])[-2:]


def table(rows):
    """A line for each case."""
    print("device and memcpy: processor time of their threads, medians; end to end, prepare and\n"
          "post: by the guest's clock, best\n"
          "  block  blocks  pages layers     GB/s   GB/s             GB/s     ns a block"
          "   doorbells\n"
          "                                device memcpy  ratio  end-end  prepare   post"
          "   a layer")
    for r in rows:
        size, n = r["block"] * r["blocks"], r["blocks"]
        r["gb_per_s"] = size / r["device"]
        r["memcpy_gb_per_s"] = size / r["memcpy"]
        r["end_to_end_gb_per_s"] = size / r["total"]
        r["ratio"] = r["memcpy"] / r["device"]
        r["prepare_ns"] = r["prepare"] / n
        r["post_ns"] = r["post"] / n
        r["doorbells_per_layer"] = r["doorbells"] / r["layers"]
        print(f"{r['block']:7} {n:7} {r['pages']:6} {r['layers']:6} {r['gb_per_s']:8.2f} "
              f"{r['memcpy_gb_per_s']:6.2f} {r['ratio']:6.2f} {r['end_to_end_gb_per_s']:8.2f} "
              f"{r['prepare_ns']:8.0f} {r['post_ns']:6.0f} {r['doorbells_per_layer']:9.2f}")


def one_more(rows):
    """What a block costs beyond the first ones, by block size."""
    first = min(rows, key=lambda r: r["block"] * r["blocks"])
    print(f"\nA transfer of one block: {first['total'] / 1000:.0f} us from the post to the "
          f"result, {first['device'] / 1000:.1f} us of them on the device.\n"
          "One block more on the device, by the two cases with most blocks:\n"
          "  block     ns  memcpy   more  ratio")
    more = []
    for block in sorted({r["block"] for r in rows}):
        few, many = two_largest(rows, block)
        ns, peer = slope(few, many, "device"), slope(few, many, "memcpy")
        more.append({"block": block, "ns": ns, "memcpy_ns": peer, "ratio": peer / ns})
        print(f"{block:7} {ns:6.0f} {peer:7.0f} {ns - peer:6.0f} {peer / ns:6.2f}")
    return first, more


def prepare(rows, insns, native):
    """What the kernel does for each block of a list, once in a list's life."""
    print("\nPreparing, the most blocks of each kind, beside a memcpy() of the list. Native: the "
          "driver's\nown code and that memcpy() on the host, without allocating the table\n"
          "                  instructions       emulated ns            native ns\n"
          "  a block with   prepare  memcpy  prepare  memcpy ratio  prepare  memcpy ratio")
    costs = []
    for pages in (False, True):
        def most(table):
            return max((r for r in table if bool(r["pages"]) == pages),
                       key=lambda r: r.get("blocks", 0))

        times, count, host = most(rows), most(insns), most(native)
        n, m = times["blocks"], count["blocks"]
        c = {
            "pages": pages, "insns": count["prepare"] / m, "list_copy_insns": count["copy"] / m,
            "post_insns": count["post"] / m, "ns": times["prepare"] / n,
            "list_copy_ns": times["copy"] / n, "native_ns": host["prepare"] / 1000,
            "native_copy_ns": host["copy"] / 1000,
        }
        costs.append(c)
        print(f"  {'its own page' if pages else 'no page':12} {c['insns']:9.1f} "
              f"{c['list_copy_insns']:7.1f} {c['ns']:8.1f} {c['list_copy_ns']:7.1f} "
              f"{c['ns'] / c['list_copy_ns']:5.1f} {c['native_ns']:8.1f} "
              f"{c['native_copy_ns']:7.1f} {c['native_ns'] / c['native_copy_ns']:5.1f}")
    return costs


def main():
    """kv-transfer.py FOLDER"""
    out = sys.argv[1]
    rows = read(f"{out}/kv-transfer.times",
                ("block", "blocks", "pages", "layers", "doorbells", "prepare", "copy", "post",
                 "total", "device", "memcpy"))
    insns = read(f"{out}/kv-transfer.insns", ("blocks", "pages", "prepare", "copy", "post"))
    native = read(f"{out}/kv-transfer.prepare", ("pages", "prepare", "copy"))
    table(rows)
    first, more = one_more(rows)
    costs = prepare(rows, insns, native)

    print()
    big = [r for r in rows if r["block"] >= 65536 and r["block"] * r["blocks"] >= 60 << 20]
    worst = min(r["ratio"] for r in big)
    print(f"64 KiB up, transfers of 60 MiB and more: at least {worst:.2f} of memcpy "
          f"(goal {GOAL_RATIO}: {met(worst >= GOAL_RATIO)})")
    device = max(m["ns"] - m["memcpy_ns"] for m in more if m["block"] <= 4096)
    post = max(r["post_ns"] for r in rows if r["blocks"] >= 10000 and r["block"] <= 4096)
    for what, ns in (("device, beyond memcpy", device), ("post", post),
                     ("prepare, native", max(c["native_ns"] for c in costs)),
                     ("prepare, emulated", max(c["ns"] for c in costs))):
        print(f"{what}: at most {ns:.0f} ns a block (goal {GOAL_NS}: {met(ns <= GOAL_NS)})")
    with open(f"{out}/kv-transfer.json", "w", encoding="utf-8") as f:
        json.dump({"cases": rows, "one_more": more, "prepare": costs,
                   "one_block_ns": first["total"],
                   "one_block_device_ns": first["device"]}, f, indent=1)


main()
