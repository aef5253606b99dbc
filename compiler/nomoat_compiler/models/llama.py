"""The LLaMA architecture: its tensors, and its two functions as operator calls.

    x = embed(ids)
    layer:  q, k, v = W_qkv · rms_norm(x)            x += W_o · attention(rope(q), rope(k), v)
            g, u    = W_gate_up · rms_norm(x)        x += W_down · (silu(g) * u)
    logits = W_head · rms_norm(x)

Dispatches: decode has 6 per layer, 1 for the embedding and 1 for the head. Prefill has 8 per layer, since there the
norm is a kernel of its own; its last layer stops after the cache was written, because only that is kept.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from ..operators.attention.gpu import attention, attention_definition, kv_buffer_shape
from ..operators.embed.gpu import embed, embed_definition
from ..operators.gpu.emit import Operator, Variant, symbol_n
from ..operators.linear.gpu import LinearSpec, scheme_name
from ..operators.linear.gpu_decode import linear_decode_variants
from ..operators.linear.gpu_prefill import linear_prefill
from ..operators.rms_norm.gpu import rms_norm, rms_norm_definition
from ..operators.rope_append.gpu import DynamicNtk, RopeSpec, rope_append, rope_append_definition
from ..scheme import Plain, Scheme
from .config import LlamaConfig
from .graph import Graph, GraphFunction, Tensor
from .rope import rope_frequencies
from .tensors import TensorSpec


def tensor_specs(config: LlamaConfig) -> list[TensorSpec]:
    """The model's logical tensors in storage order; q, k, v and gate, up are concatenated along rows."""
    hidden, ffn, d = config.hidden_size, config.intermediate_size, config.head_dim
    q_rows, kv_rows = config.num_attention_heads * d, config.num_key_value_heads * d
    vocab = config.vocab_size
    specs = [TensorSpec("model.embed_tokens", "embedding", (vocab, hidden), ("model.embed_tokens.weight",), (vocab,))]

    def linear(module: str, sources: tuple[str, ...], rows: tuple[int, ...], k: int, bias: bool) -> None:
        weights = tuple(f"{source}.weight" for source in sources)
        specs.append(TensorSpec(module, "linear", (sum(rows), k), weights, rows))
        if bias:
            biases = tuple(f"{source}.bias" for source in sources)
            specs.append(TensorSpec(f"{module}.bias", "bias", (sum(rows),), biases, rows))

    def norm(module: str) -> None:
        specs.append(TensorSpec(module, "norm", (hidden,), (f"{module}.weight",), (hidden,)))

    for i in range(config.num_hidden_layers):
        layer = f"model.layers.{i}"
        attn, mlp = f"{layer}.self_attn", f"{layer}.mlp"
        norm(f"{layer}.input_layernorm")
        qkv = (f"{attn}.q_proj", f"{attn}.k_proj", f"{attn}.v_proj")
        linear(f"{attn}.qkv_proj", qkv, (q_rows, kv_rows, kv_rows), hidden, config.attention_bias)
        linear(f"{attn}.o_proj", (f"{attn}.o_proj",), (hidden,), q_rows, config.attention_bias)
        norm(f"{layer}.post_attention_layernorm")
        linear(f"{mlp}.gate_up_proj", (f"{mlp}.gate_proj", f"{mlp}.up_proj"), (ffn, ffn), hidden, config.mlp_bias)
        linear(f"{mlp}.down_proj", (f"{mlp}.down_proj",), (hidden,), ffn, config.mlp_bias)
    norm("model.norm")
    if not config.tie_word_embeddings:
        specs.append(TensorSpec("lm_head", "lm_head", (vocab, hidden), ("lm_head.weight",), (vocab,)))
    return specs


class LlamaGraph:
    """Builds ``prefill`` and ``decode`` for one configuration and one scheme per tensor."""

    def __init__(
        self,
        config: LlamaConfig,
        schemes: dict[str, Scheme],
        *,
        context_length: int,
        prefill_chunk: int,
        page_size: int,
    ) -> None:
        self.config, self.schemes = config, schemes
        self.prefill_chunk = prefill_chunk
        frequencies = rope_frequencies(config.rope_parameters, config.head_dim)
        self.constants: dict[str, np.ndarray] = {"rope.inv_freq": frequencies.inv_freq}
        rope = config.rope_parameters
        dynamic = None
        if rope["rope_type"] == "dynamic":
            trained = rope.get("original_max_position_embeddings", config.max_position_embeddings)
            dynamic = DynamicNtk(float(rope["rope_theta"]), float(rope["factor"]), int(trained))
        self.rope = RopeSpec(
            config.num_attention_heads,
            config.num_key_value_heads,
            config.head_dim,
            page_size,
            -(-context_length // page_size),
            frequencies.attention_scaling,
            dynamic,
        )

    def kv_shape(self, kv_pages: Any) -> tuple[Any, ...]:
        """(kv_pages, num_key_value_heads, page_size, head_dim)"""
        return kv_buffer_shape(self.rope, kv_pages)

    def decode(self, graph: Graph) -> None:
        """One token: state.token_id at state.position -> logits (1, vocab_size)."""
        c = self.config
        with graph.function("decode") as f:
            x = self._embed(f, f.external("state"), 1, 8)  # (1, hidden)
            for i in range(c.num_hidden_layers):
                layer = f"model.layers.{i}"
                qkv = self._decode_linear(f, f"{layer}.self_attn.qkv_proj", x, norm=f"{layer}.input_layernorm")
                heads = self._attention(f, i, qkv, 1)  # (1, heads * head_dim)
                x = self._decode_linear(f, f"{layer}.self_attn.o_proj", heads, residual=x)  # (1, hidden)
                gated = self._decode_linear(
                    f, f"{layer}.mlp.gate_up_proj", x, norm=f"{layer}.post_attention_layernorm", swiglu=True
                )  # (1, intermediate)
                x = self._decode_linear(f, f"{layer}.mlp.down_proj", gated, residual=x)  # (1, hidden)
            head = "model.embed_tokens" if c.tie_word_embeddings else "lm_head"
            self._decode_linear(f, head, x, norm="model.norm", out=f.external("logits"))  # (1, vocab)

    def prefill(self, graph: Graph) -> None:
        """n tokens of prompt_ids from state.position on -> the KV cache."""
        c, n = self.config, symbol_n()
        with graph.function("prefill", n) as f:
            x = self._embed(f, f.external("prompt_ids"), n, self.prefill_chunk)  # (n, hidden)
            for i in range(c.num_hidden_layers):
                layer = f"model.layers.{i}"
                normed = self._norm(f, f"{layer}.input_layernorm", x, n)
                qkv = self._prefill_linear(f, f"{layer}.self_attn.qkv_proj", normed, n)
                if i == c.num_hidden_layers - 1:
                    self._append(f, i, qkv, n)
                    break
                heads = self._attention(f, i, qkv, n)  # (n, heads * head_dim)
                x = self._prefill_linear(f, f"{layer}.self_attn.o_proj", heads, n, residual=x)
                normed = self._norm(f, f"{layer}.post_attention_layernorm", x, n)
                gated = self._prefill_linear(f, f"{layer}.mlp.gate_up_proj", normed, n, swiglu=True)
                x = self._prefill_linear(f, f"{layer}.mlp.down_proj", gated, n, residual=x)

    def _embed(self, f: GraphFunction, ids: Tensor, n: Any, ids_length: int) -> Tensor:
        c, scheme = self.config, self.schemes["model.embed_tokens"]
        name = f"embed_{_phase(n)}_{scheme_name(scheme)}_{c.vocab_size}x{c.hidden_size}"
        inputs = {"token_ids": ids, **self._matrix(f, "model.embed_tokens")}

        def build() -> tuple[Variant, ...]:
            return (Variant(embed(name, c.vocab_size, c.hidden_size, scheme, n, ids_length)),)

        definition = embed_definition(c.vocab_size, c.hidden_size, scheme)
        operator = Operator(name, (*inputs, "out"), ("out",), definition, build)
        return f.call(operator, inputs, {"out": (n, c.hidden_size)})

    def _norm(self, f: GraphFunction, module: str, x: Tensor, n: Any) -> Tensor:
        c, dtype = self.config, self._vector_dtype(module)
        name = f"rms_norm_{c.hidden_size}_{dtype}"
        inputs = {"x": x, "gain": f.parameter(module, "weight")}

        def build() -> tuple[Variant, ...]:
            return (Variant(rms_norm(name, c.hidden_size, c.rms_norm_eps, dtype, n)),)

        definition = rms_norm_definition(c.hidden_size, c.rms_norm_eps)
        operator = Operator(name, (*inputs, "out"), ("out",), definition, build)
        return f.call(operator, inputs, {"out": (n, c.hidden_size)})

    def _append(self, f: GraphFunction, layer: int, qkv: Tensor, n: Any) -> Tensor:
        """RoPE; the new K and V go to the cache of ``layer``; returns q (n, heads * head_dim)."""
        name = f"rope_append_{_phase(n)}"
        inputs = {
            "qkv": qkv,
            "inv_freq": f.external("rope.inv_freq"),
            "state": f.external("state"),
            "block_table": f.external("block_table"),
            "k_pages": f.external(f"kv.k.{layer}"),
            "v_pages": f.external(f"kv.v.{layer}"),
        }

        def build() -> tuple[Variant, ...]:
            return (Variant(rope_append(name, self.rope, n, 1)),)

        definition = rope_append_definition(self.rope)
        operator = Operator(name, (*inputs, "q"), ("k_pages", "v_pages", "q"), definition, build)
        return f.call(operator, inputs, {"q": (n, self.rope.heads * self.rope.head_dim)})

    def _attention(self, f: GraphFunction, layer: int, qkv: Tensor, n: Any) -> Tensor:
        q = self._append(f, layer, qkv, n)
        name = f"attention_{_phase(n)}"
        inputs = {
            "q": q,
            "state": f.external("state"),
            "block_table": f.external("block_table"),
            "k_pages": f.external(f"kv.k.{layer}"),
            "v_pages": f.external(f"kv.v.{layer}"),
        }

        def build() -> tuple[Variant, ...]:
            return (Variant(attention(name, self.rope, n, 1)),)

        operator = Operator(name, (*inputs, "out"), ("out",), attention_definition(self.rope), build)
        return f.call(operator, inputs, {"out": (n, self.rope.heads * self.rope.head_dim)})

    def _decode_linear(
        self,
        f: GraphFunction,
        module: str,
        x: Tensor,
        *,
        norm: str | None = None,
        residual: Tensor | None = None,
        swiglu: bool = False,
        out: Tensor | None = None,
    ) -> Tensor:
        spec, inputs = self._linear(f, module, x, norm, residual, swiglu)
        name = f"linear_decode_{spec.name}"

        def build() -> tuple[Variant, ...]:
            return linear_decode_variants(name, spec)

        operator = Operator(name, (*inputs, "out"), ("out",), spec.definition, build)
        return f.call(operator, inputs, {"out": (1, spec.out_features) if out is None else out})

    def _prefill_linear(
        self,
        f: GraphFunction,
        module: str,
        x: Tensor,
        n: Any,
        *,
        residual: Tensor | None = None,
        swiglu: bool = False,
    ) -> Tensor:
        spec, inputs = self._linear(f, module, x, None, residual, swiglu)
        name = f"linear_prefill_{spec.name}"

        def build() -> tuple[Variant, ...]:
            return (Variant(linear_prefill(name, spec, n)),)

        operator = Operator(name, (*inputs, "out"), ("out",), spec.definition, build)
        return f.call(operator, inputs, {"out": (n, spec.out_features)})

    def _linear(
        self,
        f: GraphFunction,
        module: str,
        x: Tensor,
        norm: str | None,
        residual: Tensor | None,
        swiglu: bool,
    ) -> tuple[LinearSpec, dict[str, Tensor]]:
        """The specification of ``module``'s matmul and its inputs in the order of LinearSpec.arguments."""
        rows, columns = f.graph.shapes[module]
        has_bias = f"{module}.bias" in self.schemes
        spec = LinearSpec(
            rows,
            columns,
            self.schemes[module],
            norm_dtype=self._vector_dtype(norm) if norm else None,
            norm_eps=self.config.rms_norm_eps,
            bias_dtype=self._vector_dtype(f"{module}.bias") if has_bias else None,
            residual=residual is not None,
            swiglu=swiglu,
        )
        inputs = {"x": x}
        if norm:
            inputs["gain"] = f.parameter(norm, "weight")
        inputs |= self._matrix(f, module)
        if has_bias:
            inputs["bias"] = f.parameter(f"{module}.bias", "weight")
        if residual is not None:
            inputs["residual"] = residual
        return spec, inputs

    def _matrix(self, f: GraphFunction, module: str) -> dict[str, Tensor]:
        scheme = self.schemes[module]
        if isinstance(scheme, Plain):
            return {"w": f.parameter(module, "weight")}
        scales = "q_scale_min" if scheme.zero is None else "q_scale"
        return {"w": f.parameter(module, "q_weight"), "w_scale": f.parameter(module, scales)}

    def _vector_dtype(self, module: str) -> str:
        scheme = self.schemes[module]
        assert isinstance(scheme, Plain)
        return scheme.dtype


def _phase(n: Any) -> str:
    """decode kernels know that there is one token; prefill kernels take n."""
    return "decode" if isinstance(n, int) else "prefill"
