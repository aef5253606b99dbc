"""Quantization schemes as data: how one tensor is stored, and which stored arrays hold it.

A scheme says nothing about kernels or checkpoints. ``program.schema.json`` has the same fields.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

FloatDtype = Literal["float32", "float16", "bfloat16"]
FLOAT_DTYPES: tuple[FloatDtype, ...] = get_args(FloatDtype)
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


def scheme_from_json(value: object) -> Scheme:
    """The scheme whose ``to_json`` is ``value``; ValueError where there is none."""
    if not isinstance(value, Mapping):
        raise ValueError("a scheme must be an object")
    if "group_size" not in value:
        plain = next((Plain(dtype) for dtype in FLOAT_DTYPES if Plain(dtype).to_json() == value), None)
        if plain is None:
            raise ValueError(
                "a scheme without groups has bits and dtype only: 32 of float32, 16 of float16 or bfloat16"
            )
        return plain
    bits, group_size, zero = value.get("bits"), value["group_size"], value.get("zero")
    if bits not in (4, 8) or type(group_size) is not int or not 16 <= group_size <= 256 or group_size % (128 // bits):
        raise ValueError("a scheme with groups has 4 bits in multiples of 32 or 8 bits in multiples of 16, at most 256")
    has_minimum = value.get("minimum") is True
    if not has_minimum and (type(zero) is not int or not 0 <= zero < 1 << bits):
        raise ValueError("a scheme with groups has a minimum, or a zero that fits in its bits")
    grouped = Grouped(bits, group_size, None if has_minimum else zero, value.get("scale_dtype"))  # type: ignore[arg-type]
    if grouped.scale_dtype not in FLOAT_DTYPES or grouped.to_json() != value or type(bits) is not int:
        raise ValueError("a scheme with groups has bits, group_size, scale_dtype, and zero or minimum: true")
    return grouped


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
