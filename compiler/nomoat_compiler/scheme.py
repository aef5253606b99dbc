"""Quantization schemes as data: how one tensor is stored, and which stored arrays hold it.

A scheme says nothing about kernels or checkpoints. ``program.schema.json`` has the same fields.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

FloatDtype = Literal["float32", "float16", "bfloat16"]
StoredDtype = Literal["uint32", "float32", "float16", "bfloat16"]
DTYPE_BYTES: dict[str, int] = {"uint32": 4, "int32": 4, "float32": 4, "float16": 2, "bfloat16": 2}


@dataclass(frozen=True)
class Plain:
    """Values stored as they are, in C order."""

    dtype: FloatDtype

    @property
    def bits(self) -> int:
        return 8 * DTYPE_BYTES[self.dtype]

    def to_json(self) -> dict[str, object]:
        return {"bits": self.bits if self.dtype != "bfloat16" else 16, "dtype": self.dtype}


@dataclass(frozen=True)
class Grouped:
    """Unsigned integers of ``bits`` bits in groups of ``group_size`` along K, packed in uint32 words.

    Element r of a word sits at bit r*bits. ``value = q * scale + minimum`` where ``zero`` is None (a minimum is
    stored beside each scale), else ``(q - zero) * scale``. The tail of K is padded to a whole group.
    """

    bits: Literal[4, 8]
    group_size: int
    zero: int | None
    scale_dtype: FloatDtype

    def to_json(self) -> dict[str, object]:
        common: dict[str, object] = {
            "bits": self.bits, "group_size": self.group_size, "scale_dtype": self.scale_dtype,
        }  # fmt: skip
        return common | ({"minimum": True} if self.zero is None else {"zero": self.zero})


Scheme = Plain | Grouped


@dataclass(frozen=True)
class Parameter:
    """One stored array: a record of tensor-cache.json and a GPU buffer."""

    role: Literal["weight", "q_weight", "q_scale", "q_scale_min"]
    name: str
    shape: tuple[int, ...]
    dtype: StoredDtype

    @property
    def nbytes(self) -> int:
        return math.prod(self.shape) * DTYPE_BYTES[self.dtype]


def stored_parameters(name: str, shape: tuple[int, ...], scheme: Scheme) -> list[Parameter]:
    """The arrays that hold the tensor ``name`` of ``shape`` (N, K) or (N,) under ``scheme``.

    ``name`` is the logical name without a role suffix (``model.layers.0.mlp.down_proj``); a bias is its own
    tensor whose name ends in ``.bias`` and which is stored under that name.
    """
    if isinstance(scheme, Plain):
        stored_name = name if name.endswith(".bias") else f"{name}.weight"
        return [Parameter("weight", stored_name, shape, scheme.dtype)]
    n, k = shape
    groups = math.ceil(k / scheme.group_size)
    words = groups * scheme.group_size * scheme.bits // 32
    weight = Parameter("q_weight", f"{name}.q_weight", (n, words), "uint32")
    if scheme.zero is None:
        return [weight, Parameter("q_scale_min", f"{name}.q_scale_min", (n, groups, 2), scheme.scale_dtype)]
    return [weight, Parameter("q_scale", f"{name}.q_scale", (n, groups), scheme.scale_dtype)]
