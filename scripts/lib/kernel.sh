# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The guest kernel in the cache. Needs common.sh. KERNEL (a bzImage) together
# with KERNEL_ROOT (the folder with lib/modules/VERSION) and KERNEL_HEADERS
# in the environment name another kernel.

. "$DACC_TOP/scripts/lib/apt.sh"

KERNEL_SUITE=bookworm-backports

# Sets KERNEL_IMAGE, KERNEL_ROOT, KERNEL_HEADERS, KERNEL_VERSION.
kernel_ready() {
	local refresh=${1:-no} current=$DACC_CACHE/kernel/current
	if [ -n "${KERNEL:-}" ]; then
		kernel_from_environment
		return
	fi
	if [ "$refresh" = yes ] || [ ! -f "$current" ] ||
		[ ! -f "$DACC_CACHE/kernel/$(cat "$current")/ready" ]; then
		with_lock kernel kernel_fetch "$refresh"
	fi
	kernel_paths
}

kernel_paths() {
	local current=$DACC_CACHE/kernel/current
	if [ -n "${KERNEL:-}" ]; then
		kernel_from_environment
		return
	fi
	[ -f "$current" ] || die 1 "the guest kernel is not fetched yet" \
		"run: scripts/fetch-kernel"
	KERNEL_VERSION=$(cat "$current")
	KERNEL_ROOT=$DACC_CACHE/kernel/$KERNEL_VERSION
	KERNEL_IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_VERSION
	KERNEL_HEADERS=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_VERSION
}

kernel_from_environment() {
	KERNEL_IMAGE=$KERNEL
	[ -f "$KERNEL_IMAGE" ] || die 1 "KERNEL=$KERNEL: no such file" \
		"KERNEL names a bzImage; unset it to use the default guest kernel"
	[ "$(dd if="$KERNEL_IMAGE" bs=1 skip=$((0x202)) count=4 status=none | tr -d '\0')" = HdrS ] ||
		die 1 "KERNEL=$KERNEL is not a bzImage" "name the file arch/x86/boot/bzImage or /boot/vmlinuz-VERSION"
	KERNEL_VERSION=$(file_kernel_release "$KERNEL_IMAGE")
	KERNEL_ROOT=${KERNEL_ROOT:-$(dirname "$(dirname "$KERNEL_IMAGE")")}
	KERNEL_HEADERS=${KERNEL_HEADERS:-$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_VERSION}
}

# The release in a bzImage: the boot protocol has its offset at 0x20e.
file_kernel_release() {
	local off
	off=$(od -An -tu2 -j $((0x20e)) -N 2 "$1" | tr -d ' ')
	dd if="$1" bs=1 skip=$((off + 0x200)) count=128 status=none | tr '\0' '\n' |
		head -n 1 | cut -d ' ' -f 1
}

kernel_fetch() {
	local refresh=$1 current=$DACC_CACHE/kernel/current image version base root common arch
	if [ "$refresh" != yes ] && [ -f "$current" ] &&
		[ -f "$DACC_CACHE/kernel/$(cat "$current")/ready" ]; then
		return 0
	fi
	# Here, not only in the sub-shells below: its error must end the run.
	if [ "$refresh" = yes ]; then
		apt_state "$KERNEL_SUITE" 0
	else
		# Kernel packages carry their version in the name: old lists name
		# packages that the mirror no longer has.
		apt_state "$KERNEL_SUITE" 60
	fi
	image=$(apt_depends "$KERNEL_SUITE" linux-image-amd64 '^linux-image-[0-9]') ||
		die 1 "$KERNEL_SUITE has no linux-image-amd64" \
			"remove $DACC_CACHE/apt/$KERNEL_SUITE and run this again"
	version=${image#linux-image-}
	base=${version%-amd64}
	root=$DACC_CACHE/kernel/$version
	if [ ! -f "$root/ready" ]; then
		say "guest kernel $version"
		apt_unpack "$KERNEL_SUITE" "$root" "$image" \
			"linux-headers-$version" "linux-headers-$base-common" \
			"linux-kbuild-${base}"
		arch=$root/usr/src/linux-headers-$version
		common=$root/usr/src/linux-headers-$base-common
		if [ ! -f "$arch/Makefile" ] || [ ! -f "$common/Makefile" ]; then
			die 1 "the headers of $version are not where they should be" \
				"look into $root/usr/src"
		fi
		# Debian's headers name their common part by absolute path, and reach
		# scripts/ and tools/ of linux-kbuild by relative links, which stay good.
		sed -i "s|/usr/src/linux-headers-$base-common|$common|g" "$arch/Makefile"
		need_tool depmod
		[ -d "$root/lib/modules/$version" ] ||
			ln -sfn usr/lib "$root/lib"
		depmod -b "$root" "$version" || die 1 "depmod failed for $version" \
			"remove $root and run this again"
		touch "$root/ready"
	fi
	printf '%s\n' "$version" >"$current.new"
	mv "$current.new" "$current"
}

# The parts of the kernel's source that tests, lint and docs need.
KERNEL_SOURCE_PARTS=(
	tools/testing/selftests/kselftest_harness.h
	tools/testing/selftests/kselftest.h
	scripts/checkpatch.pl scripts/const_structs.checkpatch scripts/spelling.txt
	scripts/kernel-doc
	Documentation/sphinx/kerneldoc.py Documentation/sphinx/kernellog.py
)

# Sets KERNEL_SOURCE.
kernel_source_ready() {
	local current
	current=$DACC_CACHE/kernel-source/current-$(printf '%s\n' "${KERNEL_SOURCE_PARTS[@]}" | key_of)
	if [ ! -f "$current" ] || [ ! -d "$(<"$current")" ]; then
		with_lock kernel-source kernel_source_fetch "$current"
	fi
	# shellcheck disable=SC2034
	KERNEL_SOURCE=$(<"$current")
}

kernel_source_fetch() {
	local current=$1 version dir tmp tarball part
	if [ -f "$current" ] && [ -d "$(<"$current")" ]; then
		return 0
	fi
	apt_state "$KERNEL_SUITE"
	version=$(apt_candidate "$KERNEL_SUITE" linux-source-6.12)
	dir=$DACC_CACHE/kernel-source/$version-${current##*-}
	tmp=$dir.tmp.$$
	apt_unpack "$KERNEL_SUITE" "$tmp" linux-source-6.12
	tarball=$(find "$tmp/usr/src" -maxdepth 1 -name 'linux-source-*.tar.xz' | head -n 1)
	[ -n "$tarball" ] || die 1 "linux-source-6.12 holds no tarball" "look into $tmp"
	say "extracting the kselftest headers, checkpatch and kernel-doc of $version"
	mkdir -p "$tmp/keep"
	# A part that this version lacks is not fatal: who needs it says so.
	xz -T0 -dc "$tarball" | tar -C "$tmp/keep" --strip-components=1 --wildcards -xf - \
		"${KERNEL_SOURCE_PARTS[@]/#/*/}" || true
	for part in "${KERNEL_SOURCE_PARTS[@]}"; do
		[ -e "$tmp/keep/$part" ] || warn "linux-source $version has no $part"
	done
	[ -f "$tmp/keep/tools/testing/selftests/kselftest_harness.h" ] ||
		die 1 "cannot extract $tarball" "check the free space, then run this again"
	rm -rf "$dir"
	mv "$tmp/keep" "$dir"
	rm -rf "$tmp"
	printf '%s\n' "$dir" >"$current.new"
	mv "$current.new" "$current"
}
