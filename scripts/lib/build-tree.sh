# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# A small tree of another Debian release, with the compiler that its kernel headers
# want; what is built in it stays where it is on this machine. Needs common.sh and
# apt.sh.

BUILD_TREE_PACKAGES=gcc,make,libc6-dev,pahole,kmod,libelf-dev

# build_tree_ready RELEASE: sets BUILD_TREE.
build_tree_ready() {
	local key
	key=$(printf '%s %s' "$1" "$BUILD_TREE_PACKAGES" | key_of)
	BUILD_TREE=$DACC_CACHE/tree/$1-$key
	[ -f "$BUILD_TREE/ready" ] || with_lock "tree-$1" build_tree_make "$1"
}

build_tree_make() {
	local release=$1 tmp=$BUILD_TREE.tmp.$$ mirror key
	[ ! -f "$BUILD_TREE/ready" ] || return 0
	[ "$(id -u)" = 0 ] || die 2 "building for a kernel of $release needs root (mmdebstrap and chroot)" \
		"run this as root, or use KERNEL=stock"
	need_tool mmdebstrap unshare chroot
	mirror=$(apt_mirror)
	key=${mirror#*$'\t'}
	[ -n "$key" ] || key=/usr/share/keyrings/debian-archive-keyring.gpg
	rm -rf "$tmp"
	mkdir -p "${tmp%/*}"
	run_logged "$DACC_CACHE/log/tree-$release.log" "making a tree of $release with its compiler" \
		mmdebstrap --mode=root --variant=minbase --include="$BUILD_TREE_PACKAGES" \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
		--dpkgopt='path-exclude=/usr/share/man/*' \
		"$release" "$tmp" "deb [signed-by=$key] ${mirror%%$'\t'*} $release main" ||
		die 1 "mmdebstrap cannot make a tree of $release" \
			"log: $DACC_CACHE/log/tree-$release.log"
	touch "$tmp/ready"
	rm -rf "$BUILD_TREE"
	mv "$tmp" "$BUILD_TREE"
}

# build_tree_run COMMAND...: in the tree, with this project, the cache and the build
# folder at the places they have here. The mounts end with the command.
build_tree_run() {
	# shellcheck disable=SC2016
	unshare --mount --pid --fork --kill-child bash -c '
	set -eu
	tree=$1 mounts=$2
	shift 2
	mount -t proc proc "$tree/proc"
	mount --bind /dev "$tree/dev"
	for d in $mounts; do
		mkdir -p "$tree$d"
		mount --bind "$d" "$tree$d"
	done
	exec chroot "$tree" /usr/bin/env PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 TMPDIR=/tmp "$@"
	' build-tree "$BUILD_TREE" "$DACC_CACHE $DACC_BUILD" "$@"
}
