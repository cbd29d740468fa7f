#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The Go package (userspace/go): its own tests, and its example beside chanctl.

here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
export LC_ALL=C
# shellcheck source=/dev/null
. "$here/tap.sh"

# The words of a text, each as often as it is there, the most frequent first.
words() {
	tr -cs A-Za-z '\n' | grep . | sort | uniq -c | sort -k1,1nr -k2 | sed 's/^ *//'
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
# Who hangs says where, before kselftest ends it.
go_tests "$here/go_binding.bin" -test.v -test.timeout $((800 * ${SLOW:-1}))s

seq 2000 | sed 's/\(.*\)\(.\)$/the word \2 of chan, Go & co: &/; y/0123456789/abcdefghij/' >"$work/text"
words <"$work/text" >"$work/wanted"
chanctl create --message 4096 --capacity 16 lines >/dev/null
"$here/go_wordcount.bin" lines 4 >"$work/got" & one=$!
chanctl send --close lines <"$work/text"
ok $? "chanctl sends lines to a Go program"
wait $one
ok $? "it counts their words"
is "as many as others do" "$(<"$work/wanted")" "$(<"$work/got")"
chanctl rm lines
"$here/go_wordcount.bin" lines 4 2>"$work/err"
is "without the channel it fails" 1 $?
is "and says why" "wordcount: kchan: open lines: no such file or directory" "$(<"$work/err")"
"$here/go_wordcount.bin" 2>"$work/err"
is "it says how it is used" 2 $?
finish
