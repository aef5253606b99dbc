"""Protocol buffers on the wire: the fields of one message, with every length checked before it is used.

Own and small, because only three messages of one file format are read, and the general library would be the one
dependency that parses a stranger's bytes in C++. Source: protobuf.dev/programming-guides/encoding.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..errors import NomoatError

VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
MAX_FIELDS = 1 << 22
Value = int | bytes


def fields(data: bytes, name: str) -> Iterator[tuple[int, int, Value]]:
    """(field number, wire type, value), numbers or bytes. ``invalid_checkpoint`` where the message is cut off."""
    at = 0
    for _ in range(MAX_FIELDS):
        if at == len(data):
            return
        key, at = _varint(data, at, name)
        number, wire = key >> 3, key & 7
        if wire == VARINT:
            value, at = _varint(data, at, name)
            yield number, wire, value
            continue
        if wire == BYTES:
            size, at = _varint(data, at, name)
        elif wire in (FIXED32, FIXED64):
            size = 4 if wire == FIXED32 else 8
        else:
            raise _broken(name)
        if size > len(data) - at:
            raise _broken(name)
        yield number, wire, data[at : at + size]
        at += size
    raise _broken(name)


def _varint(data: bytes, at: int, name: str) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise _broken(name)
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value & 0xFFFFFFFFFFFFFFFF, at
    raise _broken(name)


def _broken(name: str) -> NomoatError:
    return NomoatError("invalid_checkpoint", f"{name} is not a SentencePiece model, or it is cut off.", file=name)
