#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# More than SRAM holds: five models at once, whose memory together is four times the
# chip's. The driver evicts and restores between jobs; the texts are right, byte for byte.
# User queues would pin their memory, so these are kernel queues.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

clients=5

# How much SRAM one run takes, in bytes.
cat >"$work/measure.sh" <<'RUNS'
export DACC_QUEUE=kernel
dacc-run -m /root/model.bin -t /root/tokenizer.bin -n 256 --k 8 >/mnt/alone 2>/mnt/alone.err &
pid=$!
most=0
while kill -0 $pid 2>/dev/null; do
	used=$(sed -n 's/^sram_used: //p' /sys/kernel/debug/accel/*/counters | head -n 1)
	[ "${used:-0}" -gt "$most" ] && most=$used
done
wait $pid || exit 1
echo "$most" >/mnt/most
RUNS
guest measure --file "$work/measure.sh:/root/measure.sh" -- sh /root/measure.sh
ok "$guest_status" "one run alone" "$work/measure.err" "$work/measure/alone.err"
same "its text" "$model_dir/golden_greedy_256.txt" "$work/measure/alone" "$work/measure/alone.err"
need=$(cat "$work/measure/most" 2>/dev/null || echo 0)
[ "$need" -gt 65536 ]
ok $? "it takes SRAM"

# A chip that holds one and a quarter of them.
unit=65536
sram=$(((need * clients / 4 + unit - 1) / unit * unit))
echo "# one run takes $need bytes of SRAM, $clients of them $((need * clients)); the chip has $sram"

cat >"$work/runs.sh" <<'RUNS'
export DACC_QUEUE=kernel
counter() {
	sed -n "s/^$1: //p" /sys/kernel/debug/accel/*/counters | head -n 1
}
pids=
i=0
while [ $i -lt "$1" ]; do
	i=$((i + 1))
	dacc-run -m /root/model.bin -t /root/tokenizer.bin -n 256 --k 8 >/mnt/run$i 2>/mnt/run$i.err &
	pids="$pids $!"
done
status=0
most=0
for pid in $pids; do
	while kill -0 $pid 2>/dev/null; do
		evicted=$(cat /proc/$pid/fdinfo/* 2>/dev/null |
			sed -n 's/^dacc-evictions:[[:space:]]*//p' | sort -n | tail -n 1)
		[ "${evicted:-0}" -gt "$most" ] && most=$evicted
		sleep 0.2
	done
	wait $pid || status=1
done
echo "$most" >/mnt/fdinfo-evictions
for name in evictions restores evicted_bytes sram_used; do
	counter $name >/mnt/$name
done
exit $status
RUNS
guest crowd --file "$work/runs.sh:/root/runs.sh" --dacc-opt "sram-size=$sram" -- \
	sh /root/runs.sh "$clients"
ok "$guest_status" "$clients runs at once" "$work/crowd.err" "$work"/crowd/run*.err
for i in $(seq "$clients"); do
	same "text of run $i" "$model_dir/golden_greedy_256.txt" "$work/crowd/run$i" \
		"$work/crowd/run$i.err"
done
value() {
	cat "$work/crowd/$1" 2>/dev/null || echo "${2:-0}"
}
echo "# $(value evictions) evictions, $(value restores) restores"
[ "$(value evictions)" -gt 0 ]
ok $? "buffers were evicted"
[ "$(value restores)" -gt 0 ]
ok $? "and restored"
[ "$(value fdinfo-evictions)" -gt 0 ]
ok $? "fdinfo tells"
[ "$(value evicted_bytes 1)" -eq 0 ] && [ "$(value sram_used 1)" -eq 0 ]
ok $? "nothing is left"
finish
