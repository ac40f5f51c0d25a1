#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# Instructions of the guest from a decode job's submission to its token, beside an NVMe
# read and virtio operations of the same guest, in one run. No pass or fail.
set -euo pipefail
. "$(dirname "$0")/../../scripts/lib/common.sh"

model=$(find "$DACC_TOP/models" -mindepth 2 -maxdepth 2 -name model.bin | head -n 1)
[ -n "$model" ] || die 1 "there is no model in models/" "train one: tools/train"
out=$DACC_BUILD/bench
mkdir -p "$out/share"
make -s -C "$DACC_TOP/userspace" O="$DACC_BUILD" lib >&2
make -s -C "$DACC_TOP/tests/bench" O="$DACC_BUILD" >&2
truncate -s 16M "$out/nvme.img"

# The port's node and the namespace's are there a moment after their devices.
cat >"$out/decode-guest.sh" <<'GUEST'
port= n=0
while [ $n -lt 50 ] && { [ -z "$port" ] || [ ! -e /dev/ng0n1 ]; }; do
	for d in /sys/class/virtio-ports/*; do
		[ "$(cat "$d/name" 2>/dev/null)" = bench ] && port=/dev/$(basename "$d")
	done
	n=$((n + 1))
	sleep 0.1
done
[ -e /dev/ng0n1 ] || { echo "no /dev/ng0n1: the nvme module is missing" >&2; exit 1; }
: >/mnt/file
exec decode /root/model.bin /dev/ng0n1 "$port" /mnt/file
GUEST

printf 'Instructions of the guest (-icount shift=0, one processor)\n'
"$DACC_TOP/scripts/vm" --name bench-decode --icount 0 --timeout 600 --share "$out/share" \
	--load nvme --modparam nvme:poll_queues=1 \
	--qemu-arg -drive --qemu-arg "if=none,id=bench-nvme,format=raw,file=$out/nvme.img" \
	--qemu-arg -device --qemu-arg nvme,serial=bench,drive=bench-nvme \
	--qemu-arg -chardev --qemu-arg file,id=bench-null,path=/dev/null \
	--qemu-arg -device --qemu-arg virtserialport,chardev=bench-null,name=bench \
	--file "$model:/root/model.bin" --file "$DACC_BUILD/tests/bench/decode" \
	--file "$out/decode-guest.sh" -- sh /root/decode-guest.sh

