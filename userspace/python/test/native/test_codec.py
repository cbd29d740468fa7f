# SPDX-License-Identifier: GPL-2.0
"""Element types, without a channel."""
import json
import struct
import sys
import unittest

from chan import codec
from support import fails


class Json:
    type = "json"

    @staticmethod
    def encode(value):
        return json.dumps(value).encode()

    decode = staticmethod(json.loads)


class Types(unittest.TestCase):
    def test_values_come_back(self):
        for spec, value in [
                (int, -5), (float, 0.5), (bool, True), ("<q", 2**62), ("=i", -7), ("<qd", (1, 2.5)),
                ("!H", 65535), ("4s", b"abcd"), ("", ()), (bytes, b"\0\xff"), (bytes, b""),
                (str, "\u03b1"), (str, ""), (str, "\udc80"), (None, None), (3, b"abc"), (0, b""),
                (Json, {"a": [1, None]}), (Json(), "x")]:
            with self.subTest(spec=spec):
                elements = codec.elements(spec)
                data = elements.encode(value)
                self.assertIsInstance(data, bytes)
                self.assertEqual(value, elements.decode(data))
                if elements.size is not None:
                    self.assertEqual(elements.size, len(data))

    def test_names_are_those_of_go(self):
        native, foreign = ("<", ">") if sys.byteorder == "little" else (">", "<")
        for spec, name in [
                (int, "int64"), (float, "float64"), (bool, "bool"), (native + "q", "int64"),
                ("=I", "uint32"), ("b", "int8"), ("@l", f"int{8 * struct.calcsize('l')}"),
                ("f", "float32"), (str, "string"), (bytes, ""), (None, ""), (8, ""),
                (Json, "json"), (foreign + "q", foreign + "q"), ("=qd", native + "qd"),
                ("qd", "@qd"), ("!I", "uint32" if native == ">" else ">I"),
                ("q" * 31, ""), ("q" * 30, "@" + "q" * 30)]:
            with self.subTest(spec=spec):
                self.assertEqual(name, codec.elements(spec).type)

    def test_a_name_of_go_says_what_to_take_it_for(self):
        for type, message, size, spec in [
                ("int64", False, 8, int), ("uint16", False, 2, "=H"), ("rune", False, 4, "=i"),
                ("byte", False, 1, "=B"), ("bool", False, 1, bool), ("float32", False, 4, "=f"),
                ("string", True, 64, str), ("", True, 64, bytes), ("json", True, 64, bytes),
                ("", False, 0, None)]:
            with self.subTest(type=type):
                got = codec.elements_of(type, message, size)
                value = {str: "x", bytes: b"x", None: None, bool: True, "=f": 0.5}.get(spec, 5)
                self.assertEqual(codec.elements(spec).encode(value), got.encode(value))
                self.assertEqual(value, got.decode(got.encode(value)))

    def test_an_unknown_type_is_bytes(self):
        for type, size in ("struct job", 8), ("int64", 4), ("", 8):
            self.assertEqual(b"x" * size, codec.elements_of(type, False, size).decode(b"x" * size))

    def test_bytes_are_any_buffer(self):
        for value in b"ab", bytearray(b"ab"), memoryview(b"ab"):
            self.assertEqual(b"ab", codec.elements(bytes).encode(value))
            self.assertEqual(b"ab", codec.elements(2).encode(value))

    def test_a_codec_may_have_a_size(self):
        class Pair(Json):
            size = 6
        elements = codec.elements(Pair)
        self.assertEqual(6, elements.size)
        self.assertEqual(b"[1, 2]", elements.encode([1, 2]))
        with fails(self, ValueError, "an element has 6 bytes, not 7"):
            elements.encode([1, 20])

    def test_wrong_values(self):
        for spec, value, error, text in [
                (int, "x", ValueError,
                 "'x' is no element of '=q': required argument is not an integer"),
                ("<4sb", (b"abcd", None), ValueError, "(b'abcd', None) is no element of '<4sb': "
                 "required argument is not an integer"),
                ("<qd", (1,), ValueError, "(1,) is no element of '<qd': "
                 "pack expected 2 items for packing (got 1)"),
                (str, b"x", TypeError, "an element is a str, not b'x'"),
                (bytes, "x", TypeError, "memoryview: a bytes-like object is required, not 'str'"),
                (bytes, 5, TypeError, "memoryview: a bytes-like object is required, not 'int'"),
                (4, b"abcde", ValueError, "an element has 4 bytes, not 5"),
                (4, b"abcdefgh", ValueError, "an element has 4 bytes, not 8"),
                (4, b"", ValueError, "an element has 4 bytes, not 0"),
                (None, 1, TypeError, "an element is None, not 1")]:
            with self.subTest(spec=spec, value=value), fails(self, error, text):
                codec.elements(spec).encode(value)

    def test_wrong_types(self):
        for spec, error, text in [
                ("<y", ValueError, "'<y' is no element type: bad char in struct format"),
                (-1, ValueError, "-1 is no size of an element"),
                (list, TypeError, "<class 'list'> is no element type: see chan.codec"),
                (1.5, TypeError, "1.5 is no element type: see chan.codec"),
                (True, TypeError, "True is no element type: see chan.codec")]:
            with self.subTest(spec=spec), fails(self, error, text):
                codec.elements(spec)
