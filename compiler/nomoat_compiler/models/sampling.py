"""The functions sample_greedy and sample: from logits to the next token in the step state (any architecture)."""

from __future__ import annotations

from ..operators.gpu.emit import Definition, Operator, Variant
from ..operators.sample.gpu import draw, penalize
from ..operators.sample_greedy.gpu import PARTS, argmax_final, argmax_partial
from .graph import Graph

SAMPLING: Definition = {"op": "sampling"}  # what the functions do is fixed, how they divide it is not


def sample_greedy(graph: Graph, vocab_size: int) -> None:
    """token = argmax(logits (vocab_size,))"""
    with graph.function("sample_greedy") as f:
        partial = Operator(
            "argmax_partial",
            ("logits", "best_value", "best_index"),
            ("best_value", "best_index"),
            SAMPLING,
            lambda: (Variant(argmax_partial("argmax_partial", vocab_size)),),
        )
        value, index = f.call(
            partial,
            {"logits": f.external("logits")},
            {"best_value": (PARTS,), "best_index": (PARTS, "int32")},
        )
        final = Operator(
            "argmax_final",
            ("best_value", "best_index", "state", "tokens"),
            ("state", "tokens"),
            SAMPLING,
            lambda: (Variant(argmax_final("argmax_final", vocab_size)),),
        )
        inputs = {
            "best_value": value,
            "best_index": index,
            "state": f.external("state"),
            "tokens": f.external("tokens"),
        }
        f.call(final, inputs, {})


def sample(graph: Graph, vocab_size: int) -> None:
    """token drawn from penalised, filtered logits (vocab_size,)"""
    with graph.function("sample") as f:
        first = Operator(
            "penalize",
            ("logits", "token_counts", "sampling", "weights"),
            ("weights",),
            SAMPLING,
            lambda: (Variant(penalize("penalize", vocab_size)),),
        )
        names = ("logits", "token_counts", "sampling")
        weights = f.call(first, {name: f.external(name) for name in names}, {"weights": (vocab_size,)})
        second = Operator(
            "draw",
            ("weights", "sampling", "token_counts", "state", "tokens"),
            ("weights", "token_counts", "state", "tokens"),
            SAMPLING,
            lambda: (Variant(draw("draw", vocab_size)),),
        )
        bound = ("sampling", "token_counts", "state", "tokens")
        f.call(second, {"weights": weights} | {name: f.external(name) for name in bound}, {})
