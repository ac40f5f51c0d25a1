# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# Kernel modules for the guest kernel, built out of the source tree. Needs
# common.sh and kernel.sh.

modules_files() {
	(cd "$DACC_TOP" && find Kbuild kernel uapi -type f ! -name '.*' ! -name '*.o' \
		! -name '*.ko' ! -name '*.mod' ! -name '*.mod.c' ! -name '*~' \
		! -name '*.order' ! -name Module.symvers | LC_ALL=C sort)
}

modules_sync() {
	local dir=$1
	mkdir -p "$dir"
	sync_file "$DACC_TOP/Kbuild" "$dir/Kbuild"
	sync_dir "$DACC_TOP/kernel" "$dir/kernel"
	sync_dir "$DACC_TOP/uapi" "$dir/uapi"
	# Scripts keep their run bit.
	find "$DACC_TOP/kernel" -type f -perm -u+x -printf '%P\0' |
		while IFS= read -r -d '' f; do chmod +x "$dir/kernel/$f"; done
}

# modules_make DIR LOG [VARIABLE=VALUE...]
modules_make() {
	local dir=$1 log=$2
	shift 2
	modules_sync "$dir"
	mkdir -p "$(dirname "$log")"
	local run=()
	if [ -n "$KERNEL_TREE" ]; then
		build_tree_ready "$KERNEL_TREE"
		run=(build_tree_run)
	fi
	"${run[@]}" make -C "$KERNEL_HEADERS" M="$dir" -j "$DACC_JOBS" "$@" modules >"$log" 2>&1
}

# Sets MODULES (folder with dacc.ko and gpupeer.ko, one for each kernel); builds
# what changed.
modules_ready() {
	local dir=$DACC_BUILD/kbuild$KERNEL_SUFFIX log=$DACC_BUILD/log/modules$KERNEL_SUFFIX.log key files
	MODULES=$DACC_BUILD/modules$KERNEL_SUFFIX
	if ! compgen -G "$DACC_TOP/kernel/Kbuild" >/dev/null &&
		! compgen -G "$DACC_TOP/kernel/gpupeer/Kbuild" >/dev/null; then
		die 1 "there is no kernel/Kbuild in this tree, so there are no modules to build" \
			"use scripts/vm --no-load for a guest without them"
	fi
	mapfile -t files < <(modules_files)
	key=$(printf '%s %s' "$KERNEL_HEADERS" "$(key_of_files "${files[@]}")" | key_of)
	if [ "$(cat "$MODULES/key" 2>/dev/null)" = "$key" ]; then
		return 0
	fi
	with_lock "modules-$(printf '%s' "$DACC_BUILD" | key_of)" modules_build "$dir" "$log" "$key"
}

modules_build() {
	local dir=$1 log=$2 key=$3 start=$SECONDS ko cached=$DACC_CACHE/modules/$3
	[ "$(cat "$MODULES/key" 2>/dev/null)" = "$key" ] && return 0
	# The same sources were built before, perhaps in another checkout.
	if [ -f "$cached/key" ]; then
		mkdir -p "$MODULES"
		rm -f "$MODULES"/*.ko
		cp "$cached"/*.ko "$MODULES/"
		cp "$cached/key" "$MODULES/key"
		return 0
	fi
	need_tool make gcc pahole
	[ -d "$KERNEL_HEADERS" ] || die 1 "no kernel headers in $KERNEL_HEADERS" \
		"set KERNEL_HEADERS to the build folder of that kernel"
	say "building the modules for $KERNEL_VERSION ..."
	if ! modules_make "$dir" "$log"; then
		grep -E -A 8 'error|Error|ERROR|undefined' "$log" | head -n 60 >&2
		die 1 "the modules do not build" \
			"mend what the lines above name; whole log: $log"
	fi
	grep -E -A 4 'warning:' "$log" >&2 || true
	mkdir -p "$MODULES"
	rm -f "$MODULES"/*.ko
	find "$dir/kernel" -name '*.ko' -exec cp {} "$MODULES/" \;
	for ko in dacc gpupeer; do
		[ -f "$MODULES/$ko.ko" ] || warn "no $ko.ko was built"
	done
	printf '%s\n' "$key" >"$MODULES/key"
	rm -rf "$cached.tmp.$$"
	mkdir -p "$cached.tmp.$$"
	cp "$MODULES"/*.ko "$MODULES/key" "$cached.tmp.$$/"
	rm -rf "$cached"
	mv "$cached.tmp.$$" "$cached"
	find "$DACC_CACHE/modules" -mindepth 1 -maxdepth 1 -mtime +7 -exec rm -rf {} +
	say "building the modules: done in $((SECONDS - start)) s"
}
