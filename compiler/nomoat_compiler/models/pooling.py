"""What becomes of the hidden states of an encoder: sentence-transformers' modules behind the model.

    embedding = W_k · ... W_1 · mean of x, or of the first x;  divided by its length where asked for

Linear layers commute with the mean, so they are computed before it, token by token, by the products that there are.
Without files of that library it is the mean, as it then takes, of whole texts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..program.plan import source
from .config_reader import ConfigReader, invalid, unsupported
from .parts import HIDDEN, Matrix
from .passes import Pass

MOST_DENSE = 4


@dataclass(frozen=True)
class Pooling:
    """``symbols``: of the plan. ``longest_text``: what texts are cut to, None for no limit of its own."""

    symbols: dict[str, Any]
    dense: int
    longest_text: int | None


def read_pooling(c: ConfigReader, hidden_size: int) -> Pooling:
    """``pooling`` of the configuration (checkpoint/sentence_pooling.py)."""
    given = ConfigReader(c.mapping("pooling") or {})
    given.only("mode", "mean", "cls")
    symbols: dict[str, Any] = {
        "pools_mean": given.read["mode"] == "mean", "normalizes": given.boolean("normalize"),
        "cuts_texts": given.boolean("cuts"),
    }  # fmt: skip
    dense = given.config.get("dense") or []
    if len(dense) > MOST_DENSE:
        raise unsupported(
            f"config.json: {len(dense)} linear layers follow the pooling; at most {MOST_DENSE} can.", "dense"
        )
    width = hidden_size
    for i, layer in enumerate(dense):
        layer = ConfigReader(layer)
        if layer.integer("columns") != width:
            raise invalid(
                f"The linear layer {i} behind the pooling reads {layer.read['columns']} of {width} values.", "dense"
            )
        width = layer.integer("rows")
        symbols |= {f"dense_{i}_size": width, f"dense_{i}_bias": layer.boolean("bias")}
    longest = given.integer("max_seq_length") if "max_seq_length" in given.config else None
    return Pooling(symbols, len(dense), longest)


def pool(p: Pass, x: str, dense: int) -> None:
    """embedding (size of the last layer), from hidden states x (n, hidden)"""
    width = HIDDEN
    for i in range(dense):
        rows, out = f"dense_{i}_size", f"dense_{i}"
        matrix = Matrix(f"model.dense.{i}", rows, width, (source(f"dense.{i}", rows),), f"dense_{i}_bias")
        p.linear(matrix, x, out)  # (n, rows)
        x, width = out, rows
    p.pool(x, columns=width)
