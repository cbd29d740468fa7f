#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Ordinary programs work on channels: bash, GNU's cat, dd, head, timeout and others,
# which know nothing of channels.
#
# interop.py, which lies beside this file, makes channels, closes and removes them,
# and waits until calls are parked in one: nothing here sleeps and hopes. With the
# name of a test as argument, this runs that test alone, and says nothing of TAP.
#
# shellcheck disable=SC2317 # the tests are called by their names
set -eEuo pipefail
export LC_ALL=C

helper=$(dirname "$0")/interop.py
work="" channels=()

# Make a channel of this element size and capacity, named $c from then on; what
# follows them are flags: message, autoclose, hangup.
new() {
	c=$("$helper" make "$@")
	channels+=("$c")
}

cleanup() {
	local status=$?

	[ ${#channels[@]} = 0 ] || "$helper" rm "${channels[@]}" || status=1
	rm -rf "$work"
	exit "$status"
}

fail() {
	echo "# $*" >&2
	exit 1
}

equal() {
	[ "$1" = "$2" ] || fail "expected '$1', not '$2'"
}

# The command, whose error message is put in the file "errors", fails with status 1
# (not by a signal, which would be 128 and more) and has this in its message.
says() {
	local message=$1 status=0

	shift
	"$@" 2>errors || status=$?
	equal 1 "$status"
	grep -q "$message" errors || fail "expected '$message', not '$(cat errors)'"
}

random() {
	head -c "$1" /dev/urandom >"$2"
}

# A file of SIZE bytes goes through a channel, from one cat to another.
cat_to_cat() {
	local size=$1 reader

	shift
	new "$@"
	random "$size" in
	cat "$c" >out &
	reader=$!
	cat in >"$c"
	"$helper" close "$c"
	wait "$reader"
	cmp in out
}

test_cat_4_mib_in_pages() { cat_to_cat 4194304 4096 16; }
test_cat_4_mib_in_pages_unbuffered() { cat_to_cat 4194304 4096 0; }
test_cat_4_mib_in_elements_of_128_kib() { cat_to_cat 4194304 131072 1; }
test_cat_4_mib_in_512_bytes() { cat_to_cat 4194304 512 1000; }
test_cat_1_mib_in_bytes() { cat_to_cat $((1048576 / ${SLOW:-1})) 1 65536; }
test_cat_64_kib_in_bytes_unbuffered() { cat_to_cat 65536 1 0; }
test_cat_3_mib_and_a_rest_in_messages() { cat_to_cat 3145751 131072 4 message; }
test_cat_a_rest_in_messages_unbuffered() { cat_to_cat 300007 131072 0 message; }

# cat writes 131,072 bytes at once, and the rest of a file is no whole element.
test_cat_does_not_split_an_element() {
	new 4096 100
	random 135000 in
	says 'Invalid argument' cat in >"$c"
	"$helper" close "$c"
	cat "$c" >out
	head -c 131072 in | cmp - out
}

test_cat_whole_file_stays_in_the_channel() {
	new 4096 1024
	random 4194304 in
	cat in >"$c"
	"$helper" close "$c"
	cat "$c" >out
	cmp in out
	cat "$c" >out
	[ ! -s out ] || fail "something came after the end"
}

test_cat_ends_when_the_last_writer_has_gone() {
	local reader

	new 4096 4 autoclose
	random 1048576 in
	cat "$c" >out &
	reader=$!
	cat in >"$c"
	wait "$reader"
	cmp in out
}

test_cat_sees_that_its_reader_has_gone() {
	local writer status=0

	new 4096 4 hangup
	random 131072 in
	env --default-signal=PIPE cat in 2>errors >"$c" &
	writer=$!
	"$helper" parked "$c" 1 0
	head -c 8192 "$c" >out
	wait "$writer" || status=$?
	equal 1 "$status"
	grep -q 'Broken pipe' errors
	head -c 8192 in | cmp - out
}

test_cat_two_readers_share() {
	local readers

	new 8 16
	seq -f %07.0f 0 9999 >in
	cat "$c" >out1 &
	readers=$!
	cat "$c" >out2 &
	readers="$readers $!"
	"$helper" parked "$c" 0 2
	cat in >"$c"
	"$helper" close "$c"
	for reader in $readers; do
		wait "$reader"
	done
	sort -c out1
	sort -c out2
	sort -m out1 out2 | cmp in -
}

test_cat_two_writers_share() {
	local reader writers

	new 8 16
	seq -f a%06.0f 0 4999 >in1
	seq -f b%06.0f 0 4999 >in2
	cat in1 >"$c" &
	writers=$!
	cat in2 >"$c" &
	writers="$writers $!"
	"$helper" parked "$c" 2 0
	cat "$c" >out &
	reader=$!
	for writer in $writers; do
		wait "$writer"
	done
	"$helper" close "$c"
	wait "$reader"
	grep a out | cmp in1 -
	grep b out | cmp in2 -
}

test_dd_one_element_a_block() {
	new 512 8
	random 4096 in
	dd if=in of="$c" bs=512 count=8 2>errors
	grep -q '^8+0 records out' errors
	dd if="$c" of=out bs=512 count=3 2>errors
	grep -q '^3+0 records in' errors
	head -c 1536 in | cmp - out
	dd if="$c" bs=512 count=5 2>errors >>out
	cmp in out
}

test_dd_takes_what_is_there() {
	new 512 8
	random 1536 in
	dd if=in of="$c" bs=1536 2>errors
	dd if="$c" of=out bs=4096 count=1 2>errors
	grep -q '^0+1 records in' errors
	cmp in out
}

test_dd_full_blocks() {
	local reader

	new 512 2
	random 8192 in
	dd if="$c" of=out bs=4096 count=2 iflag=fullblock 2>errors &
	reader=$!
	dd if=in of="$c" bs=512 2>/dev/null
	wait "$reader"
	grep -q '^2+0 records in' errors
	cmp in out
}

test_dd_pads_the_last_element() {
	new 512 2
	random 700 in
	dd if=in of="$c" bs=512 conv=sync 2>errors
	"$helper" close "$c"
	cat "$c" >out
	{ cat in; head -c 324 /dev/zero; } | cmp - out
}

test_dd_with_a_wrong_size() {
	new 512 8
	random 1000 in
	says 'Invalid argument' dd if=in of="$c" bs=100 count=1
	says 'Invalid argument' dd if=in of="$c" bs=1000 count=1
	dd if=in of="$c" bs=512 count=1 2>errors
	says 'Invalid argument' dd if="$c" of=out bs=511 count=1
	dd if="$c" of=out bs=512 count=1 2>errors
	head -c 512 in | cmp - out
}

test_dd_nonblock() {
	new 4 1
	says 'Resource temporarily unavailable' dd if="$c" of=out bs=4 count=1 iflag=nonblock
	printf abcd >"$c"
	printf efgh >in
	says 'Resource temporarily unavailable' dd if=in of="$c" bs=4 count=1 oflag=nonblock
	equal abcd "$(dd if="$c" bs=4 count=1 iflag=nonblock 2>/dev/null)"
}

test_timeout_ends_a_reader_that_waits() {
	local capacity status

	for capacity in 0 4; do
		new 4 "$capacity"
		status=0
		timeout 0.2 cat "$c" >out || status=$?
		equal 124 "$status"
		[ ! -s out ] || fail "something came from an empty channel"
		"$helper" parked "$c" 0 0
	done
	printf abcdefgh >"$c"
	"$helper" close "$c"
	equal abcdefgh "$(cat "$c")"
}

test_timeout_ends_a_writer_that_waits() {
	local status=0 writer

	new 4 2
	printf abcdefghijkl >in
	timeout 100 cat in >"$c" &
	writer=$!
	"$helper" parked "$c" 1 0
	kill -ALRM "$writer" # its timer would, later
	wait "$writer" || status=$?
	equal 124 "$status"
	"$helper" parked "$c" 0 0
	printf mnop >other
	status=0
	timeout 0.2 cat other >"$c" || status=$?
	equal 124 "$status"
	"$helper" close "$c"
	equal abcdefgh "$(cat "$c")"
}

test_shell_printf_and_head() {
	new 4 8
	printf 'abcdefgh' >"$c"
	printf 'ijkl' >>"$c"
	equal abcd "$(head -c 4 "$c")"
	equal efghijkl "$(head -c 8 <"$c")"
}

test_shell_opens_for_both() {
	local fd

	new 1 64
	exec {fd}<>"$c"
	echo 'there and back' >&"$fd"
	equal there "$(head -c 5 <&"$fd")"
	equal ' and back' "$(head -c 10 <&"$fd")"
	exec {fd}>&-
}

# bash reads one byte at a time of what can't be sought, so none is lost.
test_shell_read_takes_a_line_and_no_more() {
	local fd one two

	new 1 64
	printf 'one\ntwo 2\nthree\n' >"$c"
	exec {fd}<"$c"
	read -r one <&"$fd"
	read -r -u "$fd" two
	equal one "$one"
	equal 'two 2' "$two"
	equal three "$(head -c 6 <&"$fd")"
	exec {fd}<&-
}

test_shell_read_waits_for_the_line() {
	local reader

	new 1 0
	{ read -r line <"$c" && echo "$line" >out; } &
	reader=$!
	"$helper" parked "$c" 0 1
	printf 'in ' >"$c"
	"$helper" parked "$c" 0 1
	printf 'parts\n' >"$c"
	wait "$reader"
	equal 'in parts' "$(cat out)"
}

test_shell_read_with_a_timeout() {
	local line status=0

	new 1 64
	read -r -t 0.2 line <"$c" || status=$?
	[ "$status" -gt 128 ] || fail "status $status, not that of a timeout"
	echo late >"$c"
	read -r -t 60 line <"$c"
	equal late "$line"
}

test_shell_loop_over_lines() {
	local line n=0

	new 1 4 autoclose
	seq 500 >"$c" &
	while read -r line; do
		n=$((n + 1))
		equal "$n" "$line"
	done <"$c"
	equal 500 "$n"
	wait $!
}

test_shell_mapfile() {
	local lines

	new 1 256
	seq 20 >"$c"
	"$helper" close "$c"
	mapfile -t lines <"$c"
	equal "$(seq 20 | tr '\n' ' ')" "${lines[*]} "
}

test_shell_one_message_a_line() {
	new 64 4 message
	echo 'first line' >"$c"
	echo second >"$c"
	printf 'the third' >"$c"
	equal 'first line' "$(head -c 11 "$c")"
	equal second "$(dd if="$c" bs=64 count=1 2>/dev/null)"
	"$helper" close "$c"
	equal 'the third' "$(cat "$c")"
}

test_shell_message_too_long_to_send() {
	new 8 4 message
	printf 123456789 >in
	says 'Message too long' cat in >"$c"
	printf 12345678 >"$c"
	equal 12345678 "$(head -c 8 "$c")"
}

test_shell_message_too_long_to_receive_stays() {
	new 64 4 message
	echo 'longer than five' >"$c"
	says 'Message too long' head -c 5 "$c"
	equal 'longer than five' "$(head -c 17 "$c")"
}

test_shell_empty_redirection_sends_nothing() {
	new 1 4
	: >"$c"
	printf '' >"$c"
	printf x >"$c"
	"$helper" close "$c"
	equal x "$(cat "$c")"
}

test_filters_read_to_the_end() {
	local filter

	seq 300 >in
	for filter in 'wc -c' 'wc -l' 'sort -rn' 'tail -n 3' 'tail -c 30' 'grep 7' 'tr 1 2' \
		      'sed -n s/3/x/p' 'cut -c2' 'uniq' 'od -c'; do
		new 1 4096
		cat in >"$c"
		"$helper" close "$c"
		# shellcheck disable=SC2086
		equal "$($filter <in)" "$($filter <"$c")"
	done
}

test_pipeline_of_channels() {
	local source jobs

	new 1 16 autoclose
	source=$c
	new 1 16 autoclose
	seq 2000 >in
	tr 0-9 a-j <"$source" >"$c" &
	jobs=$!
	cat "$c" >out &
	jobs="$jobs $!"
	cat in >"$source"
	for job in $jobs; do
		wait "$job"
	done
	tr 0-9 a-j <in | cmp - out
}

test_tee_to_two_channels() {
	local first

	new 1 4096
	first=$c
	new 1 4096
	seq 100 | tee "$first" >"$c"
	"$helper" close "$first"
	"$helper" close "$c"
	cat "$first" >out1
	cat "$c" >out2
	seq 100 | cmp - out1
	seq 100 | cmp - out2
}

test_close_wakes_readers() {
	local capacity reader

	for capacity in 0 4; do
		new 4096 "$capacity"
		cat "$c" >out &
		reader=$!
		"$helper" parked "$c" 0 1
		"$helper" close "$c"
		wait "$reader"
		[ ! -s out ] || fail "something came from an empty channel"
	done
}

test_close_wakes_writers() {
	local capacity writer status

	for capacity in 0 2; do
		new 4 "$capacity"
		printf abcdefghijkl >in
		env --default-signal=PIPE cat in 2>errors >"$c" &
		writer=$!
		"$helper" parked "$c" 1 0
		"$helper" close "$c"
		status=0
		wait "$writer" || status=$?
		equal 1 "$status"
		grep -q 'Broken pipe' errors
		cat "$c" >out
		head -c $((4 * capacity)) in | cmp - out
	done
}

test_closed_is_a_broken_pipe_without_sigpipe() {
	new 4 2
	"$helper" close "$c"
	printf abcd >in
	says 'Broken pipe' env --default-signal=PIPE cat in >"$c"
	says 'Broken pipe' env --default-signal=PIPE dd if=in of="$c" bs=4
	says 'Broken pipe' "$helper" close "$c"
	equal '' "$(cat "$c")"
}

# The shell says on its standard error that a job was killed.
killed() {
	local status=0

	kill -KILL "$1"
	{ wait "$1" || status=$?; } 2>/dev/null
	equal 137 "$status"
}

test_kill_a_reader_that_waits() {
	local reader

	new 4 4
	cat "$c" >out &
	reader=$!
	"$helper" parked "$c" 0 1
	killed "$reader"
	"$helper" parked "$c" 0 0
	printf abcdefgh >"$c"
	"$helper" close "$c"
	equal abcdefgh "$(cat "$c")"
	[ ! -s out ] || fail "the dead received"
}

test_kill_one_reader_of_two_unbuffered() {
	local first second

	new 4 0
	cat "$c" >out1 &
	first=$!
	"$helper" parked "$c" 0 1
	cat "$c" >out2 &
	second=$!
	"$helper" parked "$c" 0 2
	killed "$first"
	"$helper" parked "$c" 0 1
	printf abcdefgh >"$c"
	"$helper" close "$c"
	wait "$second"
	equal abcdefgh "$(cat out2)"
	[ ! -s out1 ] || fail "the dead received"
}

# What it was told is sent stays; what it waits with was never sent.
test_kill_a_writer_that_waits() {
	local capacity writer

	for capacity in 0 3; do
		new 4096 "$capacity"
		random 32768 in
		cat in >"$c" &
		writer=$!
		"$helper" parked "$c" 1 0
		killed "$writer"
		"$helper" parked "$c" 0 0
		"$helper" close "$c"
		cat "$c" >out
		head -c $((4096 * capacity)) in | cmp - out
	done
}

test_destroyed_under_a_reader_goes_on() {
	local fd gone

	new 1 16
	exec {fd}<>"$c"
	gone=$c
	"$helper" rm "$c"
	channels=()
	[ ! -e "$gone" ] || fail "$gone is still there"
	echo unlinked >&"$fd"
	equal unlinked "$(head -c 9 <&"$fd")"
	exec {fd}>&-
}

if [ $# = 1 ]; then
	trap 'echo "# line $LINENO: $BASH_COMMAND" >&2' ERR
	trap cleanup EXIT
	helper=$(cd "$(dirname "$0")" && pwd)/interop.py
	work=$(mktemp -d)
	cd "$work"
	"$1"
	exit
fi

echo "TAP version 13"
if [ ! -c /dev/chanctl ] || [ ! -w /dev/chanctl ]; then
	echo "1..0 # SKIP /dev/chanctl isn't there, or not for this user"
	exit 4
fi
# Others read and write in other sizes, and have fewer options.
for tool in cat dd env head seq timeout; do
	if ! "$tool" --version 2>/dev/null | grep GNU >/dev/null; then
		echo "1..0 # SKIP $tool isn't GNU's"
		exit 4
	fi
done
mapfile -t tests < <(compgen -A function test_)
echo "1..$((${#tests[@]} + 1))"
number=0 status=0

result() {
	number=$((number + 1))
	if "${@:2}" 2>&1; then
		echo "ok $number $1"
	else
		echo "not ok $number $1"
		status=1
	fi
}

# The kernel may let go of a node's device late, also that of a test before this one.
none_left() {
	local n
	for ((n = 0; n < 600; n++)); do
		[ "$("$helper" named)" -gt "$before" ] || return 0
		sleep 0.1
	done
	return 1
}

before=$("$helper" named)
for test in "${tests[@]}"; do
	result "${test#test_}" timeout 120 "$BASH" "$0" "$test"
done
result nothing_is_left none_left
exit "$status"
