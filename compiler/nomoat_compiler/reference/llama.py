"""LLaMA in NumPy float32, written to be read: the oracle that compiled programs are checked against.

    x = E[token]
    per layer:  h = norm(x);  x += o(attention(rope(q(h)), rope(k(h)), v(h)))
                h = norm(x);  x += down(silu(gate(h)) * up(h))
    logits = W_out norm(x)

Touvron et al. 2023 and transformers' modeling_llama.py. Nothing here is fast or shared with the compiler: it
is right where it equals transformers in float32 (tests/parity/test_reference_llama.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from nomoat_compiler.reference.rope import Float32, head_dim, rope_cos_sin


class LlamaReference:
    """One model and the keys and values of the one sequence that it has seen.

    ``config`` is config.json (or ``model`` of program.json); ``tensor`` gives a weight by its Hugging Face
    name, in any float dtype. It is called again in every forward pass, so that memory stays with the caller's
    cache.
    """

    def __init__(self, config: Mapping[str, Any], tensor: Callable[[str], npt.NDArray[Any]]) -> None:
        self.config = config
        self._tensor = tensor
        layers, kv_heads = config["num_hidden_layers"], config["num_key_value_heads"]
        empty = np.zeros((0, kv_heads, head_dim(config)), np.float32)  # (positions, kv_heads, head_dim)
        self._keys: list[Float32] = [empty] * layers  # after RoPE
        self._values: list[Float32] = [empty] * layers

    @property
    def length(self) -> int:
        """Positions in the KV cache."""
        return len(self._keys[0])

    def logits(self, token_ids: Sequence[int], first_position: int = 0) -> Float32:
        """Logits after each of ``token_ids`` (T,), which stand at first_position, ...: (T, vocab_size).

        Earlier positions come from the KV cache of earlier calls; what it holds from first_position on is
        forgotten. ValueError where first_position is beyond the cache.
        """
        if not 0 <= first_position <= self.length:
            raise ValueError(f"first_position must be in 0..{self.length} (the KV cache), not {first_position}")
        config = self.config
        ids = np.asarray(token_ids, np.int64)  # (T,)
        positions = np.arange(first_position, first_position + len(ids))  # (T,)
        cos, sin = rope_cos_sin(config, positions)  # (T, head_dim / 2) each
        x = self._tensor("model.embed_tokens.weight")[ids].astype(np.float32)  # (T, hidden)
        for layer in range(config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}"
            h = self._norm(x, f"{prefix}.input_layernorm")  # (T, hidden)
            x = x + self._attention(h, layer, positions, cos, sin)  # (T, hidden)
            h = self._norm(x, f"{prefix}.post_attention_layernorm")  # (T, hidden)
            x = x + self._mlp(h, f"{prefix}.mlp")  # (T, hidden)
        x = self._norm(x, "model.norm")  # (T, hidden)
        tied = config.get("tie_word_embeddings", False)
        return self._linear(x, "model.embed_tokens" if tied else "lm_head", bias=False)  # (T, vocab)

    def _attention(
        self, h: Float32, layer: int, positions: npt.NDArray[np.int64], cos: Float32, sin: Float32
    ) -> Float32:
        config, prefix, count = self.config, f"model.layers.{layer}.self_attn", len(h)
        heads, kv_heads, dim = config["num_attention_heads"], config["num_key_value_heads"], head_dim(config)
        bias = config.get("attention_bias", False)
        q = self._linear(h, f"{prefix}.q_proj", bias).reshape(count, heads, dim)  # (T, heads, dim)
        k = self._linear(h, f"{prefix}.k_proj", bias).reshape(count, kv_heads, dim)  # (T, kv_heads, dim)
        v = self._linear(h, f"{prefix}.v_proj", bias).reshape(count, kv_heads, dim)  # (T, kv_heads, dim)
        q, k = rotate(q, cos, sin), self._cached(rotate(k, cos, sin))
        v = self._cached(v)

        first = int(positions[0]) if count else self.length
        keys = self._keys[layer] = np.concatenate([self._keys[layer][:first], k])  # (S, kv_heads, dim)
        values = self._values[layer] = np.concatenate([self._values[layer][:first], v])  # (S, kv_heads, dim)
        keys = np.repeat(keys, heads // kv_heads, axis=1)  # (S, heads, dim)
        values = np.repeat(values, heads // kv_heads, axis=1)  # (S, heads, dim)

        scores = np.einsum("thd,shd->hts", q, keys, optimize=True) * np.float32(dim**-0.5)  # (heads, T, S)
        future = np.arange(len(keys))[None, :] > positions[:, None]  # (T, S)
        scores = np.where(future, np.float32(-np.inf), scores)  # (heads, T, S)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))  # (heads, T, S)
        weights /= weights.sum(axis=-1, keepdims=True)
        mixed = np.einsum("hts,shd->thd", weights, values, optimize=True)  # (T, heads, dim)
        return self._linear(mixed.reshape(count, heads * dim), f"{prefix}.o_proj", bias)  # (T, hidden)

    def _mlp(self, h: Float32, prefix: str) -> Float32:
        bias = self.config.get("mlp_bias", False)
        gate = self._linear(h, f"{prefix}.gate_proj", bias)  # (T, intermediate)
        up = self._linear(h, f"{prefix}.up_proj", bias)  # (T, intermediate)
        return self._linear(silu(gate) * up, f"{prefix}.down_proj", bias)  # (T, hidden)

    def _linear(self, x: Float32, name: str, bias: bool) -> Float32:
        """x (T, K), weight (N, K), bias (N,) -> x weight^T + bias (T, N)."""
        y = x @ self._tensor(f"{name}.weight").astype(np.float32, copy=False).T
        return y + self._tensor(f"{name}.bias").astype(np.float32) if bias else y

    def _cached(self, x: Float32) -> Float32:
        """Keys or values (T, kv_heads, dim) as the cache gives them back; here it keeps them as they are."""
        return x

    def _norm(self, x: Float32, name: str) -> Float32:
        """RMSNorm (Zhang and Sennrich 2019): x / sqrt(mean(x^2) + eps) * weight, (T, hidden)."""
        mean_square = np.mean(np.square(x), axis=-1, keepdims=True)  # (T, 1)
        normal = x / np.sqrt(mean_square + np.float32(self.config["rms_norm_eps"]))
        return self._tensor(f"{name}.weight").astype(np.float32) * normal


def rotate(x: Float32, cos: Float32, sin: Float32) -> Float32:
    """RoPE in Hugging Face's half-split layout: x (T, heads, dim), cos and sin (T, dim / 2) -> (T, heads,
    dim).
    """
    half = x.shape[-1] // 2
    a, b = x[..., :half], x[..., half:]  # (T, heads, dim / 2)
    cos, sin = cos[:, None, :], sin[:, None, :]  # (T, 1, dim / 2)
    return np.concatenate([a * cos - b * sin, b * cos + a * sin], axis=-1)


def silu(x: Float32) -> Float32:
    """x * sigmoid(x), in the form that does not overflow for very negative x."""
    return x * (np.float32(0.5) * (np.tanh(np.float32(0.5) * x) + np.float32(1)))
