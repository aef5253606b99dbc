"""What a plan tells the quantizer: the model's logical tensors and the checkpoint tensors they come from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

TensorKind = Literal["linear", "embedding", "lm_head", "norm", "bias"]
TENSOR_KINDS: tuple[str, ...] = get_args(TensorKind)


@dataclass(frozen=True)
class TensorSpec:
    """One logical tensor. ``sources`` are Hugging Face tensor names, concatenated along rows in this order."""

    name: str  # model.layers.0.self_attn.qkv_proj
    kind: TensorKind
    shape: tuple[int, ...]  # (N, K) or (N,)
    sources: tuple[str, ...]  # ("model.layers.0.self_attn.q_proj.weight", ...k_proj..., ...v_proj...)
    source_rows: tuple[int, ...]  # rows that each source must have
