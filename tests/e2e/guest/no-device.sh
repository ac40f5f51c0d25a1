# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
. /root/tap.sh 2>/dev/null

dacc-run -m /root/model.bin -t /root/tokenizer.bin >/tmp/out 2>/tmp/err
status=$?
[ $status -eq 3 ] && [ "$(wc -l </tmp/err)" -eq 1 ] && grep -Eqi "no dacc|no chip|not found|device" /tmp/err
ok $? "no device: status 3 (got $status), one line says so" /tmp/err
daccctl list --json >/tmp/out 2>/tmp/err
status=$?
[ $status -eq 3 ] && grep -q "\[" /tmp/out
ok $? "daccctl list --json with no device: an empty list, status 3 (got $status)" /tmp/err
echo "# end"
