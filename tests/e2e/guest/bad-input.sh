# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash disable=SC2086,SC2059 # $model is words, poke takes escapes
. /root/tap.sh

cd /tmp || exit 1
model="-m /root/model.bin -t /root/tokenizer.bin"

# bad NAME STATUS PATTERN COMMAND...: fails with that status, one line on stderr that
# matches, nothing on stdout, and leaves nothing behind.
bad() {
	name=$1
	want=$2
	pattern=$3
	shift 3
	"$@" >/tmp/out 2>/tmp/err
	status=$?
	[ $status -eq "$want" ]
	ok $? "$name: exit status $want (got $status)" /tmp/err
	grep -Eqi -- "$pattern" /tmp/err && [ "$(wc -l </tmp/err)" -eq 1 ]
	ok $? "$name: one line names it" /tmp/err
	[ ! -s /tmp/out ]
	ok $? "$name: nothing on stdout"
	clean >/tmp/leak
	ok $? "$name: nothing leaked" /tmp/leak
}

size=$(stat -c %s /root/model.bin)
head -c $((size / 2)) /root/model.bin >half.bin
head -c 20 /root/model.bin >header.bin
: >empty.bin
# Header words: dim, hidden_dim, n_layers, n_heads, n_kv_heads, vocab_size, seq_len.
poke() { # FILE WORD VALUE(printf escapes)
	cp /root/model.bin "$1"
	printf "$3" | dd of="$1" bs=4 seek="$2" conv=notrunc 2>/dev/null
}
poke dim0.bin 0 '\000\000\000\000'
poke huge.bin 2 '\377\377\377\177'
poke heads.bin 3 '\007\000\000\000'
poke negative.bin 1 '\377\377\377\377'

bad "truncated checkpoint" 4 "truncated|bytes" dacc-run -m half.bin -t /root/tokenizer.bin
bad "checkpoint shorter than its header" 4 "truncated|header|bytes" \
	dacc-run -m header.bin -t /root/tokenizer.bin
bad "empty checkpoint" 4 "empty|truncated|header|bytes" dacc-run -m empty.bin -t /root/tokenizer.bin
bad "checkpoint of dimension 0" 4 "dim" dacc-run -m dim0.bin -t /root/tokenizer.bin
bad "absurd number of layers" 4 "layers" dacc-run -m huge.bin -t /root/tokenizer.bin
bad "heads that do not divide" 4 "heads|dim" dacc-run -m heads.bin -t /root/tokenizer.bin
bad "negative hidden size" 4 "hidden" dacc-run -m negative.bin -t /root/tokenizer.bin
bad "not a checkpoint" 4 "checkpoint|header|bytes|dim|layers" \
	dacc-run -m /root/tap.sh -t /root/tokenizer.bin
bad "no such model" 4 "/nope: .*" dacc-run -m /nope
bad "model is a folder" 4 "directory|regular" dacc-run -m /root -t /root/tokenizer.bin
head -c 100 /root/tokenizer.bin >short.tok
bad "truncated tokenizer" 4 "tokenizer|truncated" dacc-run -m /root/model.bin -t short.tok
if [ -f /root/tok512.bin ]; then
	bad "tokenizer of another model" 4 "vocab|tokens|tokenizer" \
		dacc-run -m /root/model.bin -t /root/tok512.bin
fi
bad "context longer than the model's" 5 "context|positions" dacc-run $model -n 513
bad "-n that is no number" 2 "number|-n" dacc-run $model -n ten
bad "negative temperature" 2 "temp" dacc-run $model --temp -1
bad "top-p above 1" 2 "top-p" dacc-run $model --top-p 1.5
bad "unknown KV type" 2 "kv-type|f32" dacc-run $model --kv-type f8
bad "unknown option" 2 "frobnicate" dacc-run $model --frobnicate
bad "no model given" 2 "model" dacc-run
bad "no such chip" 3 "accel7|device|chip" dacc-run $model --device /dev/accel/accel7
bad "a node that is no chip" 3 "not a|dacc" dacc-run $model --device /dev/null

# An empty prompt is no error: the model starts by itself, as with llama2.c.
dacc-run $model -n 32 -p "" >/tmp/a 2>/tmp/err && dacc-run $model -n 32 >/tmp/b 2>>/tmp/err
ok $? "empty prompt: runs" /tmp/err
cmp /tmp/a /tmp/b >/tmp/err 2>&1
ok $? "empty prompt: same as none" /tmp/err

# Output that can't be written is an error too.
dacc-run $model -n 64 >/dev/full 2>/tmp/err
[ $? -eq 1 ] && grep -qi "space\|write\|output" /tmp/err
ok $? "full disk: said so" /tmp/err

echo "nobody:x:65534:65534::/:/bin/sh" >>/etc/passwd
chmod 0600 /dev/accel/accel0
cat >/tmp/as-nobody <<'RUN'
exec dacc-run -m /root/model.bin -t /root/tokenizer.bin
RUN
chmod 755 /root /tmp/as-nobody
bad "no permission" 3 "permission|group" su -s /bin/sh nobody -c "sh /tmp/as-nobody"

for tool in dacc-run daccctl; do
	$tool --help >/tmp/out 2>/tmp/err && [ -s /tmp/out ] && [ ! -s /tmp/err ]
	ok $? "$tool --help" /tmp/err
	$tool --version | grep -q '[0-9]'
	ok $? "$tool --version"
done
echo "# end"
