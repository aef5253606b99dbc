"""Writes a plan from a layer that is written once: first its tensors and buffers, then the steps of each function.

A layer is a function of a pass, which it tells what the architecture computes: ``attention``, ``mlp``, ``norm``. The
residual stream goes back and forth between buffers, as no kernel may read and write one buffer.

In decode an RMSNorm is folded into the product that follows it; with more tokens than one it is a kernel of its own.
The last layer of prefill stops when the cache has been written, because only that is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..expression import Expression
from ..program.plan import Plan, PlanBuilder, Steps, source
from .parts import HEADS, HIDDEN, KV_HEADS, LAYERS, VOCAB, Attention, D, Matrix, Mlp, Norm, Q

UNTIED: Expression = ["==", "tie_word_embeddings", 0]
Factor = float | str
Layer = Callable[["Pass"], None]


class Pass:
    """One walk through the model: of its declarations, where ``steps`` is None, or of one function."""

    def __init__(self, plan: PlanBuilder, function: str | None, *, many: bool = False) -> None:
        self._plan = plan
        self._steps: Steps | None = None if function is None else plan.function(function)
        self._many = many
        self._when: Expression | None = None
        self._stops = False
        self._stopped = False
        self._declared: set[str] = set()
        self.scratch: dict[str, Expression] = {}  # buffers by name, values of a token

    @contextmanager
    def only(self, when: Expression) -> Iterator[None]:
        """What follows is there only in layers where ``when`` is not 0."""
        self._when = when
        yield
        self._when = None

    def shared(self, norm: Norm) -> None:
        """A norm that layers of different kinds have in common: it is declared where none is chosen yet."""
        assert self._when is None
        self._norm_tensors(norm)

    # What a model file calls.

    def embed(self, table: str = "model.embed_tokens", *, stored: str | None = None, scale: Factor = 1.0) -> None:
        """token ids -> x (n, hidden)"""
        self._tensor(table, "embedding", (VOCAB, HIDDEN), [source(f"{stored or table}.weight", VOCAB)])
        token_ids = "prompt_ids" if self._many else "state"
        self._step(
            "embed", {"token_ids": token_ids, "w": table, "out": "x"}, {"x": HIDDEN},
            rows=VOCAB, columns=HIDDEN, scale=scale,
        )  # fmt: skip

    def norm(self, norm: Norm, x: str, out: str, residual: str | None = None) -> None:
        """out = norm(x) (+ residual), (n, columns)"""
        self._norm_tensors(norm)
        arguments = {"x": x, "gain": norm.name, "out": out}
        if norm.kind == "layer":
            assert residual is None, "LayerNorm adds no residual"
            arguments |= {"bias": f"{norm.name}.bias"}
            self._step("layer_norm", arguments, {out: norm.columns}, columns=norm.columns, eps=norm.eps, bias=True)
            return
        arguments |= {"residual": residual} if residual else {}
        fields = {"columns": norm.columns, "eps": norm.eps, "residual": residual is not None}
        self._step("rms_norm", arguments, {out: norm.columns}, **fields)

    def linear(
        self, matrix: Matrix, x: str, out: str, *, norm: Norm | None = None, residual: str | None = None,
        gated: bool = False, activation: Expression = 0, scale: Factor = 1.0,
    ) -> None:  # fmt: skip
        """out = scale · act(matrix · norm(x) + bias) + residual, (n, rows) or with ``gated`` (n, rows / 2)"""
        folded = norm is not None and norm.kind == "rms" and not self._many
        if norm is not None:
            self._norm_tensors(norm)
            if not folded:
                self.norm(norm, x, "normed")
                x = "normed"
        self._matrix_tensors(matrix)
        arguments = {"x": x, "w": matrix.name, "out": out}
        if matrix.bias != 0:
            arguments["bias"] = f"{matrix.name}.bias"
        if norm is not None and folded:
            arguments["gain"] = norm.name
        if residual:
            arguments["residual"] = residual
        self._step(
            "linear", arguments, {out: ["//", matrix.rows, 2] if gated else matrix.rows},
            rows=matrix.rows, columns=matrix.columns, norm_eps=norm.eps if norm is not None and folded else None,
            bias=matrix.bias, activation=activation, gated=gated, scale=scale, residual=residual is not None,
        )  # fmt: skip

    def attention(
        self, a: Attention, x: str, out: str, *, norm: Norm | None = None, residual: str | None = None,
        scale: Factor = 1.0,
    ) -> None:  # fmt: skip
        """out = scale · W_o · attention(rope(q), rope(k), v) + residual, q, k, v = W_qkv · norm(x), (n, hidden)"""
        self.linear(a.qkv, x, "qkv", norm=norm)
        self._append(a)
        if self._stops:
            self._stopped = True
        self._step(
            "attention",
            {"q": "q", "state": "state", "block_table": "block_table", **self._cache(), "out": "attended"},
            {"attended": Q}, heads=HEADS, kv_heads=KV_HEADS, head_dim=D, page_size="page_size",
            scale="layer.attention_scale", softcap=a.softcap, window="layer.window", bidirectional=a.bidirectional,
            exact_cache=_exact_cache(a),
        )  # fmt: skip
        self.linear(a.out, "attended", out, residual=residual, scale=scale)

    def mlp(
        self, m: Mlp, x: str, out: str, *, norm: Norm | None = None, residual: str | None = None, scale: Factor = 1.0
    ) -> None:
        """out = scale · W_down · act(W_up · norm(x)) + residual, (n, hidden)"""
        self.linear(m.up, x, "gated", norm=norm, gated=m.gated, activation="layer.activation")  # (n, intermediate)
        self.linear(m.down, "gated", out, residual=residual, scale=scale)

    def head(
        self, norm: Norm, *, table: str = "model.embed_tokens", stored: str = "lm_head", scale: Factor = 1.0,
        softcap: str | None = None,
    ) -> None:  # fmt: skip
        """logits = W · norm(x) (1, vocab), W the embedding's table or a matrix of its own"""
        self._norm_tensors(norm)
        self._tensor("lm_head", "lm_head", (VOCAB, HIDDEN), [source(f"{stored}.weight", VOCAB)], when=UNTIED)
        if self._steps is None:
            return
        x: str = "x"
        eps: str | None = norm.eps
        arguments = {"gain": norm.name, "out": "logits"}
        if norm.kind == "layer":
            self.norm(norm, "x", "normed")
            del arguments["gain"]
            x, eps = "normed", None
        for matrix, when in (("lm_head", UNTIED), (table, "tie_word_embeddings")):
            self._step(
                "linear", arguments | {"x": x, "w": matrix}, {}, when=when, rows=VOCAB, columns=HIDDEN, norm_eps=eps,
                scale=scale, softcap=softcap,
            )  # fmt: skip

    def short_conv(self, w: str, stored: str, x: str, out: str, *, bias: Expression = 0) -> None:
        """The gated short convolution of x (n, 3 hidden) -> (n, hidden); what it remembers is a recurrent state."""
        taps = "conv_taps"
        self._tensor(w, "norm", (["*", HIDDEN, taps],), [source(f"{stored}.weight", ["*", HIDDEN, taps], columns=taps)])
        self._tensor(f"{w}.bias", "bias", (HIDDEN,), [source(f"{stored}.bias", HIDDEN)], when=bias)
        if self._steps is None:
            size: Expression = ["*", HIDDEN, ["-", taps, 1]]
            self._plan.buffers.recurrent_state("conv.{layer}", (size,), when=self._when)
        arguments = {"bcx": x, "w": w, "bias": f"{w}.bias", "state": "state", "memory": "conv.{layer}", "out": out}
        self._step("short_conv", arguments, {out: HIDDEN}, channels=HIDDEN, taps=taps, bias=bias)

    def add_position(self, table: str, stored: str, plus_row_of: str, x: str, out: str) -> None:
        """out = x + the row of the position, to which row 0 of another table was added"""
        rows: Expression = "position_rows"
        self._tensor(table, "embedding", (rows, HIDDEN), [source(f"{stored}.weight", rows, plus_row_of=plus_row_of)])
        self._step(
            "add_position", {"x": x, "state": "state", "w": table, "out": out}, {out: HIDDEN},
            rows=rows, columns=HIDDEN, first="first_position",
        )  # fmt: skip

    def pool(self, x: str, *, columns: Expression = HIDDEN) -> None:
        """embedding (columns) = what x (n, columns) is pooled to"""
        if self._steps is None:
            self._plan.buffers.output("embedding", (columns,))
        self._step("pool", {"x": x, "out": "embedding"}, {}, columns=columns, mean="pools_mean", normalize="normalizes")

    # How it is written down.

    def stop_after_cache(self) -> None:
        self._stops = True

    def _append(self, a: Attention) -> None:
        """Normed and rotated queries from qkv to q; the new keys and values go to the layer's cache."""
        if self._steps is None:
            for role in "kv":
                self._plan.buffers.kv_cache(f"kv.{role}.{{layer}}", (KV_HEADS, "page_size", D), when=self._when)
        fields: dict[str, Any] = {"rotary_dim": 0}
        arguments = {"qkv": "qkv", "state": "state", "block_table": "block_table", **self._cache(), "q": "q"}
        if a.q_norm is not None and a.k_norm is not None:
            self._norm_tensors(a.q_norm)
            self._norm_tensors(a.k_norm)
            arguments |= {"q_gain": a.q_norm.name, "k_gain": a.k_norm.name}
            fields |= {"qk_norm_eps": a.q_norm.eps, "qk_norm_whole": a.whole}
        if a.rotates:
            arguments |= {"inv_freq": "rope.inv_freq.{layer.rope_table}"}
            fields |= {
                "rotary_dim": "layer.rotary_dim", "attention_scaling": "layer.attention_scaling",
                "dynamic": "layer.rope_dynamic", "theta": "layer.rope_theta", "factor": "layer.rope_factor",
                "trained_length": "layer.rope_trained_length",
            }  # fmt: skip
        if a.long:
            arguments |= {"long_inv_freq": "rope.long_inv_freq"}
            fields |= {"long_from": "layer.rope_long_from"}
        self._step(
            "rope_append", arguments, {"q": Q}, heads=HEADS, kv_heads=KV_HEADS, head_dim=D, page_size="page_size",
            exact_cache=_exact_cache(a), **fields,
        )  # fmt: skip

    def _cache(self) -> dict[str, str]:
        return {"k_pages": "kv.k.{layer}", "v_pages": "kv.v.{layer}"}

    def _matrix_tensors(self, matrix: Matrix) -> None:
        self._tensor(matrix.name, "linear", (matrix.rows, matrix.columns), matrix.sources(".weight"))
        if matrix.bias != 0:
            biases = matrix.sources(".bias", optional=True)
            self._tensor(f"{matrix.name}.bias", "bias", (matrix.rows,), biases, when=matrix.bias)

    def _norm_tensors(self, norm: Norm) -> None:
        plus = {"plus": norm.plus} if norm.plus else {}
        self._tensor(norm.name, "norm", (norm.columns,), [source(f"{norm.name}.weight", norm.columns, **plus)])
        if norm.kind == "layer":
            self._tensor(f"{norm.name}.bias", "bias", (norm.columns,), [source(f"{norm.name}.bias", norm.columns)])

    def _tensor(
        self, name: str, kind: Any, shape: tuple[Expression, ...], sources: list[dict[str, Any]],
        *, when: Expression | None = None,
    ) -> None:  # fmt: skip
        """Declares a tensor the first time that it is spoken of."""
        if self._steps is not None or name in self._declared:
            return
        self._declared.add(name)
        self._plan.tensors.add(name, kind, shape, sources, when=self._both(when))

    def _step(
        self, op: str, arguments: dict[str, str], written: dict[str, Expression], *, when: Expression | None = None,
        **fields: Any,
    ) -> None:  # fmt: skip
        if self._steps is None:
            for name, width in written.items():
                assert self.scratch.setdefault(name, width) == width, f"{name} has two widths"
        elif not self._stopped:
            # A field whose argument does not exist in this plan names nothing.
            known = {k: v for k, v in arguments.items() if k != "bias" or self._plan.has_tensor(v)}
            self._steps.step(op, known, when=self._both(when), **fields)

    def _both(self, when: Expression | None) -> Expression | None:
        if when is None or self._when is None:
            return when if self._when is None else self._when
        return ["*", self._when, when]


def _exact_cache(a: Attention) -> Expression:
    """Keys with a bias have a few dimensions a hundred times the others, which rounding by head would level. Where
    weights are not rounded, the cache is not either, nor that of an encoder, which is small.
    """
    return 1 if a.bidirectional else ["max", "plain_weights", a.qkv.bias] if a.qkv.bias != 0 else "plain_weights"


def decoder_plan(
    layer: Layer,
    final_norm: Norm,
    *,
    embedding: str = "model.embed_tokens",
    head: str = "lm_head",
    embedding_scale: Factor = 1.0,
    logits_scale: Factor = 1.0,
    softcap: str | None = None,
    rope_tables: int = 1,
    long: bool = False,
) -> Plan:
    """A causal model: embedding, ``layer`` for each layer, norm and head."""
    plan = PlanBuilder()
    _rope_constants(plan, rope_tables, long=long)
    declared = Pass(plan, None)
    declared.embed(stored=embedding)
    with plan.tensors.each_layer(), plan.buffers.each_layer():
        layer(declared)
    declared.head(final_norm, stored=head)
    _scratch(plan, declared)

    prefill = Pass(plan, "prefill", many=True)
    prefill.embed(scale=embedding_scale)
    with plan.function("prefill").each_layer(0, ["-", LAYERS, 1]):
        layer(prefill)
    prefill.stop_after_cache()
    with plan.function("prefill").each_layer(["-", LAYERS, 1]):
        layer(prefill)

    decode = Pass(plan, "decode")
    decode.embed(scale=embedding_scale)
    with plan.function("decode").each_layer():
        layer(decode)
    decode.head(final_norm, scale=logits_scale, softcap=softcap)
    return plan.to_json()


def encoder_plan(before: Layer, layer: Layer, after: Layer, *, rope_tables: int = 0) -> Plan:
    """A model that reads a whole text in one call of ``encode``."""
    plan = PlanBuilder()
    _rope_constants(plan, rope_tables, long=False)
    declared = Pass(plan, None)
    before(declared)
    with plan.tensors.each_layer(), plan.buffers.each_layer():
        layer(declared)
    after(declared)
    _scratch(plan, declared)
    encode = Pass(plan, "encode", many=True)
    before(encode)
    with plan.function("encode").each_layer():
        layer(encode)
    after(encode)
    return plan.to_json()


def _rope_constants(plan: PlanBuilder, tables: int, *, long: bool) -> None:
    for table in range(tables):
        plan.constants.add(f"rope.inv_freq.{table}", "float32", (["//", "rotary_dim", 2],))
    if long:
        plan.constants.add("rope.long_inv_freq", "float32", (["//", "rotary_dim", 2],))


def _scratch(plan: PlanBuilder, declared: Pass) -> None:
    if "normed" not in declared.scratch:  # The declarations fold no norm, prefill has the buffer.
        declared.scratch["normed"] = HIDDEN
    for name, width in declared.scratch.items():
        plan.buffers.scratch(name, ("n", width))
    plan.buffers.entries.sort(key=lambda entry: "repeat" in entry)  # What layers keep stands last.
