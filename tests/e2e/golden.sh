#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The golden texts, byte for byte: over the link, over PCIe, through host memory; with
# any threads, vector code and prefill chunks. The path is what the device reports.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
reference_ready

prompt="In the beginning God created the heaven and the earth. And the earth was without form"
"$reference" "$model_dir/model.bin" "$model_dir/tokenizer.bin" -n 256 -t 0 -p "$prompt" \
	>"$work/prompted" || echo "# the reference failed"

# The runs of one boot; the text of run R is in /mnt/R, its statistics in /mnt/R.err.
cat >"$work/runs.sh" <<'RUNS'
run() {
	name=$1
	shift
	dacc-run --stats "$@" >"/mnt/$name" 2>"/mnt/$name.err" || echo "$name: status $?" >&2
}
model="-m /root/model.bin -t /root/tokenizer.bin"
prompt=$(cat /mnt/prompt)
run empty $model -n 256
run prompt $model -n 256 -p "$prompt"
run topp $model -n 256 --temp 0.8 --top-p 0.9 --seed 42 -p "In those days there was a king"
[ ! -f /root/stories260K.bin ] || run stories -m /root/stories260K.bin -t /root/tok512.bin -n 256
[ "$1" = more ] || exit 0
for chunk in 1 5 64; do
	run chunk$chunk $model -n 256 -p "$prompt" --chunk $chunk
done
for k in 1 7; do
	run k$k $model -n 256 -p "$prompt" --k $k
done
run bounce $model -n 256 -p "$prompt" --bounce
run f16 $model -n 64 -p "$prompt" --kv-type f16
run q8 $model -n 64 -p "$prompt" --weight-type q8_0
RUNS

# boot NAME PATH MORE [VM OPTION...]
boot() {
	local name=$1 path=$2 more=$3 run
	shift 3
	mkdir -p "$work/$name"
	printf '%s' "$prompt" >"$work/$name/prompt"
	guest "$name" --file "$work/runs.sh:/root/runs.sh" "$@" -- sh /root/runs.sh "$more"
	ok "$guest_status" "$name: runs" "$work/$name.err"
	same "$name: greedy text" "$model_dir/golden_greedy_256.txt" "$work/$name/empty" \
		"$work/$name/empty.err"
	same "$name: greedy text after a prompt" "$work/prompted" "$work/$name/prompt" \
		"$work/$name/prompt.err"
	same "$name: seeded top-p text" "$model_dir/golden_topp_t0.8_p0.9_s42.txt" \
		"$work/$name/topp" "$work/$name/topp.err"
	if [ -f "$stories/golden_greedy_256.txt" ]; then
		same "$name: stories260K" "$stories/golden_greedy_256.txt" "$work/$name/stories" \
			"$work/$name/stories.err"
	else
		skip "$name: stories260K" "no ../shared/models/stories260K beside the tree"
	fi
	grepped "$name: path is $path" "^path +$path" "$work/$name/prompt.err"
}

# Device time of the transfer in picoseconds, as reported.
transfer_ps() {
	sed -n 's/^transfer  *\([0-9.]*\) us device time.*/\1/p' "$1" | tr -d .
}

boot link-up link more
for run in chunk1 chunk5 chunk64 k1 k7 bounce; do
	same "link-up: $run" "$work/prompted" "$work/link-up/$run" \
		"$work/link-up/$run.err"
done
grepped "link-up: --bounce is reported" "^path +bounce through host memory" \
	"$work/link-up/bounce.err"
for run in f16 q8; do
	[ "$(head -c 200 "$work/link-up/$run" | wc -c)" -gt 50 ]
	ok $? "link-up: $run gives text" "$work/link-up/$run.err"
done
boot link-down "PCIe peer-to-peer" less --link down
boot link-none "PCIe peer-to-peer" less --link none
boot exporter-refuses "bounce through host memory" less --modparam gpupeer:p2p=0
boot importer-refuses "bounce through host memory" less --modparam dacc:p2p=0
boot two-threads link less --dacc-opt threads=2 --gpupeer-opt threads=2
boot scalar link less --dacc-opt vector=scalar --gpupeer-opt vector=scalar --smp 1
boot iommu link less --iommu

# The same tokens, other times: the link is faster than PCIe, and PCIe than two hops.
up=$(transfer_ps "$work/link-up/prompt.err")
down=$(transfer_ps "$work/link-down/prompt.err")
bounce=$(transfer_ps "$work/exporter-refuses/prompt.err")
echo "# transfer, device time in units of 1 ns: link $up, PCIe $down, bounce $bounce"
[ "${up:-0}" -gt 0 ] && [ "$up" -lt "${down:-0}" ]
ok $? "the link takes less device time than PCIe"
[ "${bounce:-0}" -gt 0 ] && [ "$bounce" -ne "$up" ]
ok $? "the bounce has its own device time"
# Device time is a function of the requests: not of threads or vector code.
for run in prompt topp; do
	for other in two-threads scalar; do
		diff <(grep 'device time' "$work/link-up/$run.err") \
			<(grep 'device time' "$work/$other/$run.err") >"$work/diff"
		ok $? "device times of $run are the same with $other" "$work/diff"
	done
done
finish
