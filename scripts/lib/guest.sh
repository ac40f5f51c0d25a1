# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
# The guest's initramfs: a cached base (busybox, kmod, stock modules) and a small
# fresh part (our modules, programs, named files). Needs common.sh and kernel.sh.

# Stock modules that dacc, gpupeer and the tests may ask for, by name.
GUEST_MODULES=(
	drm drm_exec drm_gpuvm gpu-sched ttm drm_ttm_helper drm_shmem_helper
	drm_vram_helper drm_buddy drm_kms_helper vgem virtio-gpu
	9p 9pnet_virtio nvme pcieport aer_inject cuse drm_kunit_helpers
)

guest_skeleton() {
	local root=$1 d
	mkdir -p "$root"/{proc,sys,dev,tmp,run,mnt,root,etc/dacc,etc/modprobe.d} \
		"$root"/usr/{bin,sbin,lib,lib64,share}
	for d in bin sbin lib lib64; do
		ln -s "usr/$d" "$root/$d"
	done
}

# guest_add HOST GUEST ROOT: a file with its run bits; an ELF file's shared
# libraries come with it.
guest_add() {
	local host=$1 guest=$2 root=$3
	[ -d "$root${guest%/*}" ] || mkdir -p "$root${guest%/*}"
	cp -L --preserve=mode "$host" "$root$guest"
	local magic=''
	IFS= read -r -d '' -n 4 magic <"$host" || true
	if [ "$magic" = $'\177ELF' ]; then
		guest_elf+=("$host")
	fi
}

# Libraries of all ELF files added so far, at the paths the loader wants, save
# those that the base has.
guest_libraries() {
	local root=$1 lib dst have=''
	[ ${#guest_elf[@]} -gt 0 ] || return 0
	[ ! -f "${GUEST_BASE:-}/libraries" ] || have=$(<"$GUEST_BASE/libraries")
	while IFS= read -r lib; do
		case $lib in
		"$DACC_BUILD"/*) dst=/usr/lib/${lib##*/} ;;
		/usr/*) dst=$lib ;;
		*) dst=/usr$lib ;;
		esac
		[[ -e $root$dst || $'\n'$have$'\n' == *$'\n'$dst$'\n'* ]] && continue
		[ -d "$root${dst%/*}" ] || mkdir -p "$root${dst%/*}"
		cp -L --preserve=mode "$lib" "$root$dst"
	done < <(LD_LIBRARY_PATH="$DACC_BUILD/lib${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}" \
		ldd "${guest_elf[@]}" 2>/dev/null |
		sed -n 's/.*=> \(\/[^ ]*\) (0x.*/\1/p; s/^\t\(\/[^ ]*\) (0x.*/\1/p' | sort -u)
}

guest_cpio() {
	local root=$1 out=$2
	(cd "$root" && find . -mindepth 1 | LC_ALL=C sort |
		cpio -o -H newc -R 0:0 --reproducible --quiet) >"$out"
}

# Sets GUEST_BASE: folder with base.cpio and the unpacked modules (modules/).
guest_base_ready() {
	local key
	key=$({
		printf '%s\n' "$KERNEL_IMAGE" "$KERNEL_VERSION" "${GUEST_MODULES[@]}"
		declare -f guest_base_build guest_skeleton guest_libraries
		stat -c '%s %Y' "$KERNEL_IMAGE" "$(command -v busybox)" "$(command -v kmod)"
	} | key_of)
	GUEST_BASE=$DACC_CACHE/guest/base-$key
	[ -f "$GUEST_BASE/base.cpio" ] || with_lock guest guest_base_build
}

guest_base_build() {
	local tmp=$GUEST_BASE.tmp.$$ root m ko dst libdir applet
	[ -f "$GUEST_BASE/base.cpio" ] && return 0
	need_tool busybox kmod cpio depmod xz
	say "making the guest's base initramfs"
	rm -rf "$tmp"
	root=$tmp/root
	guest_skeleton "$root"
	guest_elf=()
	cp -L "$(command -v busybox)" "$root/usr/bin/busybox"
	for applet in $(busybox --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/usr/bin/$applet"
	done
	guest_add "$(command -v kmod)" /usr/bin/kmod "$root"
	for m in modprobe insmod rmmod lsmod modinfo depmod; do
		rm -f "$root/usr/bin/$m"
		ln -s ../bin/kmod "$root/usr/sbin/$m"
	done
	command -v lspci >/dev/null && guest_add "$(command -v lspci)" /usr/bin/lspci "$root"
	guest_libraries "$root"
	libdir=$KERNEL_ROOT/lib/modules/$KERNEL_VERSION
	mkdir -p "$tmp/modules/lib/modules/$KERNEL_VERSION"
	for m in "${GUEST_MODULES[@]}"; do
		# A module this kernel lacks or has built in is not an error here:
		# the one who needs it says so when it cannot be loaded.
		modprobe -d "$KERNEL_ROOT" -S "$KERNEL_VERSION" --show-depends "$m" 2>/dev/null || true
	done | sed -n 's/^insmod \([^ ]*\).*/\1/p' | sort -u | while IFS= read -r ko; do
		dst=$tmp/modules/lib/modules/$KERNEL_VERSION/${ko#"$libdir"/}
		mkdir -p "$(dirname "$dst")"
		case $ko in
		*.xz) xz -dc "$ko" >"${dst%.xz}" ;;
		*.zst) zstd -qdc "$ko" >"${dst%.zst}" ;;
		*) cp "$ko" "$dst" ;;
		esac
	done
	for m in modules.order modules.builtin modules.builtin.modinfo; do
		[ ! -f "$libdir/$m" ] || cp "$libdir/$m" "$tmp/modules/lib/modules/$KERNEL_VERSION/"
	done
	mkdir -p "$root/usr/lib/modules"
	cp -r "$tmp/modules/lib/modules/$KERNEL_VERSION" "$root/usr/lib/modules/"
	guest_cpio "$root" "$tmp/base.cpio"
	(cd "$root" && find usr/lib usr/lib64 -path usr/lib/modules -prune -o -type f -printf '/%p\n') >"$tmp/libraries"
	rm -rf "$root" "$GUEST_BASE"
	mv "$tmp" "$GUEST_BASE"
}

# Modules (ours included) with their modprobe index, kept in the cache by
# content: sets GUEST_MODCPIO.
guest_modules_ready() {
	local key
	key=$({
		printf '%s\n' "$GUEST_BASE"
		[ $# = 0 ] || sha256sum -- "$@"
	} | key_of)
	GUEST_MODCPIO=$DACC_CACHE/guest/modules-$key.cpio
	[ -f "$GUEST_MODCPIO" ] || guest_modules_build "$@"
	touch -c "$GUEST_MODCPIO"
}

guest_modules_build() {
	local tmp=$DACC_CACHE/guest/tmp.$$ dir ko
	rm -rf "$tmp"
	mkdir -p "$tmp/usr"
	cp -r "$GUEST_BASE/modules/lib" "$tmp/lib"
	dir=$tmp/lib/modules/$KERNEL_VERSION
	mkdir -p "$dir/updates"
	for ko; do
		cp "$ko" "$dir/updates/"
	done
	depmod -b "$tmp" "$KERNEL_VERSION" || die 1 "depmod failed" "look into $tmp"
	mkdir -p "$tmp/root/usr/lib/modules/$KERNEL_VERSION"
	mv "$dir/updates" "$dir"/modules.* "$tmp/root/usr/lib/modules/$KERNEL_VERSION/"
	guest_cpio "$tmp/root" "$GUEST_MODCPIO.tmp.$$"
	mv "$GUEST_MODCPIO.tmp.$$" "$GUEST_MODCPIO"
	rm -rf "$tmp"
	# Old ones of earlier builds of the modules.
	find "$DACC_CACHE/guest" -maxdepth 1 -name 'modules-*.cpio' -mmin +1440 -delete
}
