# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# QEMU with the dacc devices: base tree (configured, built without our sources)
# and final binaries, both in the cache by content. Needs common.sh.

. "$DACC_TOP/scripts/lib/apt.sh"

QEMU_SUITE=trixie
QEMU_PATCHES=(skip-unpack-edk2-blobs.patch disable-pycotap.patch)
QEMU_CONFIGURE=(
	--target-list=x86_64-softmmu
	--without-default-features --without-default-devices
	--with-devices-x86_64=dacc
	--enable-tcg --enable-kvm --enable-virtfs --enable-attr
	--enable-trace-backends=log --enable-werror
	--disable-docs --disable-download --disable-install-blobs
)
QEMU_DEVICES="Q35 PCIE_PORT XIO3130 VIRTIO_PCI VIRTIO_SERIAL VIRTIO_9P VTD NVME_PCI EDU SERIAL_ISA ISA_DEBUG DACC"
# One existing qtest is built with the base, so that libqos is ready.
QEMU_BASE_TARGETS=(qemu-system-x86_64 tests/qtest/q35-test)
QEMU_KEEP_BINARIES=12

qemu_python() {
	local p
	for p in /usr/bin/python3 python3; do
		if command -v "$p" >/dev/null 2>&1 && "$p" -c 'import venv' 2>/dev/null; then
			command -v "$p"
			return 0
		fi
	done
	die 1 "python3 with its venv module is missing" "run: make setup   (as root)"
}

# meson 1.5 or newer: the system's, or the one of Debian's backports, unpacked.
qemu_meson_ready() {
	local dir=$DACC_CACHE/tools/meson have
	have=$(/usr/bin/python3 -c 'import mesonbuild.coredata as c; print(c.version)' 2>/dev/null || echo 0)
	if printf '1.5.0\n%s\n' "$have" | sort -C -V; then
		return 0
	fi
	if [ ! -d "$dir/usr" ]; then
		mkdir -p "$DACC_CACHE/tools"
		apt_unpack bookworm-backports "$dir" meson
	fi
	export PYTHONPATH=$dir/usr/lib/python3/dist-packages${PYTHONPATH:+:$PYTHONPATH}
}

# Sets FIRMWARE: the folder for -L.
firmware_ready() {
	FIRMWARE=$DACC_CACHE/firmware/share
	[ -f "$FIRMWARE/ready" ] || with_lock firmware firmware_fetch
}

firmware_fetch() {
	local tmp=$DACC_CACHE/firmware/unpacked dir=$DACC_CACHE/firmware/share.tmp.$$ f
	[ -f "$DACC_CACHE/firmware/share/ready" ] && return 0
	mkdir -p "$DACC_CACHE/firmware"
	apt_unpack "$QEMU_SUITE" "$tmp" seabios qemu-system-data
	mkdir -p "$dir"
	for f in bios-256k.bin linuxboot_dma.bin kvmvapic.bin; do
		find "$tmp/usr/share" -name "$f" -exec cp -L {} "$dir/$f" \; -quit
		[ -f "$dir/$f" ] || die 1 "seabios and qemu-system-data hold no $f" "look into $tmp"
	done
	rm -rf "$tmp" "$DACC_CACHE/firmware/share"
	touch "$dir/ready"
	mv "$dir" "$DACC_CACHE/firmware/share"
}

# Source package, downloaded and unpacked with the two patches it needs.
qemu_source() {
	local dir=$1 dl=$DACC_CACHE/qemu/download dsc version p
	rm -rf "$dl" "$dir"
	apt_get_files "$QEMU_SUITE" "$dl" source --download-only qemu
	dsc=$(find "$dl" -name 'qemu_*.dsc' | head -n 1)
	[ -n "$dsc" ] || die 1 "the source package of qemu has no .dsc file" "look into $dl"
	run_logged "$DACC_CACHE/log/qemu-unpack.log" "unpacking $(basename "$dsc" .dsc)" \
		dpkg-source --no-check --skip-patches -x "$dsc" "$dir" ||
		die 1 "cannot unpack $dsc" "check the free space, then run this again"
	version=$(cat "$dir/VERSION")
	[[ $version == 10.0.* ]] || die 1 \
		"$QEMU_SUITE has QEMU $version, but the device models are written for 10.0.x" \
		"qemu/hw/dacc has to be ported first; a cached 10.0 build still works"
	for p in "${QEMU_PATCHES[@]}"; do
		[ -f "$dir/debian/patches/$p" ] || continue
		patch -d "$dir" -p1 -s -i "debian/patches/$p" || die 1 \
			"Debian's $p does not apply to QEMU $version" "look into $dir"
	done
	rm -rf "$dl"
}

# The files of QEMU's own that get a hook; each is made from its saved original,
# so that applying hooks twice changes nothing.
qemu_hooks() {
	local src=$1 tests=$2 orig=$1/.dacc-orig f s
	for f in meson.build hw/meson.build hw/Kconfig tests/qtest/meson.build; do
		[ -f "$orig/$f" ] || {
			mkdir -p "$(dirname "$orig/$f")"
			cp "$src/$f" "$orig/$f"
		}
	done
	sed "s|^    'hw/display',|    'hw/dacc',\n&|" "$orig/meson.build" >"$orig/new"
	sync_file "$orig/new" "$src/meson.build"
	sed "s|^subdir('display')|subdir('dacc')\n&|" "$orig/hw/meson.build" >"$orig/new"
	sync_file "$orig/new" "$src/hw/meson.build"
	sed 's|^source display/Kconfig|source dacc/Kconfig\n&|' "$orig/hw/Kconfig" >"$orig/new"
	sync_file "$orig/new" "$src/hw/Kconfig"
	sed "s|^qtests_x86_64 = qtests_i386|& + [$tests]|" \
		"$orig/tests/qtest/meson.build" >"$orig/new"
	sync_file "$orig/new" "$src/tests/qtest/meson.build"
	for f in meson.build hw/meson.build hw/Kconfig tests/qtest/meson.build; do
		! cmp -s "$orig/$f" "$src/$f" || die 1 "the hook in $f does not fit QEMU $(cat "$src/VERSION")" \
			"port qemu_hooks in scripts/lib/qemu.sh"
	done
	for s in $QEMU_DEVICES; do printf 'CONFIG_%s=y\n' "$s"; done >"$orig/new"
	sync_file "$orig/new" "$src/configs/devices/x86_64-softmmu/dacc.mak"
}

# Our fixes to QEMU itself, each file again made from its saved original.
qemu_patches() {
	local src=$1 orig=$1/.dacc-orig work=$1/.dacc-orig/work f p
	rm -rf "$work"
	mkdir -p "$work"
	for p in "$DACC_TOP"/qemu/patches/*.patch; do
		[ -f "$p" ] || continue
		while IFS= read -r f; do
			mkdir -p "$(dirname "$orig/$f")" "$(dirname "$work/$f")"
			[ -f "$orig/$f" ] || cp "$src/$f" "$orig/$f"
			[ -f "$work/$f" ] || cp "$orig/$f" "$work/$f"
		done < <(sed -n 's|^+++ b/\([^[:space:]]*\).*|\1|p' "$p")
		patch -d "$work" -p1 -s -i "$p" || die 1 \
			"$p does not apply to QEMU $(cat "$src/VERSION")" "port it, or remove it if QEMU has the fix"
	done
	while IFS= read -r f; do
		sync_file "$work/$f" "$src/$f"
	done < <(cd "$work" && find . -type f -printf '%P\n')
}

# Nothing but the names that the build system wants to see.
qemu_placeholder() {
	local dir=$1
	mkdir -p "$dir"
	printf 'config DACC\n    bool\n    depends on PCI && MSI_NONBROKEN\n' >"$dir/Kconfig"
	: >"$dir/meson.build"
	: >"$dir/trace-events"
	printf '#include "trace/trace-hw_dacc.h"\n' >"$dir/trace.h"
}

qemu_base_key() {
	{
		declare -f qemu_placeholder
		printf '%s\n' "${QEMU_CONFIGURE[@]}" "${QEMU_PATCHES[@]}" "$QEMU_DEVICES"
		gcc -dumpfullversion 2>/dev/null || true
		apt_codename
	} | key_of
}

# Sets QEMU_BASE; builds it if need be (many minutes, once).
qemu_base_ready() {
	QEMU_BASE=$DACC_CACHE/qemu/base-$(qemu_base_key)
	[ -f "$QEMU_BASE/ready" ] || with_lock qemu-base qemu_base_build
}

qemu_base_build() {
	local python log=$DACC_CACHE/log/qemu
	[ -f "$QEMU_BASE/ready" ] && return 0
	need_tool gcc ninja patch dpkg-source pkg-config flex bison
	# An interrupted build goes on where it was; a half-made tree does not.
	if [ ! -f "$QEMU_BASE/configured" ]; then
		rm -rf "$QEMU_BASE"
		mkdir -p "$QEMU_BASE"
		qemu_source "$QEMU_BASE/src"
		qemu_hooks "$QEMU_BASE/src" ""
		qemu_patches "$QEMU_BASE/src"
		qemu_placeholder "$QEMU_BASE/src/hw/dacc"
		qemu_meson_ready
		python=$(qemu_python)
		mkdir -p "$QEMU_BASE/build"
		(
			cd "$QEMU_BASE/build"
			run_logged "$log-configure.log" "configuring QEMU $(cat "$QEMU_BASE/src/VERSION")" \
				../src/configure --python="$python" "${QEMU_CONFIGURE[@]}"
		) || die 1 "QEMU's configure failed" "read $log-configure.log"
		touch "$QEMU_BASE/configured"
	fi
	qemu_meson_ready
	qemu_ninja "$log-base.log" "building QEMU, once (about 8 minutes on two cores)" \
		"${QEMU_BASE_TARGETS[@]}" ||
		die 1 "QEMU's build failed" "read $log-base.log"
	touch "$QEMU_BASE/ready"
	qemu_prune_bases
}

qemu_prune_bases() {
	local d
	for d in "$DACC_CACHE"/qemu/base-*; do
		[ "$d" = "$QEMU_BASE" ] || [ ! -f "$d/ready" ] || rm -rf "$d"
	done
}

# ninja with a progress line for each tenth of the steps.
qemu_ninja() {
	local log=$1 title=$2 start=$SECONDS
	shift 2
	say "$title ..."
	mkdir -p "$(dirname "$log")"
	if NINJA_STATUS='[%f/%t] ' nice -n 5 ninja -C "$QEMU_BASE/build" -j "$DACC_JOBS" "$@" 2>&1 |
		tee "$log" | awk -v me="$DACC_ME" -v t0="$(date +%s)" '
		match($0, /^\[[0-9]+\/[0-9]+\]/) {
			split(substr($0, 2, RLENGTH - 2), a, "/")
			if (a[2] > 100 && int(a[1] * 20 / a[2]) > last) {
				last = int(a[1] * 20 / a[2])
				printf "%s:   QEMU %d %% (%d of %d steps)\n", me, last * 5, a[1], a[2]
				fflush()
			}
		}' >&2; then
		say "${title%% (*}: done in $((SECONDS - start)) s"
		return 0
	fi
	grep -E -A 12 '^FAILED|error:|ERROR' "$log" | head -n 60 >&2
	tail -n 3 "$log" >&2
	return 1
}

# What is compiled from this checkout: the overlay, in a stable order.
qemu_overlay_files() {
	(cd "$DACC_TOP" && {
		find qemu/hw/dacc qemu/core qemu/tests/qtest qemu/patches -type f \
			! -name '*~' ! -name '.*' 2>/dev/null || true
		find uapi -maxdepth 1 -name '*.h' 2>/dev/null || true
	} | LC_ALL=C sort)
}

qemu_tests() {
	find "$DACC_TOP/qemu/tests/qtest" -name '*-test.c' -printf '%f\n' 2>/dev/null |
		sed 's/\.c$//' | LC_ALL=C sort
}

qemu_sync_overlay() {
	local src=$QEMU_BASE/src t list='' f
	for t in $(qemu_tests); do
		list+="${list:+, }'$t'"
	done
	sync_dir "$DACC_TOP/qemu/hw/dacc" "$src/hw/dacc"
	if [ -d "$DACC_TOP/qemu/core" ]; then
		sync_dir "$DACC_TOP/qemu/core" "$src/hw/dacc/core"
	fi
	[ -f "$src/hw/dacc/trace.h" ] ||
		printf '#include "trace/trace-hw_dacc.h"\n' >"$src/hw/dacc/trace.h"
	# QEMU puts include/ on the quote path of every file, tests included.
	for f in "$DACC_TOP"/uapi/*.h; do
		[ ! -f "$f" ] || sync_file "$f" "$src/include/${f##*/}"
	done
	for f in "$DACC_TOP"/qemu/tests/qtest/*; do
		[ ! -f "$f" ] || sync_file "$f" "$src/tests/qtest/${f##*/}"
	done
	qemu_hooks "$src" "$list"
	qemu_patches "$src"
}

# Sets QEMU_BIN (folder with qemu-system-x86_64 and the qtests) and FIRMWARE,
# whether they are there or not.
qemu_paths() {
	local key
	FIRMWARE=$DACC_CACHE/firmware/share
	mapfile -t QEMU_OVERLAY < <(qemu_overlay_files)
	if [ ! -f "$DACC_TOP/qemu/hw/dacc/meson.build" ]; then
		key=base
	else
		key=$(key_of_files "${QEMU_OVERLAY[@]}")
	fi
	key=$(printf '%s %s' "$(qemu_base_key)" "$key" | key_of)
	QEMU_BIN=$DACC_CACHE/qemu/bin-$key
}

# The same, built if need be.
qemu_ready() {
	qemu_paths
	firmware_ready
	if [ -f "$QEMU_BIN/ready" ]; then
		touch -c "$QEMU_BIN/ready"
		return 0
	fi
	qemu_base_ready
	with_lock qemu-build qemu_build_overlay
}

qemu_build_overlay() {
	local tmp=$QEMU_BIN.tmp.$$ t targets=(qemu-system-x86_64)
	[ -f "$QEMU_BIN/ready" ] && return 0
	if [ -f "$DACC_TOP/qemu/hw/dacc/meson.build" ]; then
		qemu_sync_overlay
		for t in $(qemu_tests); do
			targets+=("tests/qtest/$t")
		done
	else
		say "qemu/hw/dacc/meson.build is not there yet: QEMU without the dacc devices"
	fi
	qemu_meson_ready
	qemu_ninja "$DACC_CACHE/log/qemu-build.log" "building QEMU with the dacc devices" \
		"${targets[@]}" || die 1 "the build of qemu/ failed" \
		"mend what the lines above name; whole log: $DACC_CACHE/log/qemu-build.log"
	mkdir -p "$tmp"
	for t in "${targets[@]}"; do
		cp "$QEMU_BASE/build/$t" "$tmp/"
	done
	touch "$tmp/ready"
	rm -rf "$QEMU_BIN"
	mv "$tmp" "$QEMU_BIN"
	qemu_prune_binaries
}

qemu_prune_binaries() {
	local old
	find "$DACC_CACHE/qemu" -mindepth 2 -maxdepth 2 -path '*/bin-*/ready' -printf '%T@ %h\n' |
		sort -rn | tail -n "+$((QEMU_KEEP_BINARIES + 1))" | cut -d ' ' -f 2- |
		while IFS= read -r old; do
			rm -rf -- "$old"
		done
}
