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
model_dir=$(dirname "$(echo "$DACC_TOP"/models/*/model.bin)")
stories=$DACC_TOP/../shared/models/stories260K
build_dir=${DACC_BUILD:-$DACC_TOP/build}
reference=$build_dir/tests/reference/llama-ref

# Builds the reference; another script may be doing the same.
reference_ready() {
	local status=0
	mkdir -p "$build_dir/tests"
	flock "$build_dir/tests/reference.lock" make -s -C "$DACC_TOP/tests/reference" \
		O="${reference%/*}" >"$work/reference.log" 2>&1 || status=$?
	[ $status -eq 0 ] || ok 1 "the reference builds" "$work/reference.log"
}

# guest NAME [VM OPTION...] -- COMMAND...: runs COMMAND in the guest, which has the
# model's files in /root and $work/NAME on /mnt. Its stdout and stderr are
# $work/NAME.out and $work/NAME.err, its status is $guest_status.
guest() {
	local name=$1 files=()
	shift
	mkdir -p "$work/$name"
	files+=(--file "$model_dir/model.bin:/root/model.bin"
		--file "$model_dir/tokenizer.bin:/root/tokenizer.bin")
	if [ -f "$stories/stories260K.bin" ]; then
		files+=(--file "$stories/stories260K.bin:/root/stories260K.bin"
			--file "$stories/tok512.bin:/root/tok512.bin")
	fi
	guest_status=0
	"$vm" --name "e2e-$name" --share "$work/$name" "${files[@]}" \
		--file "$DACC_TOP/tests/e2e/guest/tap.sh:/root/tap.sh" "$@" \
		>"$work/$name.out" 2>"$work/$name.err" </dev/null || guest_status=$?
}

# guest_tap NAME SCRIPT [VM OPTION...]: runs tests/e2e/guest/SCRIPT in the guest and
# takes its TAP lines as this program's own.
guest_tap() {
	local name=$1 script=$2 line ended=1
	shift 2
	guest "$name" --file "$DACC_TOP/tests/e2e/guest/$script:/root/$script" "$@" -- \
		sh "/root/$script"
	while IFS= read -r line; do
		case $line in
		"ok "*) ok 0 "${line#*- }" ;;
		"not ok "*) ok 1 "${line#*- }" ;;
		"# end") ended=0 ;;
		*) echo "$line" ;;
		esac
	done <"$work/$name.out"
	[ "$guest_status" -eq 0 ] || ended=1
	ok $ended "$name: the guest's script came to its end" "$work/$name.err"
}
