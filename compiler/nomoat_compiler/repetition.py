"""Texts that resemble each other as what is new in each: gzip finds nothing that lies further back than 32 KiB.

A text is a list of pieces, which follow each other: characters, or [back, shift, length], which stand for ``length``
characters of the text ``back`` places before this one, from where this one is at plus ``shift`` on. Before that the
variables v_0, v_1, ... become v~d, with d how far the largest number so far is ahead: what follows a difference is then
the same again. Characters are ASCII, so that every language counts them alike. The runtime puts texts together again
(webgpu/library.ts).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

Piece = str | list[int]
# What is found has this many characters from a multiple of STRIDE on. Shorter finds cost more than they save.
KEY = 64
STRIDE = 16


def without_repetition(texts: Sequence[str]) -> list[list[Piece]]:
    """The pieces of each text. Of equal finds the latest is taken."""
    places: dict[str, tuple[int, int]] = {}  # characters -> the latest text that has them, and where
    result = []
    relative = [_relative(text) for text in texts]
    for number, text in enumerate(relative):
        result.append(_pieces(number, text, relative, places))
        for start in range(0, len(text) - KEY + 1, STRIDE):
            places[text[start : start + KEY]] = (number, start)
    return result


def whole_texts(pieces: Sequence[Sequence[Piece]]) -> list[str]:
    """The inverse."""
    texts: list[str] = []
    for own in pieces:
        text = ""
        for piece in own:
            if isinstance(piece, str):
                text += piece
            else:
                back, shift, length = piece
                start = len(text) + shift
                text += texts[len(texts) - back][start : start + length]
        texts.append(text)
    return [_absolute(text) for text in texts]


def _relative(text: str) -> str:
    assert text.isascii() and "v~" not in text
    largest = -1

    def ahead(match: re.Match[str]) -> str:
        nonlocal largest
        number = int(match[1])
        name = f"v~{largest - number}"
        largest = max(largest, number)
        return name

    return re.sub(r"\bv_(\d+)\b", ahead, text)


def _absolute(text: str) -> str:
    largest = -1

    def number_of(match: re.Match[str]) -> str:
        nonlocal largest
        number = largest - int(match[1])
        largest = max(largest, number)
        return f"v_{number}"

    return re.sub(r"v~(-?\d+)", number_of, text)


def _pieces(number: int, text: str, texts: Sequence[str], places: dict[str, tuple[int, int]]) -> list[Piece]:
    pieces: list[Piece] = []
    at = new = 0  # what begins at ``new`` is not written yet
    while at + KEY <= len(text):
        found = places.get(text[at : at + KEY])
        if found is None:
            at += 1
            continue
        other, start = texts[found[0]], found[1]
        first, length = at, KEY
        while first > new and start > 0 and text[first - 1] == other[start - 1]:
            first, start, length = first - 1, start - 1, length + 1
        most = min(len(text) - first, len(other) - start)
        while length < most and text[first + length] == other[start + length]:
            length += 1
        if first > new:
            pieces.append(text[new:first])
        pieces.append([number - found[0], start - first, length])
        at = new = first + length
    if new < len(text):
        pieces.append(text[new:])
    return pieces
