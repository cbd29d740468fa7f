# SPDX-License-Identifier: GPL-2.0
"""chan/uapi.py is the header: a C compiler says what that is."""
import os
import re
import subprocess
import tempfile
import unittest

from chan import uapi

HEADERS = os.path.join(os.path.dirname(__file__), "../../../../uapi")
LAYOUTS = {v.name: v for v in vars(uapi).values() if isinstance(v, uapi.Layout)}
NUMBERS = {k: v for k, v in vars(uapi).items() if re.fullmatch("[A-Z]+[A-Z_]*", k) and
           isinstance(v, int)}


def program():
    """A C program that prints names, and what they are."""
    yield "#include <linux/chan.h>\n#include <stddef.h>\n#include <stdio.h>"
    yield "int main(void)\n{"
    for name in NUMBERS:
        yield f'\tprintf("{name} %llu\\n", (unsigned long long)CHAN_{name});'
    for layout in LAYOUTS.values():
        yield f"\tstruct {layout.name} {layout.name};"
        yield f'\tprintf("{layout.name} %zu\\n", sizeof({layout.name}));'
        for field in layout.fields:
            yield (f'\tprintf("{layout.name}.{field} %zu %zu\\n", offsetof(struct {layout.name}, '
                   f'{field}), sizeof({layout.name}.{field}));')
    yield "\treturn 0;\n}\n"


def of_the_compiler():
    with tempfile.TemporaryDirectory() as folder:
        binary = os.path.join(folder, "uapi")
        subprocess.run([os.environ.get("CC", "cc"), "-I", HEADERS, "-xc", "-", "-o", binary],
                       input="\n".join(program()), text=True, check=True)
        lines = subprocess.run([binary], stdout=subprocess.PIPE, text=True, check=True).stdout
    return {name: [int(n) for n in numbers]
            for name, *numbers in (line.split() for line in lines.splitlines())}


class Uapi(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.c = of_the_compiler()

    def test_there_is_something_to_compare(self):
        self.assertGreaterEqual(len(NUMBERS), 38)
        self.assertGreaterEqual(len(LAYOUTS), 12)

    def test_numbers(self):
        for name, value in NUMBERS.items():
            with self.subTest(name):
                self.assertEqual([value], self.c[name])

    def test_sizes(self):
        for name, layout in LAYOUTS.items():
            with self.subTest(name):
                self.assertEqual([layout.size], self.c[name])

    def test_fields(self):
        for name, layout in LAYOUTS.items():
            for field in layout.fields:
                with self.subTest(f"{name}.{field}"):
                    offset, size = self.c[f"{name}.{field}"]
                    width = 8 * size if size <= 8 else None
                    ones = 2**(width - 1) - 1 if width else b"\xff" * size
                    data = layout.pack(**{**({"size": 0} if "size" in layout.fields else {}),
                                          field: ones})
                    at = [i for i, byte in enumerate(data) if byte]
                    self.assertEqual(list(range(offset, offset + size)), at)
                    self.assertEqual(ones, getattr(layout.unpack(data), field))

    def test_sizes_are_filled_in(self):
        for layout in LAYOUTS.values():
            if layout.fields[0] == "size":
                self.assertEqual(layout.size, layout.unpack(layout.pack()).size)

    def test_no_structure_is_too_long_for_ioctl_to_let_other_threads_run(self):
        for layout in LAYOUTS.values():
            self.assertLessEqual(layout.size, 1024)
