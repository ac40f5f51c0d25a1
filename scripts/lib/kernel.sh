# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The guest's kernels in the cache. Needs common.sh. KERNEL in the environment
# chooses: stock (the default, of KERNEL_SUITE), 7.3 (the newest of
# KERNEL_NEW_SUITE), debug, or a bzImage, whose KERNEL_ROOT (the folder with
# lib/modules/VERSION) and KERNEL_HEADERS the environment may name too.

. "$DACC_TOP/scripts/lib/apt.sh"
. "$DACC_TOP/scripts/lib/kernel-debug.sh"

. "$DACC_TOP/scripts/lib/build-tree.sh"

KERNEL_SUITE=bookworm-backports
KERNEL_NEW_SUITE=trixie-backports

# kernel_ready [REFRESH]: fetches or builds the kernel that KERNEL names, sets
# KERNEL_NAME, KERNEL_IMAGE, KERNEL_ROOT, KERNEL_HEADERS, KERNEL_VERSION,
# KERNEL_SUFFIX (of build folders), KERNEL_SLOWNESS (that time limits need) and
# KERNEL_TREE (the release whose compiler builds its modules; empty: this one's).
kernel_ready() {
	local refresh=${1:-no}
	kernel_name
	case $KERNEL_NAME in
	stock) kernel_deb_ready "$refresh" "$DACC_CACHE/kernel" "$KERNEL_SUITE" ;;
	7.3) kernel_deb_ready "$refresh" "$DACC_CACHE/kernel-7.3" "$KERNEL_NEW_SUITE" ;;
	debug) kernel_debug_ready "$refresh" ;;
	esac
	kernel_paths
}

# kernel_deb_ready REFRESH DIR SUITE
kernel_deb_ready() {
	if [ "$1" = yes ] || [ ! -f "$2/current" ] || [ ! -f "$2/$(<"$2/current")/ready" ]; then
		with_lock "${2##*/}" kernel_fetch "$@"
	fi
}

# Sets KERNEL_NAME, KERNEL_SUFFIX, KERNEL_SLOWNESS and KERNEL_TREE.
# shellcheck disable=SC2034
kernel_name() {
	KERNEL_SLOWNESS=1 KERNEL_TREE=
	case ${KERNEL:-stock} in
	stock) KERNEL_NAME=stock KERNEL_SUFFIX= ;;
	7.3) KERNEL_NAME=7.3 KERNEL_SUFFIX=-7.3 KERNEL_TREE=trixie ;;
	debug) KERNEL_NAME=debug KERNEL_SUFFIX=-debug KERNEL_SLOWNESS=4 ;;
	*)
		[ -f "$KERNEL" ] || die 2 "KERNEL=$KERNEL: no such kernel" \
			"KERNEL is stock, 7.3, debug, or the path of a bzImage"
		KERNEL_NAME=custom KERNEL_SUFFIX=-custom
		;;
	esac
}

kernel_paths() {
	kernel_name
	case $KERNEL_NAME in
	stock) kernel_deb_paths "$DACC_CACHE/kernel" "scripts/fetch-kernel" ;;
	7.3) kernel_deb_paths "$DACC_CACHE/kernel-7.3" "KERNEL=7.3 scripts/fetch-kernel" ;;
	debug) kernel_debug_paths ;;
	custom) kernel_from_environment ;;
	esac
}

# kernel_deb_paths DIR REMEDY: of Debian packages unpacked in DIR.
kernel_deb_paths() {
	[ -f "$1/current" ] || die 1 "the guest kernel is not fetched yet" "run: $2"
	KERNEL_VERSION=$(<"$1/current")
	KERNEL_ROOT=$1/$KERNEL_VERSION
	KERNEL_IMAGE=$KERNEL_ROOT/boot/vmlinuz-$KERNEL_VERSION
	# Where linux-binary has it.
	[ -f "$KERNEL_IMAGE" ] || KERNEL_IMAGE=$KERNEL_ROOT/lib/modules/$KERNEL_VERSION/vmlinuz
	KERNEL_HEADERS=$KERNEL_ROOT/usr/src/linux-headers-$KERNEL_VERSION
}

kernel_from_environment() {
	KERNEL_IMAGE=$KERNEL
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

# kernel_fetch REFRESH DIR SUITE: the suite's linux-image-amd64 with its headers.
kernel_fetch() {
	local refresh=$1 dir=$2 suite=$3 current=$2/current image version packages
	if [ "$refresh" != yes ] && [ -f "$current" ] && [ -f "$dir/$(<"$current")/ready" ]; then
		return 0
	fi
	mkdir -p "$dir"
	# Here, not only in the sub-shells below: its error must end the run.
	if [ "$refresh" = yes ]; then
		apt_state "$suite" 0
	else
		# Kernel packages carry their version in the name: old lists name
		# packages that the mirror no longer has.
		apt_state "$suite" 60
	fi
	image=$(apt_depends "$suite" linux-image-amd64 '^linux-image-[0-9]') ||
		die 1 "$suite has no linux-image-amd64" "remove $DACC_CACHE/apt/$suite and run this again"
	version=${image#linux-image-}
	if [ ! -f "$dir/$version/ready" ]; then
		say "guest kernel $version"
		# Newer packages have the image and the modules apart.
		if packages=$(apt_depends "$suite" "$image" '^linux-binary-[0-9]'); then
			packages+=" linux-modules-$version"
		else
			packages=$image
		fi
		# shellcheck disable=SC2086
		kernel_headers_unpack "$suite" "$dir/$version" "$version" $packages
		need_tool depmod
		[ -d "$dir/$version/lib/modules/$version" ] || ln -sfn usr/lib "$dir/$version/lib"
		depmod -b "$dir/$version" "$version" || die 1 "depmod failed for $version" \
			"remove $dir/$version and run this again"
		touch "$dir/$version/ready"
	fi
	printf '%s\n' "$version" >"$current.new"
	mv "$current.new" "$current"
}

# kernel_headers_unpack SUITE ROOT VERSION PACKAGE...: the headers of a version and
# the other packages, ready to build modules where they are.
kernel_headers_unpack() {
	local suite=$1 root=$2 version=$3 common kbuild arch f to
	shift 3
	if ! common=$(apt_depends "$suite" "linux-headers-$version" '^linux-headers-.*-common') ||
		! kbuild=$(apt_depends "$suite" "linux-headers-$version" '^linux-kbuild-'); then
		die 1 "$suite has no linux-headers-$version" "remove $DACC_CACHE/apt/$suite and run this again"
	fi
	apt_unpack "$suite" "$root" "$@" "linux-headers-$version" "$common" "$kbuild"
	arch=$root/usr/src/linux-headers-$version
	common=$root/usr/src/$common
	if [ ! -f "$arch/Makefile" ] || [ ! -f "$common/Makefile" ]; then
		die 1 "the headers of $version are not where they should be" "look into $root/usr/src"
	fi
	# Debian's headers name their common part by absolute path, and reach scripts/
	# and tools/ of linux-kbuild by links, most of them relative.
	sed -i "s|/usr/src/${common##*/}|$common|g; s|=/usr/src/${arch##*/}|=$arch|" "$arch/Makefile"
	for f in "$arch"/* "$common"/*; do
		to=$(readlink "$f") || continue
		[[ $to != /usr/* ]] || ln -sfn "$root$to" "$f"
	done
	return 0
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
