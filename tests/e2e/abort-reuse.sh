#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# A request is aborted while its KV transfer is in flight, and another one gets its
# pages: thousands of times, without the driver's protection (which must show that pages of
# the other request are overwritten, or this tests nothing) and with it (never).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

trials=${ABORT_REUSE_TRIALS:-3000}
build=${DACC_BUILD:-$DACC_TOP/build}
gcc -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -I"$DACC_TOP/userspace/libdacc/include" \
	-I"$DACC_TOP/uapi" "$DACC_TOP/tests/e2e/guest/abort-reuse.c" -o "$work/program" \
	-L"$build/lib" -ldacc 2>"$work/cc.err"
ok $? "the guest's program builds" "$work/cc.err"

cat >"$work/both.sh" <<RUNS
abort-reuse --unprotected --trials $((trials / 3)) >/mnt/off 2>/mnt/off.err || exit 1
abort-reuse --trials $trials >/mnt/on 2>/mnt/on.err || exit 1
RUNS
guest abort-reuse --file "$work/program:/usr/bin/abort-reuse" --timeout 1800 \
	--modparam dacc:unsafe_pool=1 --file "$work/both.sh:/root/both.sh" -- sh /root/both.sh
ok "$guest_status" "both runs come to their end" "$work/abort-reuse/off.err" \
	"$work/abort-reuse/on.err" "$work/abort-reuse.err"

# count FILE NAME: a number of the program's line.
count() {
	tr ' ' '\n' <"$work/abort-reuse/$1" | grep -A1 -x "$2" | tail -n 1
}

for run in off on; do
	[ -s "$work/abort-reuse/$run" ] || continue
	echo "# protection $run: $(cat "$work/abort-reuse/$run")"
done
[ "$(count off in_flight)" -gt 50 ]
ok $? "protection off: aborts hit transfers in flight" "$work/abort-reuse/off"
[ "$(count off overwritten)" -gt 0 ]
ok $? "protection off: pages of another request are overwritten" "$work/abort-reuse/off"
[ "$(count on trials)" = "$trials" ] && [ "$(count on in_flight)" -gt $((trials / 20)) ]
ok $? "protection on: aborts hit transfers in flight" "$work/abort-reuse/on"
[ "$(count on waited)" -gt $((trials / 20)) ]
ok $? "protection on: pages were still owned when they were wanted" "$work/abort-reuse/on"
[ "$(count on overwritten)" = 0 ]
ok $? "protection on: no page of another request is ever overwritten" "$work/abort-reuse/on"
finish
