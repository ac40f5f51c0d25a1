#!/bin/sh
# SPDX-License-Identifier: MIT
# Write the golden texts that a model's goldens.tsv lists, using the reference.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)

case "${1:-}" in
-h|--help|'')
	echo "usage: $0 MODEL_DIR"
	echo "Regenerate the golden texts listed in MODEL_DIR/goldens.tsv with llama-ref."
	[ -n "${1:-}" ]; exit
	;;
esac

dir=$1
O=$top/build/tests/reference
make -s -C "$top/tests/reference" O="$O"
tab=$(printf '\t')
grep -v '^#' "$dir/goldens.tsv" | while IFS=$tab read -r file steps temp topp seed prompt; do
	"$O/llama-ref" -n "$steps" -t "$temp" -P "$topp" -s "$seed" -p "$prompt" \
		"$dir/model.bin" "$dir/tokenizer.bin" >"$dir/$file.tmp"
	mv "$dir/$file.tmp" "$dir/$file"
	echo "golden.sh: $dir/$file"
done
