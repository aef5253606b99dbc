"""How a tensor of a GGUF file becomes the tensor of the same weights in transformers: its name, rows and values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError
from .checkpoint import BlockKind, FloatKind
from .gguf_architectures import GgufArchitecture
from .gguf_header import GgufTensor

ROPE_DIVISORS = "rope_freqs.weight"
LONG_FACTORS, SHORT_FACTORS = "rope_factors_long.weight", "rope_factors_short.weight"
LAYER_NAME = re.compile(r"^blk\.(\d{1,4})\.([a-z_.0-9]+)\.(weight|bias)$")
# Not weights: RoPE's are read into the configuration, the rotation's table of old files is RoPE once more.
NOT_WEIGHTS = re.compile(r"^(?:rope_(?:freqs|factors_long|factors_short)|blk\.\d+\.attn_rot_embd)\.weight$")
# What a tensor of each of ggml's types holds, as the package stores it.
KINDS: dict[str, FloatKind | BlockKind] = {"F32": "float32", "F16": "float16", "BF16": "bfloat16"} | {
    kind: kind for kind in get_args(BlockKind)
}  # type: ignore[assignment]  # get_args gives plain strings; that they are the literals mypy cannot see.


@dataclass(frozen=True)
class RowOrder:
    """Hugging Face's row is three numbers, below ``sizes``, the last changing fastest; the file's row is the sum of
    each times its ``strides``."""

    sizes: tuple[int, int, int]
    strides: tuple[int, int, int]

    def __call__(self, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        first, rest = np.divmod(rows, self.sizes[1] * self.sizes[2])
        second, third = np.divmod(rest, self.sizes[2])
        return first * self.strides[0] + second * self.strides[1] + third * self.strides[2]


@dataclass(frozen=True)
class Change:
    """What is done to a tensor that is read. ``row_order`` None: rows are where they are."""

    row_order: RowOrder | None = None
    minus_one: bool = False


def named_tensors(tensors: Mapping[str, GgufTensor], architecture: GgufArchitecture) -> dict[str, GgufTensor]:
    """The weights by Hugging Face's names; ``unsupported`` for a type that is not read, or a tensor that no model of
    the architecture has."""
    named: dict[str, GgufTensor] = {}
    for tensor in tensors.values():
        if NOT_WEIGHTS.match(tensor.name):
            continue
        name = huggingface_name(tensor.name, architecture)
        if tensor.type_name not in KINDS:
            raise NomoatError(
                "unsupported",
                f"{tensor.name} is stored as {tensor.type_name}; {', '.join(KINDS)} are supported. "
                "Use a file in one of these types, or compile from the original checkpoint.",
                tensor=tensor.name,
                type=tensor.type_name,
            )
        if name is None or len(tensor.shape) > 2:
            raise NomoatError(
                "unsupported",
                f"The tensor {tensor.name} {list(tensor.shape)} does not belong to the architecture "
                f"{architecture.huggingface}.",
                tensor=tensor.name,
            )
        named[name] = tensor
    return named


def huggingface_name(gguf_name: str, architecture: GgufArchitecture) -> str | None:
    """``blk.3.attn_q.weight`` -> ``model.layers.3.self_attn.q_proj.weight``; None for one that it does not have."""
    module, _, kind = gguf_name.rpartition(".")
    if module in architecture.top and kind in ("weight", "bias"):
        return f"{architecture.top[module]}.{kind}"
    match = LAYER_NAME.match(gguf_name)
    if match is None or match[2] not in architecture.layer:
        return None
    return f"{architecture.layers}.{match[1]}.{architecture.layer[match[2]]}.{match[3]}"


def change_of(gguf_name: str, rows: int, architecture: GgufArchitecture, config: Mapping[str, Any]) -> Change:
    """``invalid_checkpoint`` where the heads of the configuration do not fit the tensor's rows."""
    part = gguf_name.split(".", 2)[-1].rpartition(".")[0] if gguf_name.startswith("blk.") else gguf_name
    if architecture.permuted and part in ("attn_q", "attn_k"):
        heads = config["num_attention_heads" if part == "attn_q" else "num_key_value_heads"]
        return Change(neighbours_to_halves(heads, _head_dim(gguf_name, rows, heads, even=True)))
    if architecture.interleaved_qkv and part == "attn_qkv":
        heads = config["num_attention_heads"]
        return Change(parts_to_heads(heads, _head_dim(gguf_name, rows, 3 * heads, even=False)))
    if architecture.shifted_norms and gguf_name.endswith("norm.weight"):
        return Change(minus_one=True)
    return Change()


def neighbours_to_halves(heads: int, head_dim: int) -> RowOrder:
    """llama.cpp rotates rows 2i and 2i + 1 of a head together, Hugging Face rows i and i + head_dim / 2."""
    return RowOrder((heads, 2, head_dim // 2), (head_dim, 1, 2))  # head, half, i


def parts_to_heads(heads: int, head_dim: int) -> RowOrder:
    """The file has all of q, then k, then v; Hugging Face q, k and v of the first head, then of the second."""
    return RowOrder((heads, 3, head_dim), (head_dim, heads * head_dim, 1))  # head, part, i


def _head_dim(name: str, rows: int, heads: int, *, even: bool) -> int:
    head_dim, remainder = divmod(rows, heads)
    if remainder or (even and head_dim % 2):
        raise NomoatError(
            "invalid_checkpoint",
            f"{name} has {rows} rows, which {heads} heads of {'even' if even else 'equal'} size cannot have.",
            tensor=name,
        )
    return head_dim
