# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
. /root/tap.sh

inject=$(echo /sys/kernel/debug/accel/*/inject)

run() {
	dacc-run -m /root/model.bin -t /root/tokenizer.bin -n 256 "$@"
}

golden() {
	run >/tmp/text 2>/tmp/err && cmp /tmp/text /root/golden.txt >>/tmp/err 2>&1
}

golden
ok $? "golden text at first" /tmp/err

# Clients that are killed all the time, beside one that must be right.
for i in $(seq 12); do
	run --k 1 >/dev/null 2>&1 &
	victim=$!
	sleep 0.$((i % 5 + 1))
	kill -9 $victim 2>/dev/null
done &
killer=$!
bad=0
for _ in 1 2 3 4 5 6; do
	golden || bad=1
done
wait $killer
ok $bad "right text while others are killed" /tmp/err
clean >/tmp/leak
ok $? "nothing left of the killed" /tmp/leak

# Every queue's next job hangs; the driver's timeout ends it.
for q in $(seq 0 63); do
	echo "hang $q" >"$inject"
done
run >/dev/null 2>/tmp/err
status=$?
echo none >"$inject"
[ $status -eq 1 ] && [ -s /tmp/err ]
ok $? "a hang ends in an error, not in a hang (status $status)" /tmp/err
golden
ok $? "golden text after a hang" /tmp/err

for q in $(seq 0 63); do
	echo "dma-error $q" >"$inject"
done
run >/dev/null 2>/tmp/err
status=$?
echo none >"$inject"
[ $status -eq 1 ] && [ -s /tmp/err ]
ok $? "a bus error ends in an error (status $status)" /tmp/err
golden
ok $? "golden text after a bus error" /tmp/err

echo "link-crc 100" >"$inject"
golden
ok $? "golden text over a link with CRC errors" /tmp/err
grep -q . /sys/kernel/debug/accel/*/link
ok $? "the link has a state file"

dev=$(readlink -f /sys/class/accel/accel0/device)
run --k 1 >/dev/null 2>/tmp/err &
victim=$!
sleep 0.4
echo 1 >"$dev/reset"
wait $victim
status=$?
[ $status -eq 1 ] || [ $status -eq 0 ]
ok $? "a function-level reset under a client ends it orderly (status $status)" /tmp/err
golden
ok $? "golden text after a function-level reset" /tmp/err

run --k 1 >/dev/null 2>/tmp/err &
victim=$!
sleep 0.4
parent=$(dirname "$dev")
echo 1 >"$dev/remove"
wait $victim
status=$?
[ $status -eq 1 ] || [ $status -eq 3 ] || [ $status -eq 0 ]
ok $? "removal under a client ends it orderly (status $status)" /tmp/err
echo 1 >/sys/bus/pci/rescan
for _ in $(seq 50); do
	ls /dev/accel/accel* >/dev/null 2>&1 && break
	sleep 0.1
done
[ -d "$parent" ]
golden
ok $? "golden text after removal and rescan" /tmp/err
echo "# end"
