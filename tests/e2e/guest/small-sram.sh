# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=dash
. /root/tap.sh

dacc-run -m /root/model.bin -t /root/tokenizer.bin >/tmp/out 2>/tmp/err
status=$?
[ $status -eq 5 ] && [ "$(wc -l </tmp/err)" -eq 1 ] && grep -q SRAM /tmp/err && [ ! -s /tmp/out ]
ok $? "model larger than SRAM: status 5 (got $status), one line says so" /tmp/err
clean >/tmp/leak
ok $? "model larger than SRAM: nothing leaked" /tmp/leak
echo "# end"
