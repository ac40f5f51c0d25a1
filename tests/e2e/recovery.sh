#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Killed clients, hangs, resets and removal under load: the others' text stays right.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
guest_tap recovery recovery.sh --file "$model_dir/golden_greedy_256.txt:/root/golden.txt" \
	--modparam dacc:job_timeout_ms=2000
finish
