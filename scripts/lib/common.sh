# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Sourced by every script: paths, messages, locks, content keys.

DACC_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
DACC_BUILD=${DACC_BUILD:-$DACC_TOP/build}
DACC_CACHE=${DACC_CACHE:-${HOME:-/root}/.cache/dacc}
DACC_JOBS=${DACC_JOBS:-$(nproc)}
DACC_ME=${0##*/}
export DACC_TOP DACC_BUILD DACC_CACHE DACC_JOBS

# Progress goes to stderr: stdout of a script is its result (a path, TAP).
say() { printf '%s: %s\n' "$DACC_ME" "$*" >&2; }

warn() { printf '%s: warning: %s\n' "$DACC_ME" "$*" >&2; }

# die STATUS MESSAGE REMEDY...
die() {
	local status=$1
	shift
	printf '%s: error: %s\n' "$DACC_ME" "$1" >&2
	shift
	local line
	for line in "$@"; do
		printf '%s:   %s\n' "$DACC_ME" "$line" >&2
	done
	exit "$status"
}

need_tool() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null 2>&1 ||
			die 1 "the program '$tool' is missing" \
				"run: make setup   (as root)"
	done
}

# run_logged LOG TITLE COMMAND...: quiet unless it fails; tells the time taken.
run_logged() {
	local log=$1 title=$2 start=$SECONDS
	shift 2
	mkdir -p "$(dirname "$log")"
	say "$title ..."
	if "$@" >"$log" 2>&1 </dev/null; then
		say "$title: done in $((SECONDS - start)) s"
		return 0
	fi
	printf '%s: last lines of %s:\n' "$DACC_ME" "$log" >&2
	tail -n 25 "$log" >&2
	return 1
}

# run_counted LOG TITLE PATTERN TOTAL COMMAND...: like run_logged, and says every
# half minute how many lines of the log match, of about TOTAL.
run_counted() {
	local log=$1 title=$2 pattern=$3 total=$4 start=$SECONDS pid n
	shift 4
	mkdir -p "$(dirname "$log")"
	say "$title ..."
	"$@" >"$log" 2>&1 </dev/null &
	pid=$!
	while kill -0 $pid 2>/dev/null; do
		sleep 1
		[ $(((SECONDS - start) % 30)) = 29 ] || continue
		n=$(grep -cE -- "$pattern" "$log" || true)
		say "$title: $n of about $total steps, $((SECONDS - start)) s"
	done
	if wait $pid; then
		say "$title: done in $((SECONDS - start)) s"
		return 0
	fi
	printf '%s: last lines of %s:\n' "$DACC_ME" "$log" >&2
	grep -E -A 8 'error|Error' "$log" | tail -n 25 >&2
	return 1
}

# with_lock NAME COMMAND...: one holder per cache entry; the lock is dropped
# when the sub-shell ends, however it ends.
with_lock() {
	local name=$1
	shift
	mkdir -p "$DACC_CACHE/lock"
	(
		if ! flock -n 9; then
			say "waiting for another run that holds '$name'"
			flock 9
		fi
		"$@" 9>&-
	) 9>"$DACC_CACHE/lock/$name"
}

# Content key of standard input, short enough for a file name.
key_of() {
	local sum
	sum=$(sha256sum)
	printf '%s\n' "${sum:0:16}"
}

# key_of_files FILE...: names relative to the tree and contents.
key_of_files() {
	(cd "$DACC_TOP" && sha256sum -- "$@") | key_of
}

# sync_file SOURCE DESTINATION: copies only if the content differs, so that the
# time stamp (what ninja and make look at) changes only with the content.
sync_file() {
	cmp -s "$1" "$2" && return 0
	mkdir -p "$(dirname "$2")"
	cp -- "$1" "$2.new.$$"
	mv -f -- "$2.new.$$" "$2"
}

# sync_dir SOURCE DESTINATION: copies the regular files below SOURCE by content.
# What an earlier call copied and SOURCE has lost is removed; files that a build
# made in DESTINATION stay.
sync_dir() {
	local src=$1 dst=$2 list=$2/.synced f
	mkdir -p "$dst"
	(cd "$src" && find . -type f ! -name '.*' ! -name '*~' ! -name '*.o' \
		! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '*.order' \
		! -name 'Module.symvers' -printf '%P\n' | LC_ALL=C sort) >"$list.new"
	while IFS= read -r f; do
		sync_file "$src/$f" "$dst/$f"
	done <"$list.new"
	if [ -f "$list" ]; then
		while IFS= read -r f; do
			rm -f -- "${dst:?}/$f"
		done < <(LC_ALL=C comm -23 "$list" "$list.new")
	fi
	mv "$list.new" "$list"
}
