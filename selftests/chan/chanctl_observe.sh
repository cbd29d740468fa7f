#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# chanctl ps, top and trace: who holds what, who waits for whom, what happens.

# shellcheck source=/dev/null
. "$(dirname "$0")/tap.sh"
work=$(mktemp -d)

# Wait until the chanctl trace of this number is told of all that happens.
tracing() {
	until [ "$(cat "/sys/kernel/tracing/instances/chanctl-$1/events/chan/enable" 2>/dev/null)" = 1 ]; do
		:
	done
}

# A member of a JSON text that has one a line, in order.
members() {
	sed -n "s/^ *\"$1\": *\"\\{0,1\\}\\([^\",]*\\)\"\\{0,1\\},\\{0,1\\}\$/\\1/p" | tr '\n' ' '
}

# Without numbers of processes, which are in $a and $b.
unnumbered() {
	sed "s/  */ /g; s/\\b$a\\b/A/g; s/\\b${b:-none}\\b/B/g; s/ $//"
}

# What ps shows: who holds what, but for the number of the descriptor; and deadlocks.
holders() {
	chanctl ps "$@" | sed '1d; /^$/,$d' | sed 's/^\([0-9]* *[^ ]*\) *[0-9]*/\1/' | unnumbered
}
deadlocks() {
	chanctl ps | sed -n '/^deadlock/,$p' | unnumbered
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
echo "TAP version 13"

# ps
chanctl create --type int32 --capacity 2 numbers >/dev/null
chanctl create --type int32 answers >/dev/null
is "ps of nothing is a head" "PID COMMAND FD CHANNEL MAY LEN/CAP WAITING" \
	"$(chanctl ps | sed 's/  */ /g')"
chanctl recv answers >/dev/null &
a=$!
parked answers 0 1
is "ps shows a receiver, and that it waits" "A chanctl answers recv 0/0 recv A" "$(holders)"
is "but not of another channel" "" "$(holders numbers)"
is "who waits for one that may yet come is not stuck" "" "$(deadlocks)"
chanctl ps --json >"$work/json"
is "the same in JSON" "$a chanctl answers " "$(members pid <"$work/json" | cut -d' ' -f1) $(
	members command <"$work/json" | cut -d' ' -f1) $(members name <"$work/json" | cut -d' ' -f1) "
chanctl send answers 1
wait $a

# Two that wait for each other: each holds what the other one needs.
numbers=/dev/chan$(chanctl info --json numbers | sed -n 's/.*chan\([0-9]*\)".*/\1/p')
answers=/dev/chan$(chanctl info --json answers | sed -n 's/.*chan\([0-9]*\)".*/\1/p')
(exec head -c 4 <>"$numbers" >"$answers") &
a=$!
(exec head -c 4 <>"$answers" >"$numbers") &
b=$!
parked numbers 0 1
parked answers 0 1
is "a deadlock of two names both, and whom they wait for" \
	" head (A) waits to receive from numbers, for head (B)
 head (B) waits to receive from answers, for head (A)
deadlock: unless a timeout ends a wait, or somebody else opens a channel," "$(deadlocks | sort)"
chanctl ps --json >"$work/json"
is "and in JSON the cycle" "recv recv " \
	"$(sed -n '/"deadlocks"/,$p' "$work/json" | members op)"
is "by process" "$(printf '%s\n' $a $b | sort -n | tr '\n' ' ')" \
	"$(sed -n '/"deadlocks"/,$p' "$work/json" | members pid | tr ' ' '\n' | grep . | sort -n | tr '\n' ' ')"
# A third, which could end it, but waits for them.
(exec head -c 4 <>"$answers" >"$numbers") &
c=$!
parked answers 0 2
is "who waits for them is told with them" " and 1 more waits for them" "$(deadlocks | tail -n 1)"
(
	exec 5<>"$answers"
	is "who could end it, and runs, keeps them from being stuck" "" "$(deadlocks)"
)
n=$((n + 1))
printf '1234' >"$answers"
wait $a $b $c
is "one element breaks it" 1/2 "$(chanctl info numbers | sed -n 's/^received: *//p')/$(
	chanctl info numbers | sed -n 's/^sent: *//p')"
chanctl recv -n 1 numbers >/dev/null

# A select, a selector, several tasks.
chanctl select numbers answers >/dev/null &
a=$!
parked numbers 0 1
parked answers 0 1
is "a select waits in each of its channels" \
	"A chanctl answers recv 0/0 select recv A
A chanctl numbers recv 0/2 select recv A" "$(holders | sort)"
chanctl send numbers 1
wait $a
chanctl ps '#x' 2>/dev/null
is "a wrong id" 2 $?
chanctl ps nothing 2>/dev/null
is "no such channel" 5 $?

# top
chanctl send numbers 1 2
chanctl top -n 1 -d 10ms >"$work/top"
is "top shows each channel" "/dev/chan? answers root 0 0 0/0 0 0 open
/dev/chan? numbers root 0 0 2/2 0 0 open" \
	"$(tail -n +2 "$work/top" | grep . | sed 's/  */ /g; s/chan[0-9]*/chan?/' | sort)"
chanctl top --json -n 1 -d 2s >"$work/top" &
top=$!
chanctl recv -n 2 numbers >/dev/null
chanctl send numbers 1 2
wait $top
is "a look is a line" 1 "$(wc -l <"$work/top")"
is "and has what went through, the busiest first" numbers \
	"$(grep -o '"name":"[a-z]*"' "$work/top" | head -n 1 | cut -d'"' -f4)"
is "top ends after as many looks as it is told" 3 \
	"$(chanctl top -n 3 -d 1ms | grep -c '^NODE')"
chanctl recv -n 2 numbers >/dev/null

# trace
mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
chanctl trace -n 4 numbers >"$work/trace" &
trace=$!
tracing $trace
chanctl send answers 9 & # not asked for
chanctl send numbers 5 6
chanctl recv -n 2 numbers >/dev/null
wait $trace
is "trace tells what happens in the channel that is named" \
	"send numbers seq=? n=1 len=1
send numbers seq=? n=1 len=2
recv numbers seq=? n=1 len=1
recv numbers seq=? n=1 len=0" \
	"$(sed 's/^[0-9.]* [^ ]* //; s/seq=[0-9]*/seq=?/' "$work/trace")"
is "and leaves nothing behind" "" "$(ls /sys/kernel/tracing/instances)"
chanctl recv answers >/dev/null
wait
chanctl trace --json -n 1 >"$work/trace" &
trace=$!
tracing $trace
chanctl close numbers
wait $trace
is "in JSON an event is a line" \
	'"event":"close","id":?,"name":"numbers","len":0,"closed":1,"hungup":0}' \
	"$(sed 's/.*"event"/"event"/; s/"id":[0-9]*/"id":?/' "$work/trace")"
chanctl trace >"$work/trace" 2>&1 &
trace=$!
tracing $trace
kill -TERM $trace
wait $trace
is "a signal ends it as it ends others" 143 $?
is "and takes its instance away" "" "$(ls /sys/kernel/tracing/instances)"

chanctl rm numbers
chanctl rm answers
rm -r "$work"
finish
