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

finish() {
	echo "1..$n"
	exit $failed
}
