#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A trace of one run shows that a layer's KV cache moves while the prefill goes on.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

prompt="In the beginning God created the heaven and the earth. And the earth was without form"
cat >"$work/traced.sh" <<'RUN'
set -e
cd /sys/kernel/tracing 2>/dev/null && [ -d events ] || {
	mount -t tracefs none /sys/kernel/tracing
	cd /sys/kernel/tracing
}
for driver in dacc gpupeer; do
	echo 1 >events/$driver/enable
done
echo 16384 >buffer_size_kb
dacc-run -m /root/model.bin -t /root/tokenizer.bin -n 64 -p "$1" --stats >/mnt/text 2>/mnt/stats
cat trace >/mnt/trace
RUN
guest trace --file "$work/traced.sh:/root/traced.sh" -- sh /root/traced.sh "$prompt"
ok "$guest_status" "a traced run" "$work/trace.err"

trace=$work/trace/trace
for event in dacc_job_submit dacc_job_start dacc_job_end dacc_transfer dacc_bind dacc_userq_jobs \
	gpupeer_job_submit gpupeer_job_start gpupeer_job_point gpupeer_job_end; do
	grepped "the trace has $event" ": $event: " "$trace"
done
status=0
"$DACC_TOP/scripts/trace-overlap" "$trace" >"$work/overlap" 2>&1 || status=1
sed 's/^/# /' "$work/overlap"
ok $status "trace-overlap reads it" "$work/overlap"

# overlap KEY TEST: a figure of the report, in picoseconds.
figure() {
	"$DACC_TOP/scripts/trace-overlap" --json "$trace" |
		python3 -c "import json, sys; r = json.load(sys.stdin); print($1)"
}
early=$(figure 'r["transfer_before_prefill_end_ps"] or 0')
status=0
[ "${early:-0}" -gt 0 ] || status=1
ok $status "a layer's transfer starts before the prefill ends (${early:-0} ps)"
both=$(figure 'r["overlap_ps"]["prefill,transfer"]')
status=0
[ "${both:-0}" -gt 0 ] || status=1
ok $status "prefill and transfer overlap in device time (${both:-0} ps)"

# Decode jobs are a user queue's, so the kernel was told of their ends only.
jobs=$(figure 'r["kinds"]["decode"]["jobs"]')
said=$(sed -n 's/^decode .* steps and \([0-9]*\) jobs.*/\1/p' "$work/trace/stats")
status=0
[ "${jobs:-0}" -gt 0 ] && [ "$jobs" = "$said" ] || status=1
ok $status "all decode jobs are in the trace (${jobs:-0} of ${said:-none})" "$work/trace/stats"
after=$(figure 'r["kinds"]["decode"]["first_start_ps"] >= r["kinds"]["prefill"]["first_start_ps"]')
status=0
[ "$after" = True ] || status=1
ok $status "decode starts after the prefill" "$work/overlap"

# What was not measured is not claimed.
status=0
"$DACC_TOP/scripts/trace-overlap" /dev/null >"$work/none" 2>&1 && status=1
grep -q '^error: .*: enable events/dacc' "$work/none" || status=1
ok $status "an empty trace is an error" "$work/none"
finish
