#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# One channel, five receivers: a program in C, two goroutines of one in Go, one in Python
# and the shell count the words of lines that the shell sends. Each line is counted once.

here=$(cd "$(dirname "$0")" && pwd)
python=$here/../../python
work=$(mktemp -d)
export LC_ALL=C PYTHONPATH=$python PYTHONDONTWRITEBYTECODE=1
# shellcheck source=/dev/null
. "$here/tap.sh"

text() {
	local i
	for ((i = 0; i < 400; i++)); do
		printf 'go %s channel %s\n' "$((i % 7))" "$((i % 3))"
	done | tr 0-9 a-j
}

# "COUNT WORD" of words, one a line; of the same word's counts the sum.
counted() {
	sort | uniq -c | summed
}
summed() {
	awk '{ n[$2] += $1 } END { for (word in n) print n[word], word }' | sort -k2
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
echo "TAP version 13"
chanctl create --message 64 lines >/dev/null
chanctl create --message 64 --capacity 16 words >/dev/null
chanctl create --elem-size 0 finished >/dev/null
wordcount worker lines words finished &
parked lines 0 1
chanctl recv --follow words >"$work/c.words" &
"$here/go_wordcount.bin" lines 2 >"$work/go" &
parked lines 0 3
/usr/bin/python3 "$python/examples/wordcount.py" lines 1000 >"$work/python" &
parked lines 0 4
chanctl recv --follow lines >"$work/shell.lines" &
parked lines 0 5
text | chanctl send --close lines
chanctl recv finished >/dev/null
chanctl close words
wait
counted <"$work/c.words" >"$work/c"
tr ' ' '\n' <"$work/shell.lines" | counted >"$work/shell"
for who in c go python shell; do
	ok "$([ -s "$work/$who" ]; echo $?)" "$who has counted some"
done
is "together they have counted all, and nothing twice" "$(text | tr ' ' '\n' | counted)" \
	"$(cd "$work" && cat c go python shell | summed)"
for name in lines words finished; do
	chanctl rm $name
done
rm -r "$work"
finish
