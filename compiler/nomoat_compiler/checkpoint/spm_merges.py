"""The BPE merges that a SentencePiece vocabulary with scores stands for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def merges_from_scores(pieces: dict[str, int], scores: npt.NDArray[np.floating]) -> list[list[str]]:
    """Every split of a piece into two pieces, the best score first.

    SentencePiece joins the adjacent pair whose joined piece has the highest score; BPE joins the pair with the lowest
    rank. ``pieces`` holds normal pieces only: SentencePiece never joins into, or out of, control, byte and user-defined
    ones. Splits of one piece come in the order of transformers' generate_merges (convert_slow_tokenizer.py): the longer
    left part first.
    """
    merges: list[tuple[float, int, int, str, str]] = []
    for piece, token_id in pieces.items():
        splits = [
            (left, right)
            for left, right in ((piece[:cut], piece[cut:]) for cut in range(1, len(piece)))
            if left in pieces and right in pieces
        ]
        score = float(scores[token_id])
        merges.extend((score, len(left), len(right), left, right) for left, right in splits)
    merges.sort(key=lambda merge: merge[:3], reverse=True)
    return [[left, right] for _, _, _, left, right in merges]
