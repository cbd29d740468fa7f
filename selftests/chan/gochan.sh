#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Go programs on a channel's device, with os.OpenFile, Read and Write alone: to each other
# and to cat, through channels of which the handles stand by.

here=$(cd "$(dirname "$0")" && pwd)
gochan=$here/gochan.bin
work=$(mktemp -d)
# shellcheck source=/dev/null
. "$here/tap.sh"

# What N goroutines send, COUNT each.
sent() {
	local i
	for ((i = 0; i < $1; i++)); do
		seq $((i << 32)) $(((i << 32) + $2 - 1))
	done
}

# Is the file what N goroutines have sent, each element once?
all_there() {
	sent "$2" "$3" >"$work/sent"
	sort -n "$1" >"$work/received"
	cmp "$work/sent" "$work/received" && return
	echo "# $(wc -l <"$work/received") received of $(wc -l <"$work/sent")"
	return 1
}

# Until so many programs have said that they wait.
waiting() {
	until [ "$(grep -c waiting "$work/deadlines")" = "$1" ]; do
		sleep 0.01
	done
}

numbers() {
	od -An -v -w8 -t u8 | tr -d ' '
}

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
trap 'rm -rf "$work"' EXIT
echo "TAP version 13"
for capacity in 0 1 64; do
	node() { chanctl create --elem-size 8 --capacity $capacity --standby --autoclose "$1"; }

	# Two processes that receive and two that send, four goroutines each.
	path=$(node gophers)
	: >"$work/deadlines"
	"$gochan" recv "$path" 4 >"$work/1" 2>>"$work/deadlines" & one=$!
	"$gochan" recv "$path" 4 >"$work/2" 2>>"$work/deadlines" & two=$!
	waiting 2
	"$gochan" send "$path" 500 8
	ok $? "capacity $capacity: Go sends to Go"
	wait $one
	ok $? "capacity $capacity: Go receives, with deadlines"
	wait $two
	ok $? "capacity $capacity: another Go program receives, with deadlines"
	cat "$work/1" "$work/2" >"$work/both"
	all_there "$work/both" 8 500
	ok $? "capacity $capacity: Go to Go, each element once"
	sed 's/^/# /' "$work/deadlines"
	chanctl rm gophers

	# cat receives as much at once as there is.
	path=$(node gophers)
	cat "$path" >"$work/raw" & one=$!
	"$gochan" send "$path" 500 8
	ok $? "capacity $capacity: Go sends to C"
	wait $one
	numbers <"$work/raw" >"$work/both"
	all_there "$work/both" 8 500
	ok $? "capacity $capacity: Go to C, each element once"
	chanctl rm gophers

	path=$(node gophers)
	: >"$work/deadlines"
	"$gochan" recv "$path" 4 >"$work/both" 2>>"$work/deadlines" & one=$!
	waiting 1
	cat "$work/raw" >"$path"
	ok $? "capacity $capacity: C sends to Go"
	wait $one
	all_there "$work/both" 8 500
	ok $? "capacity $capacity: C to Go, each element once"
	chanctl rm gophers
done
finish
