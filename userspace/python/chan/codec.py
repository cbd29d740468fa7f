# SPDX-License-Identifier: LGPL-2.1-or-later
"""Element types: what a program says they are, and how values become bytes and back.

A type is said by one of

    int, float, bool    an element of 8, 8, 1 bytes
    '<qd'               a format of the struct module: a tuple, or of one field its value
    16                  exactly so many bytes
    None                nothing: a signal, as Go's struct{}
    bytes               a message
    str                 a message of UTF-8; what isn't comes and goes as with os.fsdecode()
    a codec             an object with encode(value) -> bytes and decode(bytes) -> value: a
                        message, or if it has a size, so many bytes; its type, if it has one,
                        is the type's name
"""
from __future__ import annotations

import struct
import sys
from typing import Any, Callable, NamedTuple, Optional, Protocol, Type, TypeVar, Union

from . import uapi

T = TypeVar("T")

MESSAGE_SIZE = 4096  # bytes of the longest message, unless something else is said


class Codec(Protocol[T]):
    """What makes an element of a value, and a value of an element."""

    def encode(self, value: T) -> bytes:
        """The bytes of an element."""

    def decode(self, data: bytes) -> T:
        """The value again."""


Spec = Union[Type[T], Codec[T], str, int, None]


class Elements(NamedTuple):
    """A type of elements: what the kernel is told, and the functions."""

    size: Optional[int]  # None: messages
    type: str            # its name, or ""
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]

    def __str__(self) -> str:
        return description(self.type, self.size is None, self.size)


def description(type: str, message: bool, size: Optional[int]) -> str:
    """A type in words."""
    kind = "messages" if message else f"elements of {size} bytes"
    return f"{kind} of type {type}" if type else kind


# Go's names for what one letter of the struct module stands for; chanctl knows them too.
_KINDS = {**dict.fromkeys("bhilqn", "int"), **dict.fromkeys("BHILQN", "uint"), "f": "float",
          "d": "float"}
_NATIVE = "<" if sys.byteorder == "little" else ">"
_FORMATS = {"bool": "=?", "byte": "=B", "rune": "=i"}
for _letter in "bhiqBHIQfd":
    _FORMATS[_KINDS[_letter] + str(8 * struct.calcsize("=" + _letter))] = "=" + _letter


def _type_of(s: struct.Struct) -> str:
    """The name of a format: Go's if it has one, else the format; too long ones have none."""
    order, letters = ("@", s.format) if s.format[:1] not in tuple("@=<>!") else \
        (s.format[0], s.format[1:])
    order = {"=": _NATIVE, "!": ">"}.get(order, order)
    if order in ("@", _NATIVE) and letters == "?":
        return "bool"
    if order in ("@", _NATIVE) and letters in _KINDS:
        return _KINDS[letters] + str(8 * s.size)
    name = order + letters.strip()
    return name if len(name) < uapi.TYPE_LEN else ""


def _struct_elements(format: str) -> Elements:
    try:
        s = struct.Struct(format)
    except struct.error as e:
        raise ValueError(f"{format!r} is no element type: {e}") from None
    single = len(s.unpack(bytes(s.size))) == 1

    def encode(value: Any) -> bytes:
        try:
            return s.pack(value) if single else s.pack(*value)
        except (struct.error, TypeError) as e:
            raise ValueError(f"{value!r} is no element of {s.format!r}: {e}") from None

    def decode(data: bytes) -> Any:
        fields = s.unpack(data)
        return fields[0] if single else fields

    return Elements(s.size, _type_of(s), encode, decode)


def _bytes_encode(value: Any) -> bytes:
    return value if isinstance(value, bytes) else bytes(memoryview(value))


def _sized(size: int, encode: Callable[[Any], bytes]) -> Callable[[Any], bytes]:
    """encode, but what is shorter or longer is refused: it would be another element's bytes."""
    def checked(value: Any) -> bytes:
        data = encode(value)
        if len(data) != size:
            raise ValueError(f"an element has {size} bytes, not {len(data)}")
        return data
    return checked


def _bytes_elements(size: int) -> Elements:
    if size < 0:
        raise ValueError(f"{size} is no size of an element")
    return Elements(size, "", _sized(size, _bytes_encode), bytes)


def _str_encode(value: Any) -> bytes:
    if not isinstance(value, str):
        raise TypeError(f"an element is a str, not {value!r}")
    return value.encode("utf-8", "surrogateescape")


def _str_decode(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _signal_encode(value: Any) -> bytes:
    if value is not None:
        raise TypeError(f"an element is None, not {value!r}")
    return b""


_CLASSES = {
    int: _struct_elements("=q"),
    float: _struct_elements("=d"),
    bool: _struct_elements("=?"),
    bytes: Elements(None, "", _bytes_encode, bytes),
    str: Elements(None, "string", _str_encode, _str_decode),
    None: Elements(0, "", _signal_encode, lambda data: None),
}


def _codec_elements(codec: Any) -> Elements:
    for name in "encode", "decode":
        if not callable(getattr(codec, name, None)):
            raise TypeError(f"{codec!r} is no element type: see chan.codec")
    size = getattr(codec, "size", None)
    encode = codec.encode if size is None else _sized(size, codec.encode)
    return Elements(size, getattr(codec, "type", ""), encode, codec.decode)


def elements(spec: Any) -> Elements:
    """What a program says, as this package uses it."""
    if spec is None or isinstance(spec, type) and spec in _CLASSES:
        return _CLASSES[spec]
    if isinstance(spec, str):
        return _struct_elements(spec)
    if isinstance(spec, int) and not isinstance(spec, bool):
        return _bytes_elements(spec)
    return _codec_elements(spec)


def elements_of(type: str, message: bool, size: int) -> Elements:
    """What a channel's own type stands for; bytes, if nothing is known of it."""
    if message:
        return _CLASSES[str if type == "string" else bytes]
    if type in _FORMATS and struct.calcsize(_FORMATS[type]) == size:
        return _struct_elements(_FORMATS[type])
    return _bytes_elements(size) if size else _CLASSES[None]
