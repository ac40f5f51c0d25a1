#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# daccctl: tables for people, the same content as JSON.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

guest ctl -- sh -c 'daccctl list >/mnt/list && daccctl list --json >/mnt/list.json &&
	daccctl info >/mnt/info && daccctl info --json >/mnt/info.json &&
	daccctl info /dev/accel/accel0 --json >/mnt/node.json &&
	daccctl info /dev/accel/accel9 >/mnt/none 2>/mnt/none.err; echo $? >/mnt/status'
ok "$guest_status" "runs" "$work/ctl.err"
for f in list info node; do
	python3 -c 'import json, sys; json.load(sys.stdin)' <"$work/ctl/$f.json" 2>"$work/json.err"
	ok $? "$f --json is JSON" "$work/json.err"
done
grepped "list shows the chip's node" "/dev/accel/accel0" "$work/ctl/list"
grepped "list shows the GPU peer" "1234:dac9" "$work/ctl/list"
grepped "info shows the BARs" "64 MiB" "$work/ctl/info"
grepped "info shows the link DVSEC" "dvsec" "$work/ctl/info"
grepped "info shows the link's state" "up" "$work/ctl/info"
grepped "JSON has the link's UID" "uid" "$work/ctl/info.json"
[ "$(cat "$work/ctl/status")" -ne 0 ] && [ "$(wc -l <"$work/ctl/none.err")" -eq 1 ]
ok $? "a chip that is not there: one line, status not 0" "$work/ctl/none.err"
finish
