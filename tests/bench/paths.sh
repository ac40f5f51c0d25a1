#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# One prompt over each path of the KV cache, side by side: device time (of the
# emulated hardware) and its ratio to the link's. No pass or fail.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib/common.sh"

dir=$(find "$DACC_TOP/models" -mindepth 2 -maxdepth 2 -name model.bin -printf '%h\n' | head -n 1)
[ -n "$dir" ] || die 1 "there is no model in models/" "train one: tools/train"
prompt="And it came to pass in those days, that there went out a decree from the king, that all the people should be numbered, every one after his own city."
out=$DACC_BUILD/bench
mkdir -p "$out"

# run NAME VM-LINK [dacc-run option...]
run() {
	local name=$1 link=$2
	shift 2
	"$DACC_TOP/scripts/vm" --name "bench-$name" --link "$link" \
		--file "$dir/model.bin:/root/model.bin" \
		--file "$dir/tokenizer.bin:/root/tokenizer.bin" -- \
		dacc-run -m /root/model.bin -t /root/tokenizer.bin -p "$prompt" -n 256 \
		--temp 0 --json "$@" >"$out/$name.json" ||
		die 1 "the run over $name failed" "see $DACC_BUILD/vm/bench-$name.log"
}

run link up
run pcie down
run bounce up --bounce
/usr/bin/python3 - "$out" <<'EOF'
import json
import sys

base = None
print("path      KV bytes  transfer us  ratio  GB/s    decode us/step  ratio  same text")
text = None
for name in ("link", "pcie", "bounce"):
    with open(f"{sys.argv[1]}/{name}.json", encoding="utf-8") as f:
        run = json.load(f)
    s = run["stats"]
    transfer, step = s["transfer"]["busy_ps"] / 1e6, s["decode_us_per_step"]
    base = base or (transfer, step)
    text = text or run["prompts"][0]["text"]
    print(f"{s['path']:8} {s['kv_bytes']:9} {transfer:12.3f} {transfer / base[0]:6.2f} "
          f"{s['transfer_gb_per_s']:6.2f} {step:15.3f} {step / base[1]:6.2f}  "
          f"{'yes' if run['prompts'][0]['text'] == text else 'NO'}")
EOF
