# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
. /root/tap.sh 2>/dev/null

run() {
	dacc-run -m /root/model.bin -t /root/tokenizer.bin -n 32 >/tmp/out 2>/tmp/err
	status=$?
}
run
[ $status -eq 3 ] && [ "$(wc -l </tmp/err)" -eq 1 ] && grep -Eqi "module|driver|modprobe" /tmp/err
ok $? "module not loaded: status 3 (got $status), one line says so" /tmp/err
daccctl list >/tmp/out 2>/tmp/err
status=$?
[ $status -eq 3 ] && grep -q 1234:dacc /tmp/out
ok $? "daccctl list finds the chip without a driver" /tmp/err
daccctl load >/tmp/out 2>/tmp/err
ok $? "daccctl load loads the modules" /tmp/err
run
[ $status -eq 0 ] && [ -s /tmp/out ]
ok $? "then dacc-run works" /tmp/err
echo "# end"
