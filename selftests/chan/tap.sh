#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# What tests in shell share: they source this, and call finish last. The output is TAP.

n=0
failed=0

# ok STATUS NAME
ok() {
	n=$((n + 1))
	if [ "$1" = 0 ]; then
		echo "ok $n $2"
	else
		echo "not ok $n $2"
		failed=1
	fi
}

# is NAME WANTED GOT
is() {
	local same=0
	[ "$2" = "$3" ] || same=1
	ok $same "$1"
	[ $same = 0 ] || printf '# wanted: %q\n# got:    %q\n' "${2:0:500}" "${3:0:500}"
}

# go_tests COMMAND...: each test that a Go program says to have passed, with -test.v, is one
# here. What else it says is in front. One that it skipped has failed, as has the program
# that ends in another way than its tests say.
go_tests() {
	local log status=0 line name
	log=$(mktemp)
	"$@" >"$log" 2>&1 || status=$?
	while read -r line; do
		name=${line#*: }
		case $line in
		"--- PASS: "*) ok 0 "${name% (*}" ;;
		"--- FAIL: "*) ok 1 "${name% (*}" ;;
		"--- SKIP: "*) ok 1 "${name% (*} was not skipped" ;;
		"=== "*) ;;
		*) printf '# %s\n' "$line" ;;
		esac
	done <"$log"
	grep -q '^--- PASS: ' "$log" || status=1
	ok "$status" "${1##*/} ends well"
	rm "$log"
}

# parked CHANNEL SENDERS RECEIVERS: wait until so many are.
parked() {
	until [ "$(chanctl info --json "$1" | tr -d ' ,"' |
		   grep -c -e "^parked_senders:$2\$" -e "^parked_receivers:$3\$")" = 2 ]; do
		:
	done
}

finish() {
	echo "1..$n"
	exit $failed
}
