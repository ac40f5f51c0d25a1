# SPDX-License-Identifier: GPL-2.0
# TAP for scripts that run in the guest (busybox sh).
# shellcheck shell=dash

tap_n=0

# ok STATUS NAME [FILE]: one test; the file is shown when it fails.
ok() {
	tap_n=$((tap_n + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $tap_n - $2"
	else
		echo "not ok $tap_n - $2"
		[ -z "$3" ] || tail -n 10 "$3" | sed 's/^/# /'
	fi
}

# Those that return to where they were; the others count events and only rise.
counters() {
	cat /sys/kernel/debug/accel/*/counters /sys/kernel/debug/dri/*/counters |
		grep -Ev '^(evictions|restores|transfers_[a-z]*|transfer_bytes|doorbells|[a-z]*_?resets|jobs_(submitted|failed)|timeouts)[: ]'
}

# Files are closed in the background: wait until nothing is left, 10 s at most.
clean() {
	for _ in $(seq 100); do
		counters >/tmp/counters.now
		cmp -s /tmp/counters.start /tmp/counters.now && return 0
		sleep 0.1
	done
	diff /tmp/counters.start /tmp/counters.now
	return 1
}

counters >/tmp/counters.start
