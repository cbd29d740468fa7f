#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Python's chan over the module: the tests of userspace/python/test, which print TAP. With a
# name, or a part of one, only those tests.

here=${T:+$T/python}
here=${here:-$(dirname "$0")/../../userspace/python}
export PYTHONDONTWRITEBYTECODE=1

if [ ! -e /dev/chanctl ]; then
	echo "1..0 # SKIP the module isn't loaded"
	exit 4
fi
exec python3 -S "$here/test/tap.py" "$here/test" "$@"
