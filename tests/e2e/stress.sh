#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Ten rounds of each kind of trouble under four clients whose text stays right; by hand:
# scripts/stress --rounds 1000.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

for kind in kill queue flr suspend bind remove unplug link; do
	status=0
	"$DACC_TOP/scripts/stress" --rounds "${STRESS_ROUNDS:-10}" --json "$kind" \
		>"$work/$kind.json" 2>"$work/$kind.err" || status=$?
	sed 's/^/# /' "$work/$kind.json"
	ok $status "$kind" "$work/$kind.json" "$work/$kind.err"
done
finish
