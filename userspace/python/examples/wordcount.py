#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Count the words of lines that others send.

    chanctl create --message 4096 --capacity 64 lines
    wordcount.py lines 10 &
    chanctl send --close lines < /usr/share/common-licenses/GPL-3

Any number of these may run at once: each line is counted by one of them.
"""
import collections
import re
import sys

import chan


def main(name: str, most: int) -> None:
    words: "collections.Counter[str]" = collections.Counter()
    with chan.open(name, "r", str) as lines:
        for line in lines:
            words.update(re.findall(r"[a-z]+", line.lower()))
    for word, count in words.most_common(most):
        print(f"{count:7} {word}")


if __name__ == "__main__":
    if len(sys.argv) != 3 or not sys.argv[2].isdecimal():
        sys.exit("Usage: wordcount.py CHANNEL NUMBER")
    try:
        main(sys.argv[1], int(sys.argv[2]))
    except OSError as e:
        sys.exit(f"wordcount.py: {e.filename}: {e.strerror}")
