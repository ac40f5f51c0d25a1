#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Eight prompts in one batch give the texts of eight single runs, and the reference's.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
reference_ready

prompts=("And God said" "In the beginning" "The king" "And it came to pass" "Behold"
	"Then said the woman unto him" "O LORD" "And the sons of")

mkdir -p "$work/batch"
printf '%s\n' "${prompts[@]}" >"$work/batch/prompts"
cat >"$work/runs.sh" <<'RUNS'
model="-m /root/model.bin -t /root/tokenizer.bin -n 120"
set --
i=0
while IFS= read -r p; do
	set -- "$@" -p "$p"
	i=$((i + 1))
	dacc-run $model -p "$p" >"/mnt/single$i" || exit 1
	dacc-run $model -p "$p" --temp 0.9 --top-p 0.9 --seed 7 >"/mnt/seeded$i" || exit 1
done </mnt/prompts
dacc-run $model "$@" >/mnt/batch 2>/mnt/batch.err || exit 1
dacc-run $model "$@" --stats >/mnt/batch-stats 2>/mnt/stats.err || exit 1
dacc-run $model "$@" --k 3 >/mnt/batch-k3 || exit 1
dacc-run $model "$@" --temp 0.9 --top-p 0.9 --seed 7 >/mnt/batch-seeded || exit 1
dacc-run $model "$@" --json >/mnt/batch.json || exit 1
RUNS
guest batch --file "$work/runs.sh:/root/runs.sh" -- sh /root/runs.sh
ok "$guest_status" "runs" "$work/batch.err"
cat "$work"/batch/single[1-8] >"$work/singles"
cat "$work"/batch/seeded[1-8] >"$work/seeded"
same "8 prompts batched equal 8 single runs" "$work/singles" "$work/batch/batch"
same "with statistics too" "$work/singles" "$work/batch/batch-stats"
same "with other job lengths too" "$work/singles" "$work/batch/batch-k3"
same "seeded sampling too" "$work/seeded" "$work/batch/batch-seeded"
for i in 1 2 3 4 5 6 7 8; do
	"$reference" "$model_dir/model.bin" "$model_dir/tokenizer.bin" -p "${prompts[i - 1]}" \
		-n 120 -t 0 >"$work/ref$i" 2>"$work/ref$i.err"
	same "text $i equals the reference's" "$work/ref$i" "$work/batch/single$i" "$work/ref$i.err"
done
python3 -c 'import json, sys; json.load(sys.stdin)' <"$work/batch/batch.json" 2>"$work/json.err"
ok $? "--json is JSON" "$work/json.err"
finish
