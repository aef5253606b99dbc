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
Bits = Literal[2, 3, 4, 5, 6, 8]
# Integers times a float32 of each SUPER_COLUMNS columns: name -> bits of one.
IntegerScale = Literal["int8", "uint8", "uint4"]
INTEGER_SCALES: dict[str, int] = {"int8": 8, "uint8": 8, "uint4": 4}
ScaleDtype = FloatDtype | IntegerScale
SUPER_COLUMNS = 256
# What the sixteen numbers of 4 bits stand for where they are no integers: ggml's IQ4_NL, and OCP's e2m1 doubled.
Codebook = Literal["iq4_nl", "mxfp4"]
CODEBOOKS: dict[str, tuple[int, ...]] = {
    "iq4_nl": (-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113),
    "mxfp4": (0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12),
}
# Widths whose words hold four neighbours each (``QUAD_FIELDS``).
QUAD_BITS = (2, 3, 5, 6)
QUAD_COLUMNS = 32
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

        value = q * scale + minimum        ``zero`` is None: a minimum is stored beside each scale
        value = (q - zero) * scale
        value = CODEBOOKS[codebook][q] * scale

    4 and 8 bits: element r of a word sits at bit r*bits, and the tail of K is padded to a whole group. 2, 3, 5 and 6
    bits: the ``bits`` words of 32 elements hold them as QUAD_FIELDS says, and the tail is padded to whole groups and
    to whole 32. Scales and minimums are float numbers, or with an integer ``scale_dtype`` products in float32:

        scale = super_scale * integer      minimum = super_minimum * integer

    with float32 super_scale and super_minimum of each SUPER_COLUMNS columns. uint8 and uint4 go with a minimum.
    """

    bits: Bits
    group_size: int
    zero: int | None
    scale_dtype: ScaleDtype
    codebook: Codebook | None = None

    @property
    def minimum(self) -> bool:
        """Whether a minimum is stored beside each scale."""
        return self.zero is None and self.codebook is None

    @property
    def two_level(self) -> bool:
        return self.scale_dtype in INTEGER_SCALES

    @property
    def super_words(self) -> int:
        """Words of the scales of SUPER_COLUMNS columns: the float32 numbers, then the integers, group by group with
        the minimum after the scale, the first one lowest; of integer scales only.
        """
        per_group = 2 if self.minimum else 1
        return per_group + SUPER_COLUMNS // self.group_size * per_group * INTEGER_SCALES[self.scale_dtype] // 32

    def to_json(self) -> dict[str, object]:
        common: dict[str, object] = {
            "bits": self.bits, "group_size": self.group_size, "scale_dtype": self.scale_dtype,
        }  # fmt: skip
        if self.codebook is not None:
            return common | {"codebook": self.codebook}
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
    # Values of any type go in, which mypy cannot like; _problem refuses those that no scheme has.
    grouped = Grouped(
        value.get("bits"),  # type: ignore[arg-type]
        value["group_size"],
        value.get("zero"),
        value.get("scale_dtype"),  # type: ignore[arg-type]
        value.get("codebook"),
    )
    if problem := _problem(grouped) or ("" if grouped.to_json() == value else "it has other keys, too"):
        raise ValueError(f"a scheme with groups cannot be this: {problem}")
    return grouped


def _problem(scheme: Grouped) -> str:
    """What no scheme may be, of values of any type; empty where all is well."""
    bits, size, zero = scheme.bits, scheme.group_size, scheme.zero
    if type(bits) is not int or bits not in get_args(Bits):
        return f"its bits must be one of {', '.join(map(str, get_args(Bits)))}"
    if type(size) is not int or not 16 <= size <= 256 or size % (32 if bits == 4 or (size > 16 and bits != 8) else 16):
        return "its groups must have at most 256 elements: a multiple of 32, with 8 bits of 16; or 16 but with 4 bits"
    if scheme.codebook is not None and (scheme.codebook not in list(CODEBOOKS) or bits != 4 or zero is not None):
        return f"a codebook is {' or '.join(CODEBOOKS)}, with 4 bits and without a zero or minimum"
    if zero is not None and (type(zero) is not int or not 0 <= zero < 1 << bits):
        return "its zero must fit in its bits"
    if not isinstance(scheme.scale_dtype, str) or scheme.scale_dtype not in (*FLOAT_DTYPES, *INTEGER_SCALES):
        return f"its scale_dtype must be one of {', '.join((*FLOAT_DTYPES, *INTEGER_SCALES))}"
    if scheme.two_level and (size not in (16, 32) or (scheme.scale_dtype != "int8" and not scheme.minimum)):
        return "integer scales are of 16 or 32 elements, and uint8 and uint4 go with a minimum"
    return ""


# By bits, for each of the eight quads of 32 elements the pieces of its numbers from the lowest bit on: (word, bit,
# width). Quad i is elements 4i to 4i + 3; element 4i + b has its pieces at bit 8b + ``bit`` of its words.
QUAD_FIELDS: dict[int, tuple[tuple[tuple[int, int, int], ...], ...]] = {
    2: tuple(((i // 4, 2 * (i % 4), 2),) for i in range(8)),
    3: (
        *(((i // 2, 3 * (i % 2), 3),) for i in range(6)),
        ((0, 6, 2), (1, 6, 1)),
        ((2, 6, 2), (1, 7, 1)),
    ),
    5: (
        *(((i, 0, 5),) for i in range(5)),
        ((0, 5, 3), (1, 5, 2)),
        ((2, 5, 3), (3, 5, 2)),
        ((4, 5, 3), (1, 7, 1), (3, 7, 1)),
    ),
    6: (
        *(((i, 0, 6),) for i in range(6)),
        ((0, 6, 2), (1, 6, 2), (2, 6, 2)),
        ((3, 6, 2), (4, 6, 2), (5, 6, 2)),
    ),
}


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
    padded = groups * scheme.group_size
    if scheme.bits in QUAD_BITS:
        padded = math.ceil(padded / QUAD_COLUMNS) * QUAD_COLUMNS
    weight = Parameter("q_weight", f"{name}.q_weight", (n, padded * scheme.bits // 32), "uint32")
    role: Literal["q_scale", "q_scale_min"] = "q_scale_min" if scheme.minimum else "q_scale"
    if scheme.two_level:
        scales: tuple[int, ...] = (n, math.ceil(k / SUPER_COLUMNS), scheme.super_words)
        return [weight, Parameter(role, f"{name}.{role}", scales, "uint32")]
    scales = (n, groups, 2) if scheme.minimum else (n, groups)
    # Integer scales returned above, so this is the dtype of floats; mypy does not narrow by two_level.
    return [weight, Parameter(role, f"{name}.{role}", scales, scheme.scale_dtype)]  # type: ignore[arg-type]
