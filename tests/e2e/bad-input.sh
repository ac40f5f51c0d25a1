#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Bad input: one line that names cause and remedy, its exit status, nothing leaked.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
guest_tap bad-input bad-input.sh
guest_tap small-sram small-sram.sh --dacc-opt sram-size=1M
guest_tap no-modules no-modules.sh --no-load
guest_tap no-device no-device.sh --no-devices
finish
