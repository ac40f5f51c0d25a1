#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0
# The way that data takes between the devices, for each place they can be in, IOMMU and
# processor; tests/kselftest/dacc_topology.c looks, the table below says what is right.
# DACC_TOPOLOGY chooses rows by a pattern (default: all): 'switch-*', '*-iommu-epyc'.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# place-iommu-cpu   HBM to chip  GPU to SRAM  SRAM to 2nd chip  of 20 imports over the link
#
# Below one switch any way is legal. Elsewhere it goes through the host bridge: q35's is
# not known to route between devices, unless the processor is an AMD of family 0x17 or
# later. What may go over PCIe goes over the link where there is one. Behind an IOMMU that
# translates each import takes a decoder of 16, less the port's own.
table='
switch-none-intel   link     pcie     pcie     20
switch-none-epyc    link     pcie     pcie     20
switch-iommu-intel  link     pcie     pcie     15
switch-iommu-epyc   link     pcie     pcie     15
switch-pt-intel     link     pcie     pcie     20
switch-pt-epyc      link     pcie     pcie     20
ports-none-intel    refused  refused  refused  refused
ports-none-epyc     link     pcie     pcie     20
ports-iommu-intel   refused  refused  refused  refused
ports-iommu-epyc    link     pcie     pcie     15
ports-pt-intel      refused  refused  refused  refused
ports-pt-epyc       link     pcie     pcie     20
root-none-intel     refused  refused  refused  refused
root-none-epyc      link     pcie     pcie     20
root-iommu-intel    refused  refused  refused  refused
root-iommu-epyc     link     pcie     pcie     15
root-pt-intel       refused  refused  refused  refused
root-pt-epyc        link     pcie     pcie     20
'

program=${DACC_BUILD:-$DACC_TOP/build}/tests/kselftest/dacc_topology
if [ ! -x "$program" ]; then
	make -s -C "$DACC_TOP/tests/kselftest" O="${DACC_BUILD:-$DACC_TOP/build}" \
		KSELFTEST_INC="$("$DACC_TOP/scripts/fetch-kernel" --print kselftest)" \
		"$program" >&2 || exit 1
fi

# one ROW HBM SRAM CHIP IMPORTS [VM OPTION...]
one() {
	local row=$1 want out=$work/$1.out err=$work/$1.err status=0
	want="hbm-to-chip $2 gpu-to-sram $3 sram-to-chip $4 20-imports ${5/#[0-9]/link:&}"
	shift 5
	"$vm" --name "topology-$row" --chips 2 --timeout 600 --file "$program" "$@" -- \
		/usr/bin/dacc_topology >"$out" 2>"$err" </dev/null || status=$?
	ok $status "$row: right bytes" "$out" "$err"
	status=0
	for path in hbm-to-chip gpu-to-sram sram-to-chip 20-imports; do
		sed -n "s/^# path \($path .*\)/\1/p" "$out"
	done | paste -sd ' ' >"$work/$row.found"
	[ "$(<"$work/$row.found")" = "$want" ] || status=1
	[ $status = 0 ] || echo "# expected: $want"
	ok $status "$row: the way is $(sed 's/^hbm-to-chip //; s/ .*//' "$work/$row.found")" \
		"$work/$row.found"
}

while read -r row hbm sram chip imports; do
	[ -n "$row" ] || continue
	# shellcheck disable=SC2053 # a pattern
	[[ $row == ${DACC_TOPOLOGY:-*} ]] || continue
	IFS=- read -r place iommu cpu <<<"$row"
	options=(--topology "$place")
	case $iommu in
	iommu) options+=(--iommu) ;;
	pt) options+=(--iommu --append iommu=pt) ;;
	esac
	[ "$cpu" = intel ] || options+=(--cpu EPYC)
	one "$row" "$hbm" "$sram" "$chip" "$imports" "${options[@]}" </dev/null
done <<<"$table"
# With the link down or not there, PCIe carries it, through an IOMMU or not.
if [ -z "${DACC_TOPOLOGY:-}" ]; then
	one switch-down pcie pcie pcie 0 --link down
	one switch-iommu-nolink pcie pcie pcie 0 --link none --iommu
fi
finish
