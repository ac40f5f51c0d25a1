#!/bin/sh
# SPDX-License-Identifier: MIT
# Make the in-tree model again from nothing: fetch the corpus, train the tokenizer,
# check the gradients, train the model, install it and write its golden texts.
set -eu

here=$(cd "$(dirname "$0")" && pwd)
top=$(cd "$here/../.." && pwd)
name=kjv-490k
vocab=768
steps=9000
steps2=300
stop2=200
threads=2
build=$top/build/tools/train
out=$top/models/$name
install=1

usage()
{
	cat <<END
usage: $0 [--steps N] [--steps2 N] [--threads N] [--build DIR] [--no-install]
Train $name from scratch (default $steps and $steps2 steps, $threads threads, nice 19) in DIR
(default build/tools/train), then install model.bin and tokenizer.bin to models/$name and
regenerate its golden texts. --no-install stops after training.
END
}

while [ $# -gt 0 ]; do
	case "$1" in
	-h|--help) usage; exit 0 ;;
	--no-install) install=0 ;;
	--steps|--steps2|--threads|--build)
		[ $# -ge 2 ] || { usage >&2; exit 2; }
		case "$1" in
		--steps) steps=$2 ;;
		--steps2) steps2=$2 ;;
		--threads) threads=$2 ;;
		--build) build=$2 ;;
		esac
		shift ;;
	*) usage >&2; exit 2 ;;
	esac
	shift
done

mkdir -p "$build"
build=$(cd "$build" && pwd)
make -s -C "$here" O="$build"
"$build/gradcheck" >"$build/gradcheck.log" || {
	cat "$build/gradcheck.log" >&2
	echo "train.sh: the gradient check failed: a compiler fault? try CFLAGS=-fno-fast-math" >&2
	exit 1
}
[ -s "$build/corpus.txt" ] || "$here/corpus.sh" "$build/corpus.txt"
"$build/bpe" "$build/corpus.txt" "$vocab" "$build/tokenizer.bin" "$build/tokens.u16"

# Everything that shaped the committed model is on these lines. First language alone ...
train()		# OUTPUT OPTION...
{
	checkpoint=$1
	shift
	nice -n 19 "$build/train" --vocab "$vocab" --dim 96 --hidden 192 --layers 5 --heads 6 \
		--kv-heads 3 --seq 512 --batch 8 --weight-decay 0.1 --threads "$threads" "$@" \
		"$build/tokens.u16" "$build/tokenizer.bin" "$checkpoint"
}
train "$build/phase1.bin" --steps "$steps" --lr 4e-3 --warmup 200 --eval-every 250 --seed 1
# ... then language with a penalty on looping when decoded greedily. The stop was chosen
# by reading the greedy text of each checkpoint: see models/kjv-490k/README.md.
train "$build/model.bin" --init "$build/phase1.bin" --steps "$steps2" --stop "$stop2" \
	--lr 6e-4 --warmup 20 --eval-every 50 --seed 2 --repeat-penalty 0.2

if [ "$install" = 1 ]; then
	mkdir -p "$out"
	cp "$build/model.bin" "$build/tokenizer.bin" "$out/"
	"$here/golden.sh" "$out"
fi
