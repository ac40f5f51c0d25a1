# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The debug kernel: Debian's linux-source built with scripts/guest/debug.config.
# Needs common.sh and apt.sh. Kept in the cache under a key of what goes into it:
# the image, its few modules, and the folder that modules are built in.

KERNEL_DEBUG_SUITE=bookworm-backports
KERNEL_DEBUG_SOURCE=linux-source-6.12

# What of this tree and of this machine goes into the kernel.
kernel_debug_key() {
	{
		cat "$DACC_TOP/scripts/guest/debug.config"
		declare -f kernel_debug_build kernel_debug_configure kernel_debug_keep
		gcc -dumpfullversion
	} | key_of
}

# kernel_debug_ready REFRESH: with REFRESH "yes" the suite is asked for newer source.
kernel_debug_ready() {
	local refresh=$1 current
	need_tool gcc
	current=$DACC_CACHE/kernel-debug/current-$(kernel_debug_key)
	if [ "$refresh" = yes ] || [ ! -f "$current" ] || [ ! -f "$(<"$current")/ready" ]; then
		with_lock kernel-debug kernel_debug_make "$refresh" "$current"
	fi
}

# shellcheck disable=SC2034
kernel_debug_paths() {
	local current
	current=$DACC_CACHE/kernel-debug/current-$(kernel_debug_key)
	[ -f "$current" ] || die 1 "the debug kernel is not built yet" \
		"run: KERNEL=debug scripts/fetch-kernel"
	KERNEL_ROOT=$(<"$current")
	KERNEL_VERSION=$(<"$KERNEL_ROOT/ready")
	KERNEL_IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_VERSION
	KERNEL_HEADERS=$KERNEL_ROOT/build
}

kernel_debug_make() {
	local refresh=$1 current=$2 version root tmp tarball free
	if [ "$refresh" != yes ] && [ -f "$current" ] && [ -f "$(<"$current")/ready" ]; then
		return 0
	fi
	need_tool make gcc flex bison bc xz lz4
	[ "$refresh" != yes ] || apt_state "$KERNEL_DEBUG_SUITE" 0
	version=$(apt_candidate "$KERNEL_DEBUG_SUITE" "$KERNEL_DEBUG_SOURCE")
	root=$DACC_CACHE/kernel-debug/$version-${current##*-}
	if [ ! -f "$root/ready" ]; then
		mkdir -p "$DACC_CACHE/kernel-debug"
		free=$(df --output=avail -BM "$DACC_CACHE/kernel-debug" | tail -n 1 | tr -dc 0-9)
		[ "$free" -ge 5000 ] || die 1 "building the debug kernel needs 5 GB in $DACC_CACHE, there are $free MB" \
			"make room, or set DACC_CACHE to a folder elsewhere"
		tmp=$root.tmp.$$
		rm -rf "$tmp"
		mkdir -p "$tmp/src"
		say "debug kernel from $KERNEL_DEBUG_SOURCE $version: ten to fifteen minutes on two idle cores, once"
		apt_unpack "$KERNEL_DEBUG_SUITE" "$tmp/deb" "$KERNEL_DEBUG_SOURCE"
		tarball=$(find "$tmp/deb/usr/src" -maxdepth 1 -name 'linux-source-*.tar.xz' | head -n 1)
		[ -n "$tarball" ] || die 1 "$KERNEL_DEBUG_SOURCE holds no tarball" "look into $tmp/deb"
		say "unpacking $(basename "$tarball")"
		xz -T0 -dc "$tarball" | tar -C "$tmp/src" --strip-components=1 -xf - ||
			die 1 "cannot unpack $tarball" "check the free space, then run this again"
		rm -rf "$tmp/deb"
		kernel_debug_build "$tmp/src" "$tmp/root"
		rm -rf "$root"
		mv "$tmp/root" "$root"
		rm -rf "$tmp"
		# KERNEL_HEADERS must not name the place it was built in.
		[ -f "$root/build/Makefile" ] || die 1 "the debug kernel lacks its build folder" "look into $root"
	fi
	printf '%s\n' "$root" >"$current.new"
	mv "$current.new" "$current"
}

kernel_debug_configure() {
	local src=$1 config=$DACC_TOP/scripts/guest/debug.config line
	make -C "$src" -s tinyconfig &&
		(cd "$src" && ./scripts/kconfig/merge_config.sh -m .config "$config") &&
		make -C "$src" -s olddefconfig || return 1
	# An option that did not take is a debug kernel that finds less than it says.
	grep -E '^CONFIG_' "$config" | while IFS= read -r line; do
		grep -qxF -- "$line" "$src/.config" || {
			printf 'error: %s did not take: a dependency is missing\n' "$line"
			return 1
		}
	done
}

# kernel_debug_build SOURCE ROOT
kernel_debug_build() {
	local src=$1 root=$2 log=$DACC_CACHE/log/kernel-debug
	run_logged "$log-config.log" "configuring the debug kernel" kernel_debug_configure "$src" ||
		die 1 "the debug kernel's configuration failed" "log: $log-config.log"
	run_counted "$log.log" "building the debug kernel" '^  (CC|AS|LD|AR) ' 2450 \
		nice make -C "$src" -j "$DACC_JOBS" bzImage modules ||
		die 1 "the debug kernel does not build" "log: $log.log"
	run_logged "$log-keep.log" "keeping what the guest and the modules need" \
		kernel_debug_keep "$src" "$root" ||
		die 1 "the debug kernel cannot be installed" "log: $log-keep.log"
}

# The image, the modules, and the part of the tree that external modules need.

kernel_debug_keep() {
	local src=$1 root=$2 version
	version=$(make -C "$src" -s kernelrelease) || return 1
	mkdir -p "$root/boot" &&
		cp "$src/arch/x86/boot/bzImage" "$root/boot/vmlinuz-$version" &&
		cp "$src/System.map" "$root/boot/System.map-$version" &&
		cp "$src/.config" "$root/boot/config-$version" &&
		make -C "$src" -s INSTALL_MOD_PATH="$root" modules_install &&
		rm -f "$root/lib/modules/$version"/{build,source} &&
		(cd "$src" && srctree=. objtree=. SRCARCH=x86 CC=gcc HOSTCC=gcc MAKE=make \
			KCONFIG_CONFIG=.config sh ./scripts/package/install-extmod-build "$root/build") &&
		cp "$src/.config" "$root/build/.config" &&
		printf '%s\n' "$version" >"$root/ready"
}
