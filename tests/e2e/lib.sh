# SPDX-License-Identifier: GPL-2.0
# What the end-to-end tests share: TAP output, the models, and runs in the guest.
# shellcheck shell=bash

set -uo pipefail
DACC_TOP=${DACC_TOP:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}
vm=$DACC_TOP/scripts/vm
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

tap_n=0
tap_bad=0

# ok STATUS NAME [FILE...]: one test; the files are shown when it fails.
ok() {
	local status=$1 name=$2 file
	shift 2
	tap_n=$((tap_n + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $tap_n - $name"
		return 0
	fi
	tap_bad=$((tap_bad + 1))
	echo "not ok $tap_n - $name"
	for file; do
		[ -s "$file" ] || continue
		echo "# --- $(basename "$file")"
		tail -n 15 "$file" | sed 's/^/# /'
	done
	return 0
}

skip() {
	tap_n=$((tap_n + 1))
	echo "ok $tap_n - $1 # SKIP $2"
}

# same NAME EXPECTED ACTUAL [FILE...]: byte for byte.
same() {
	local name=$1 want=$2 got=$3 status=0
	shift 3
	cmp "$want" "$got" >"$work/cmp" 2>&1 || status=1
	ok $status "$name" "$work/cmp" "$@"
}

# grepped NAME PATTERN FILE
grepped() {
	local status=0
	grep -Eq -- "$2" "$3" || status=1
	ok $status "$1" "$3"
}

finish() {
	echo "1..$tap_n"
	[ $tap_bad -eq 0 ]
}

# The models: the tree's own, and stories260K where shared/ is beside the tree.
model=$(echo "$DACC_TOP"/models/*/model.bin)
model_dir=$(dirname "$model")
stories=$DACC_TOP/../shared/models/stories260K

# guest NAME [VM OPTION...] -- COMMAND...: runs in the guest; stdout and stderr go
# to $work/NAME.out and $work/NAME.err, the status to $guest_status.
guest() {
	local name=$1
	shift
	guest_status=0
	"$vm" --name "e2e-$name" --file "$model:/root/model.bin" \
		--file "$model_dir/tokenizer.bin:/root/tokenizer.bin" "$@" \
		>"$work/$name.out" 2>"$work/$name.err" </dev/null || guest_status=$?
}
