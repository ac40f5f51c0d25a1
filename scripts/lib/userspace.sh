# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Library and tools, built into build/bin and build/lib. Needs common.sh.

# Calls make only if a source or a product changed: many short guest runs in a
# row should not each pay for it.
userspace_ready() {
	local key files stamp=$DACC_BUILD/userspace.key
	[ -f "$DACC_TOP/userspace/Makefile" ] || return 0
	mapfile -t files < <(cd "$DACC_TOP" && find userspace uapi -type f ! -name '.*' ! -name '*~' | LC_ALL=C sort)
	key=$(
		key_of_files "${files[@]}"
		stat -c '%n %Y' "$DACC_BUILD"/bin/* "$DACC_BUILD"/lib/*.so* 2>/dev/null || true
	)
	if [ -f "$stamp" ] && [ "$(<"$stamp")" = "$key" ]; then
		return 0
	fi
	with_lock "userspace-$(printf '%s' "$DACC_BUILD" | key_of)" userspace_build "$(key_of_files "${files[@]}")" "$stamp"
}

userspace_build() {
	local sources=$1 stamp=$2 log=$DACC_BUILD/log/userspace.log
	need_tool make gcc pkg-config
	mkdir -p "$DACC_BUILD/log"
	if ! make -s -C "$DACC_TOP/userspace" -j "$DACC_JOBS" O="$DACC_BUILD" >"$log" 2>&1; then
		tail -n 30 "$log" >&2
		die 1 "userspace/ does not build" "log: $log"
	fi
	{
		printf '%s\n' "$sources"
		stat -c '%n %Y' "$DACC_BUILD"/bin/* "$DACC_BUILD"/lib/*.so* 2>/dev/null || true
	} >"$stamp"
}
