#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# chanctl over the module: what it does, what it says, its exit statuses.

# shellcheck source=/dev/null
. "$(dirname "$0")/tap.sh"

# run STATUS NAME COMMAND...: its output is in $out
run() {
	local want=$1 name=$2
	shift 2
	out=$("$@" 2>&1)
	is "$name" "$want" "$?"
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
if ! type -P chanctl >/dev/null; then
	echo "1..0 # SKIP chanctl isn't in PATH"
	exit 4
fi
echo "TAP version 13"

# create, ls, info
run 0 "create prints the node" chanctl create --type int32 --capacity 4 numbers
node=$out
ok "$([ -c "$node" ]; echo $?)" "the node exists"
is "its mode is 0600" 600 "$(stat -c %a "$node")"
run 1 "a name can't be taken twice" chanctl create --elem-size 1 numbers
is "the message names the channel and the cause" \
	"chanctl create: numbers: you already have a channel of this name: open it, or destroy it first" "$out"
run 2 "a size is needed" chanctl create nosize
run 2 "type and size must agree" chanctl create --type int32 --elem-size 8 x
run 2 "a wrong mode" chanctl create --elem-size 8 --mode 777 x
run 2 "a wrong number" chanctl create --elem-size 8x x
run 2 "a size over the limit" chanctl create --elem-size 2M x
run 1 "a capacity over the limit" chanctl create --elem-size 1M --capacity 1M x
run 1 "a wrong name" chanctl create --elem-size 1 'a b'
is "nothing was made" 2 "$(chanctl ls | wc -l)"
run 0 "ls" chanctl ls
is "ls shows the channel" "$node numbers root 0600 int32 4 0/4 0(0) 0(0) 0 open" \
	"$(tail -n 1 <<<"$out" | tr -s ' ' | sed 's/ $//')"
run 0 "info by name" chanctl info numbers
run 0 "info by node" chanctl info "$node"
run 0 "info by user and name" chanctl info root:numbers
run 0 "info by uid and name" chanctl info 0:numbers
run 5 "info of a name that isn't there" chanctl info nothing
is "the message says so" \
	"chanctl info: nothing: no such channel; a name is its user's, UID:NAME asks for another user's" "$out"
run 5 "info of a user that isn't there" chanctl info nobodyatall:numbers
run 5 "info of a node that isn't there" chanctl info /dev/chan65535
run 1 "a file that is no channel" chanctl send /dev/null x

# numbers
run 0 "send values" chanctl send numbers -- 1 -2 0x10
run 1 "no number" chanctl send numbers 3 four
is "the message says what was sent" "chanctl send: numbers: 'four' is no number; 1 sent before it" "$out"
run 4 "a full channel and a timeout" chanctl send --timeout 10ms numbers 5
run 4 "a full channel and no wait" chanctl send --timeout 0 numbers 5
is "recv prints numbers" "1 -2 16 3" "$(chanctl recv -n 4 numbers | tr '\n' ' ' | sed 's/ $//')"
run 1 "over the type's range" chanctl send numbers 2147483648
run 0 "the least number" chanctl send numbers -- -2147483648
is "comes back" -2147483648 "$(chanctl recv numbers)"
run 4 "an empty channel and a timeout" chanctl recv --timeout 10ms numbers
run 4 "an empty channel and no wait" chanctl recv --timeout 0 numbers

# lines
chanctl create --elem-size 5 --capacity 9 fixed >/dev/null
is "lines in, lines out" "a bcd hello" "$(printf 'a\nbcd\nhello\n' | chanctl send --close fixed &&
	chanctl recv --follow fixed | tr '\n' ' ' | sed 's/ $//')"
run 3 "recv of a closed channel" chanctl recv fixed
is "says nothing" "" "$out"
run 0 "recv --follow of a closed channel" chanctl recv --follow fixed
run 3 "send to a closed channel" chanctl send fixed x
is "says why" \
	"chanctl send: fixed: the channel is closed, or hung up by its last receiver: no more sends; 0 sent before" "$out"
run 3 "close of a closed channel" chanctl close fixed
run 0 "rm" chanctl rm fixed
run 5 "rm of what is gone" chanctl rm fixed

chanctl create --message 8 --capacity 9 words >/dev/null
run 1 "a line that is too long" chanctl send words <<<$'one\ntwo\nthree and four'
is "names the line" \
	"chanctl send: words: line 3 is longer than an element of the channel; 2 sent before it" "$out"
is "an empty message is a line" "one two  end" \
	"$(chanctl send words '' end; chanctl recv -n 4 words | tr '\n' ' ' | sed 's/ $//')"
is "NULs part what has new lines" $'a\nb|c|' \
	"$(printf 'a\nb\0c\0' | chanctl send -z words; chanctl recv -zn 2 words | tr '\0' '|')"
is "-n sends no more than that" "2/9" \
	"$(printf '1\n2\n3\n' | chanctl send -n 2 words; chanctl ls | awk '/words/ {print $7}')"
run 1 "rm while elements are queued" chanctl rm words
is "says how many" "chanctl rm: words: 2 elements are queued: receive them, or lose them with --force" "$out"
run 0 "raw" bash -c 'printf "x\ny" | chanctl send --raw words'
is "raw is one message" $'12x\ny.' "$(chanctl recv --raw -n 3 words; echo .)"
run 1 "a raw message that is too long" bash -c 'echo 123456789 | chanctl send --raw words'
chanctl rm words

chanctl create --elem-size 1000 --capacity 4096 raw >/dev/null
head -c 1000000 /dev/urandom >/tmp/raw.in
chanctl send --raw --close raw </tmp/raw.in
chanctl recv --raw --follow raw >/tmp/raw.out
cmp /tmp/raw.in /tmp/raw.out
ok $? "a megabyte, raw"
chanctl rm raw
chanctl create --elem-size 1000 --capacity 4096 raw >/dev/null
run 1 "an element that is cut short" bash -c 'head -c 2500 /dev/urandom | chanctl send --raw raw'
is "says what was sent" \
	"chanctl send: raw: the last element of standard input is cut short; 2 sent before it" "$out"
chanctl rm --force raw
rm -f /tmp/raw.in /tmp/raw.out

# who waits
chanctl create --message 64 jobs >/dev/null
chanctl recv --follow jobs >/tmp/jobs &
parked jobs 0 1
chanctl send jobs one
parked jobs 0 1
is "what is received is printed before the next wait" one "$(cat /tmp/jobs)"
kill -TERM $!
wait $!
is "a signal ends it, as ever" 143 $?
(chanctl send jobs late) &
parked jobs 1 0
is "an unbuffered send meets the receive" late "$(chanctl recv jobs)"
wait
(chanctl recv -n 5 jobs; echo "status $?") >/tmp/jobs &
parked jobs 0 1
chanctl close jobs
wait
is "close wakes the receiver" "status 3" "$(cat /tmp/jobs)"
chanctl rm jobs
rm -f /tmp/jobs

chanctl create --elem-size 8 --capacity 4 --autoclose auto >/dev/null
chanctl send auto only
is "autoclose ends the receiver" only "$(chanctl recv --follow auto)"
chanctl rm auto
chanctl create --elem-size 8 --capacity 4 --hangup hup >/dev/null
chanctl recv --timeout 0 hup 2>/dev/null
run 3 "hangup fails the sender" chanctl send hup x
run 0 "info says hung up" chanctl info hup
ok "$(grep -q '^state: *hung up$' <<<"$out"; echo $?)" "in words"
chanctl rm hup

# select
tab=$'\t'
chanctl create --type int32 --capacity 4 one >/dev/null
chanctl create --message 64 --capacity 4 two >/dev/null
run 4 "select without anything to receive" chanctl select --timeout 0 one two
run 4 "and with a timeout" chanctl select --timeout 10ms one two
run 5 "select of a name that isn't there" chanctl select one nothing
chanctl send one 7
chanctl send two "a${tab}b"
is "select says which and what" "one${tab}7|two${tab}a${tab}b|" \
	"$(chanctl select -n 2 one two | sort | tr '\n' '|')"
chanctl send one 1 2 3
chanctl send two x y z
is "select --priority takes the first" "one${tab}1|one${tab}2|one${tab}3|two${tab}x|" \
	"$(chanctl select --priority -n 4 one two | tr '\n' '|')"
is "select -z ends with NULs" "two${tab}y|" "$(chanctl select -z one two | tr '\0' '|')"
is "select --raw has no names" "z." "$(chanctl select --raw one two; echo .)"
(chanctl select one two; echo "status $?") >/tmp/select &
parked one 0 1
parked two 0 1
chanctl send two late
wait
is "select waits" "two${tab}late|status 0|" "$(tr '\n' '|' </tmp/select)"
chanctl select --follow one two >/tmp/select &
parked two 0 1
chanctl send two printed
parked two 0 1
is "what is received is printed before the next wait" "two${tab}printed" "$(cat /tmp/select)"
kill -TERM $!
wait $!
is "a signal ends it, as ever" 143 $?
(chanctl select --follow one two; echo "status $?") >/tmp/select &
parked one 0 1
chanctl close one
parked two 0 1
chanctl send --close two last
wait
is "select drops what is closed" "two${tab}last|status 0|" "$(tr '\n' '|' </tmp/select)"
run 3 "select of closed channels" chanctl select one two
is "says nothing" "" "$out"
run 0 "select --follow of closed channels" chanctl select --follow one two
chanctl rm two
chanctl create --type int32 --capacity 4 two >/dev/null
chanctl send two 9
run 3 "fewer than was asked for" bash -c 'chanctl close two; exec chanctl select -n 2 one two'
is "are printed" "two${tab}9" "$out"
chanctl rm one
chanctl rm two
rm -f /tmp/select

# handles that stand by
chanctl create --elem-size 8 --standby desk >/dev/null
is "info --json says standby" "true false" "$(chanctl info --json desk | python3 -c '
import json, sys
o = json.load(sys.stdin)
print(str(o["standby"]).lower(), str(o["timer"]).lower())')"
ok "$(chanctl info desk | grep -q '^stands by: *every receiving handle$'; echo $?)" "info says it"
ok "$(chanctl ls | grep -q ' desk .* open, standby$'; echo $?)" "ls says it"
chanctl rm desk

# timers
run 0 "create --timer" chanctl create --timer clock
ok "$(chanctl ls | grep -q ' clock .* uint64 *8 *0/1 .* open, timer$'; echo $?)" "ls shows it"
ok "$(chanctl info clock | grep -q '^timer: *yes$'; echo $?)" "info shows it"
run 4 "it is made stopped" chanctl recv --timeout 0 clock
before=${EPOCHREALTIME/./}		# microseconds
run 0 "timer --after" chanctl timer --after 20ms clock
sent=$(chanctl recv clock)
ok "$([ $((sent / 1000)) -ge $((before + 20000)) ] && [ $((sent / 1000)) -le "${EPOCHREALTIME/./}" ]
     echo $?)" "sends the time"
run 0 "timer --every" chanctl timer --after 1h --every 1h clock
run 4 "waits for --after first" chanctl recv --timeout 10ms clock
run 0 "started anew" chanctl timer --every 5ms clock
is "sends again and again" 3 "$(chanctl recv -n 3 clock | sort -nu | wc -l)"
until chanctl info clock | grep -q '^queued: *1 of 1$'; do
	:
done
run 0 "timer --stop" chanctl timer --stop clock
run 4 "drops what is queued" chanctl recv --timeout 0 clock
run 1 "a timer can't be sent to" chanctl send clock 1
run 1 "what is no timer" chanctl timer --stop numbers
is "says so" \
	"chanctl timer: numbers: the channel has no node (it is anonymous, or was destroyed), or is no timer" "$out"
run 5 "a timer that isn't there" chanctl timer --stop nothing
chanctl rm clock

# json
is "ls --json is JSON" "1 numbers 4 false" "$(chanctl ls --json | python3 -c '
import json, sys
a = json.load(sys.stdin)
print(len(a), a[0]["name"], a[0]["capacity"], str(a[0]["closed"]).lower())')"

# the module
run 1 "unload while a channel exists" chanctl unload
ok "$(grep -q "$node, numbers exists, with 0 elements" <<<"$out"; echo $?)" "names the channel"
exec {fd}<>"$node"
run 1 "unload while it is open" chanctl unload
ok "$(grep -q "process $$ (.*) has $node open as $fd" <<<"$out"; echo $?)" "names the process"
exec {fd}>&-
run 0 "load what is loaded" chanctl load
is "says so, and no more" "chan is loaded already" "$out"
version=$(chanctl --version 2>&1)
is "the module's version is chanctl's" "chanctl $(cat /sys/module/chan/version)" "$version"
echo 9.8.7 >/tmp/version
mount -o bind /tmp/version /sys/module/chan/version
run 0 "load where the module is of another version" chanctl load
is "warns of that" "chan is loaded already
chanctl load: the module is of version 9.8.7, and this of version ${version#* }: if another is \
installed, it is loaded after chanctl unload" "$out"
is "so does --version" "$version
chanctl: the module that is loaded is of version 9.8.7" "$(chanctl --version 2>&1)"
is "not where others read it" "$version" "$(chanctl --version 2>/dev/null)"
is "nor do other commands" "" "$(chanctl info --json numbers 2>&1 >/dev/null)"
umount /sys/module/chan/version
run 2 "load with no parameter" chanctl load nonsense
run 2 "no command" chanctl
run 2 "an unknown command" chanctl frobnicate
run 2 "an unknown option" chanctl ls --frobnicate
run 2 "no channel" chanctl send
run 2 "a wrong duration" chanctl recv --timeout 5x numbers
chanctl rm numbers
is "nothing is left" 1 "$(chanctl ls | wc -l)"

finish
