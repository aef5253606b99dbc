"""The BPE merges that a SentencePiece vocabulary with scores stands for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

Merge = tuple[str, str]


def merges_from_scores(pieces: dict[str, int], scores: Sequence[float]) -> list[Merge]:
    """Every split of a piece into two pieces, the best score first.

    SentencePiece joins the adjacent pair whose joined piece has the highest score; BPE joins the pair with the lowest
    rank. ``pieces`` holds normal pieces only: SentencePiece never joins into, or out of, control, byte and user-defined
    ones. Splits of one piece come in the order of transformers' generate_merges (convert_slow_tokenizer.py): the longer
    left part first, also among pieces of one score.
    """
    ranked = sorted(pieces, key=lambda piece: scores[pieces[piece]], reverse=True)
    merges: list[Merge] = []
    for _, same in groupby(ranked, key=lambda piece: scores[pieces[piece]]):
        found = [merge for piece in same for merge in _splits(piece, pieces)]
        found.sort(key=lambda merge: (len(merge[0]), len(merge[1])), reverse=True)
        merges += found
    return merges


def _splits(piece: str, pieces: dict[str, int]) -> Iterator[Merge]:
    for cut in range(1, len(piece)):
        left = piece[:cut]
        if left in pieces and (right := piece[cut:]) in pieces:
            yield left, right
