#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# The examples do what they say: each is run, and what it prints compared with what the
# tools that everybody has find, or with what is known.

work=$(mktemp -d)
export LC_ALL=C
# shellcheck source=/dev/null
. "$(dirname "$0")/tap.sh"

# run STATUS NAME COMMAND...: what it prints is in $out, what it complains about in $err
run() {
	local want=$1 name=$2
	shift 2
	out=$("$@" 2>"$work/err")
	local status=$?
	err=$(<"$work/err")
	is "$name" "$want" "$status"
	[ "$status" = "$want" ] || sed 's/^/# /' "$work/err"
}

# usage PROGRAM STATUS ARGUMENT...: wrong arguments are told how to be right.
usage() {
	local program=$1 status=$2
	shift 2
	run "$status" "$program $*: it is used in another way" "$program" "$@"
	ok "$(grep -qi -e usage: -e "$program --help" <<<"$err"; echo $?)" "$program $*: it says how"
}

# Until a file has so many lines with a word.
until_lines() {
	until [ "$(grep -c -e "$3" "$1")" -ge "$2" ]; do
		sleep 0.01
	done
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
if ! type -P gogrep >/dev/null; then
	echo "1..0 # SKIP the examples aren't in PATH"
	exit 4
fi
trap 'rm -rf "$work"' EXIT
cd "$work" || exit
echo "TAP version 13"

# sieve, wordcount
run 0 "sieve" sieve 12
is "sieve prints primes" "2 3 5 7 11 13 17 19 23 29 31 37" "$out"
printf 'one two\ntwo, three; three\nthree\n' >text
chanctl create --message 256 lines >/dev/null
chanctl create --message 256 words >/dev/null
chanctl create --elem-size 0 finished >/dev/null
wordcount worker lines words finished &
wordcount worker lines words finished &
wordcount closer finished 2 words &
wordcount reader text lines &
run 0 "wordcount" wordcount merger words
is "wordcount counts" "1 one 3 three 2 two" "$(xargs <<<"$out")"
wait
for name in lines words finished; do
	chanctl rm "$name"
done
usage wordcount 2 nothing

# pool: sums of files, by processes that are killed
for i in $(seq 20); do
	seq "$i" $((i * 100)) >"sum$i"
done
: >sum0
cksum sum* >wanted
run 0 "pool" pool -w 3 sum*
is "pool prints what cksum does" "$(<wanted)" "$out"
run 0 "pool with one worker" pool -w 1 sum1 sum2
is "it prints that, too" "$(cksum sum1 sum2)" "$out"
run 1 "pool with a file that isn't there" pool sum1 nothing sum2
is "the others' sums are printed" "$(cksum sum1 sum2)" "$out"
is "and why there is none of it" "pool: nothing: No such file or directory" "$err"
usage pool 64
usage pool 64 -w 0 sum1

# A fifo is a file over which a worker is for as long as one likes.
mkfifo pipe
holders() {
	sed -n 's/^pool: worker \([0-9]*\) takes pipe$/\1/p' said
}
workers_of() {
	grep -l "^PPid:[[:space:]]*$1\$" /proc/[0-9]*/status 2>/dev/null | tr -cd '0-9\n'
}
# With files around it, of which others are in work or not when somebody dies.
begin() {
	pool -v -w 3 sum1 sum2 pipe sum3 sum4 sum5 >out 2>said &
	pool=$!
	until_lines said 1 "takes pipe"
}
cp sum20 pipe.is
cksum sum1 sum2 pipe.is sum3 sum4 sum5 | sed 's/pipe.is/pipe/' >wanted

begin
kill -9 "$(holders)"
until_lines said 2 "takes pipe"
cat pipe.is >pipe
wait $pool
is "pool, a worker killed over a file: it succeeds" 0 $?
is "no file is lost" "$(<wanted)" "$(<out)"
is "one has died" 1 "$(grep -c "has died" said)"

begin
for pid in $(workers_of $pool); do
	[ "$pid" = "$(holders)" ] || kill -9 "$pid"
done
until_lines said 2 "has died"
cat pipe.is >pipe
wait $pool
is "pool, all others killed: it succeeds" 0 $?
is "no file is lost either" "$(<wanted)" "$(<out)"

begin
for i in 1 2 3; do
	until_lines said $i "takes pipe"
	kill -9 "$(holders | tail -n 1)"
done
wait $pool
is "pool, a file over which all die: it fails" 1 $?
is "the other files are done" "$(grep -v pipe wanted)" "$(<out)"
ok "$(grep -q "pipe: 3 workers have died over it" said; echo $?)" "it says which file it is"

begin
mapfile -t workers < <(workers_of $pool)
kill -9 $pool
wait $pool 2>/dev/null
echo >pipe
for pid in "${workers[@]}"; do
	while [ -e "/proc/$pid" ]; do
		sleep 0.01
	done
done
is "pool itself killed: its three workers end" 3 ${#workers[@]}

# dupes: files of the same content
mkdir -p twins/deep/er
echo twin | tee twins/a twins/b twins/deep/er/c >/dev/null
echo twim >twins/d
seq 1000 | tee twins/deep/e twins/f >/dev/null
echo alone >twins/g
ln -s a twins/link
run 0 "dupes" dupes twins
is "dupes prints groups" \
	$'twins/a\ntwins/b\ntwins/deep/er/c\n\ntwins/deep/e\ntwins/f\n' "$out"$'\n'
for i in $(seq 300); do
	echo $((i % 100)) >"twins/deep/$i"
done
rm twins/a
run 0 "dupes of hundreds" dupes twins
is "dupes finds each group" 102 "$(grep -c '^$' <<<"$out"$'\n')"
is "and each file of them" 304 "$(grep -c . <<<"$out")"
run 1 "dupes of a folder that isn't there" dupes nothing twins/deep/er
is "it says so" "dupes: nothing: No such file or directory" "$err"
is "and finds nothing in the other" "" "$out"
usage dupes 2

# fanin: lines from many, with times
printf '%s\n' a1 a2 a3 >a
printf '%s\n' b1 b2 >b
run 0 "fanin" fanin a b
is "fanin prints all lines of all" "a: a1 a: a2 a: a3 b: b1 b: b2" "$(sort <<<"$out" | xargs)"
is "those of one file in order" "a: a1 a: a2 a: a3" "$(grep ^a <<<"$out" | xargs)"
mkfifo silent
exec 3<>silent
echo hello >&3
run 1 "fanin ends when nobody says anything" fanin -i $((2 * ${SLOW:-1})) silent a
is "what was said is printed" "a: a1 a: a2 a: a3 silent: hello" "$(sort <<<"$out" | xargs)"
is "it says why it ends" "fanin: nobody has said anything for too long" "$err"
exec 3>&-
(while echo word; do sleep 0.02; done) >silent 2>/dev/null &
talker=$!
run 1 "fanin ends when its time is over, though there is talk" fanin -i 600 -t 0.5 silent
is "it says that it ends for time" "fanin: the time is over" "$err"
kill $talker 2>/dev/null
wait $talker 2>/dev/null
run 0 "fanin of a file that isn't there" fanin nothing a
is "it says which" "fanin: nothing: No such file or directory" "$err"
is "the other's lines come" "a: a1 a: a2 a: a3" "$(xargs <<<"$out")"
usage fanin 64
usage fanin 64 -i x a

# deadline: factors in time, or not
run 0 "deadline" deadline -t 600000 1 2 12 97 1001 1000000007 18446744073709551615
is "deadline prints factors" "1: 2: 2 12: 2 2 3 97: 97 1001: 7 11 13 1000000007: 1000000007 \
18446744073709551615: 3 5 17 257 641 65537 6700417" "$(xargs <<<"$out")"
# The largest prime of 64 bits: four thousand million divisions.
ms=$((500 * ${SLOW:-1}))
run 1 "deadline without time" deadline -t $ms 18446744073709551557 12 18446744073709551557 15
is "what is quick is answered" "12: 2 2 3 15: 3 5" "$(xargs <<<"$out")"
is "the others aren't" 2 "$(grep -c "^deadline: 18446744073709551557: no answer within $ms ms$" <<<"$err")"
usage deadline 64
usage deadline 64 -- -1
usage deadline 64 18446744073709551616
usage deadline 64 -t 0 1

# throttle: not faster than that
begin=${EPOCHREALTIME/./}
run 0 "throttle" throttle -r 20 -b 2 <<<"$(seq 5)"
end=${EPOCHREALTIME/./}
is "throttle copies" "1 2 3 4 5" "$(xargs <<<"$out")"
ok "$([ $((end - begin)) -ge 150000 ]; echo $?)" "two lines at once, and three at 20 a second"
run 0 "throttle lets a burst through" timeout $((60 * ${SLOW:-1})) throttle -r 0.001 -b 500 <<<"$(seq 500)"
is "all of it" "$(seq 500)" "$out"
run 124 "and not a line more" timeout 1 throttle -r 0.001 -b 3 <<<"$(seq 4)"
is "but those before" "1 2 3" "$(xargs <<<"$out")"
run 0 "throttle of a last line without an end" throttle -b 9 < <(printf 'a\nb')
is "it stays without" "a b" "$(xargs <<<"$out")"
usage throttle 64 -r 0
usage throttle 64 -b x

# funnel: what goes in comes out, each channel's in order
for i in $(seq 8); do
	chanctl create --message 16 --capacity $((i % 3)) "in$i" >/dev/null
done
chanctl create --message 16 --capacity 4 all >/dev/null
funnel -c -v all in1 in2 in3 in4 in5 in6 in7 in8 2>"$work/said" &
funnel=$!
for i in $(seq 8); do
	seq "$i" 8 $((8 * 50)) | chanctl send --close "in$i" &
done
run 0 "funnel" chanctl recv --follow all
wait $funnel
is "funnel ends when all are closed" 0 $?
is "all of it comes out" "$(seq 400)" "$(sort -n <<<"$out")"
for i in $(seq 8); do
	is "in$i's in order" "$(seq "$i" 8 400)" "$(awk "\$1 % 8 == $i % 8" <<<"$out")"
done
is "and is counted" "400 elements" "$(cut -d' ' -f1,2 "$work/said")"
run 1 "funnel from a channel that isn't there" funnel all nothing
usage funnel 64 all
usage funnel 64
for i in all $(seq -f in%g 8); do
	chanctl rm "$i"
done

# gogrep: as grep -rn, in the order of the walk
mkdir -p tree/sub/sub tree/zero
for i in $(seq 100 $((100 + 200 / ${SLOW:-1}))); do
	seq "$i" 7 $((i + 700)) >"tree/sub/$i"
done
printf 'Apple\nbanana\n\napple pie\nan apple' >tree/fruit
printf 'apple\0\n' >tree/zero/bytes
: >tree/empty
echo "apple deep" >tree/sub/sub/deep
grep_same() {
	local name=$1
	shift
	run 0 "gogrep $name" gogrep "$@"
	is "gogrep $name finds what grep does" "$(grep -rnI "$@" | sort)" "$(sort <<<"$out")"
}
grep_same "a word" apple tree
grep_same "with -i" -i aPPLe tree
grep_same "beginnings" '^a' tree
grep_same "ends" 'e$' tree
grep_same "empty lines" '^$' tree
grep_same "extended" -E '(ban|an)+a|^1[0-9]{2}$' tree
grep_same "many lines" '7' tree/sub tree/fruit
mapfile -t names < <(find tree/sub -type f | sort -r)
run 0 "gogrep of many files" gogrep 77 "${names[@]}"
is "it prints file after file as they are named" "$(grep -n 77 "${names[@]}")" "$out"
is "a folder's files come in order" "$(grep -n 99 tree/sub/[0-9]*)" "$(gogrep 99 tree/sub)"
is "the current folder is the default" "./sub/deep:1:apple deep" "$(cd tree/sub && gogrep 'apple deep')"
run 1 "gogrep finds nothing" gogrep nowhere tree
run 2 "gogrep of a file that isn't there" gogrep deep nothing tree
is "it says which" "gogrep: nothing: No such file or directory" "$err"
is "and finds the rest" "tree/sub/sub/deep:1:apple deep" "$out"
run 2 "gogrep of a pattern that is none" gogrep '\(' tree
ok "$(grep -q '^gogrep: \\(: ' <<<"$err"; echo $?)" "it says what is wrong with it"
usage gogrep 2

# crawler: each page once
run 0 "crawler" crawler
is "crawler finds each page once" 'found: http://zoo/ "The zoo"
found: http://zoo/birds/ "Birds"
found: http://zoo/birds/gull "Gulls"
found: http://zoo/birds/owl "Owls"
found: http://zoo/fish/ "Fish"
found: http://zoo/fish/carp "Carps"
not found: http://zoo/dodo' "$(sort <<<"$out")"
run 0 "crawler, one page deep" crawler 1
is "it follows no link" 'found: http://zoo/ "The zoo"' "$out"
run 0 "crawler, two deep" crawler 2 http://zoo/fish/carp
is "it follows those of the first" 'found: http://zoo/fish/ "Fish"
found: http://zoo/fish/carp "Carps"' "$(sort <<<"$out")"
run 0 "crawler from a page that isn't there" crawler 4 http://moon/
is "it says so" "not found: http://moon/" "$out"
usage crawler 2 0
usage crawler 2 1 2 3

# trees: the same numbers in other shapes
for i in 1 2 3 4 5; do
	is "two trees of the same, $i" "the same" "$(trees 7 7)"
	is "two trees that aren't, $i" "different" "$(trees 7 $((7 + i)))"
done
usage trees 2 1
usage trees 2 1 0

finish
