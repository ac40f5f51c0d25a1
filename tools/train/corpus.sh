#!/bin/sh
# SPDX-License-Identifier: MIT
# Write the training corpus: the King James Bible, one chapter per line, verse
# numbers stripped. The text comes from Debian's bible-kjv-text and is dumped by
# the `bible` program of bible-kjv; both are unpacked, not installed.
set -eu

usage()
{
	echo "usage: $0 OUTPUT"
	echo "Fetch Debian's bible-kjv and bible-kjv-text with apt-get download and"
	echo "write the corpus to OUTPUT, one chapter per line."
}

case "${1:-}" in
-h|--help) usage; exit 0 ;;
'') usage >&2; exit 2 ;;
esac

mkdir -p "$(dirname "$1")"
out=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT INT TERM

cd "$tmp"
# apt's download sandbox user must be able to write here, else it warns.
chmod 755 "$tmp"
if ! apt-get download bible-kjv bible-kjv-text >apt.log 2>&1; then
	tail -n 3 apt.log >&2
	echo "corpus.sh: cannot download bible-kjv and bible-kjv-text; run apt-get update, check the network" >&2
	exit 1
fi
for deb in *.deb; do
	dpkg -x "$deb" root
done

# -f: one verse per line with its reference first; -l: never break a line.
# The program exits non-zero at end of input, so the dump is judged by its size.
root/usr/bin/bible -p root/usr/lib -f -l 1000000 'Gen1:1-Rev22:21' </dev/null >verses 2>bible.err || :
n=$(wc -l <verses)
if [ "$n" -ne 31102 ]; then
	cat bible.err >&2
	echo "corpus.sh: expected 31102 verses, got $n (libreadline8 missing, or another text?)" >&2
	exit 1
fi

# "Ge1:1 In the beginning ..." -> chapter key "Ge1", text without the reference.
awk '{
	split($1, ref, ":")
	text = substr($0, length($1) + 2)
	gsub(/[ \t]+/, " ", text)
	sub(/ $/, "", text)
	if (ref[1] == chapter) {
		printf " %s", text
	} else {
		if (NR > 1)
			printf "\n"
		printf "%s", text
		chapter = ref[1]
	}
} END { printf "\n" }' verses >"$out"
echo "corpus.sh: $(wc -l <"$out") chapters, $(wc -c <"$out") bytes, sha256 $(sha256sum <"$out" | cut -c1-64)"
