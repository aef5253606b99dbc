"""Which scheme each tensor gets, from the name of a quantization and from how the checkpoint stores the tensor.

GGUF blocks under q4 and q8 keep their values bit for bit: the scheme follows the block types of a tensor's sources.
Matrices of floats share what q4 has of bits (allocate.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, get_args

from ..checkpoint.checkpoint import FLOAT_KIND_BYTES, Checkpoint
from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec
from ..scheme import Bits, Grouped, Plain, Scheme
from .allocate import allocate
from .ggml_blocks import MIXED, NATIVE

Quantization = Literal["q4", "q8", "f16", "f32", "q4f16_1", "q4f32_1", "q0f16", "q0f32"]
QUANTIZATIONS: tuple[str, ...] = get_args(Quantization)
# MLC's schemes; their arithmetic and their labels on disk follow MLC, see reference of mlc.py and writer.py.
MLC_FLOAT_DTYPES: dict[str, Literal["float16", "float32"]] = {
    "q4f16_1": "float16", "q4f32_1": "float32", "q0f16": "float16", "q0f32": "float32",
}  # fmt: skip

GROUP_SIZE = 32
MATRICES = frozenset({"linear", "embedding", "lm_head"})
FLOAT_KINDS = frozenset(FLOAT_KIND_BYTES)
WITH_FLOAT16_SCALES = frozenset({"Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0"})
K_QUANTS = frozenset({"Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K"})
Q4_ASYMMETRIC = Grouped(4, GROUP_SIZE, None, "float16")
Q4_SYMMETRIC = Grouped(4, GROUP_SIZE, 8, "float16")
Q8_ASYMMETRIC = Grouped(8, GROUP_SIZE, None, "float16")
Q8_SYMMETRIC = Grouped(8, GROUP_SIZE, 128, "float16")
MLC_SCHEMES: dict[str, Scheme] = {
    "q4f16_1": Grouped(4, GROUP_SIZE, 7, "float16"),
    "q4f32_1": Grouped(4, GROUP_SIZE, 7, "bfloat16"),
    "q0f16": Plain("float16"),
    "q0f32": Plain("bfloat16"),
}
# What norms and biases are stored as: MLC converts float32 to bfloat16 on disk.
MLC_SMALL: dict[str, Scheme] = {
    "q4f16_1": Plain("float16"), "q4f32_1": Plain("bfloat16"), "q0f16": Plain("float16"), "q0f32": Plain("bfloat16"),
}  # fmt: skip


def choose_schemes(
    specs: Sequence[TensorSpec],
    checkpoint: Checkpoint,
    quantization: str | None,
    bits_per_weight: float | None = None,
) -> tuple[str, dict[str, Scheme]]:
    """(name, scheme of each logical tensor). ``quantization`` None: the checkpoint's own, else q4, or q8 for a GGUF
    file in Q8_0 throughout. ``bits_per_weight``: what the matrices of floats may have in the mean under q4.

    ``invalid_request`` for a name that is not in QUANTIZATIONS, and for bits that nothing is to be stored in.
    """
    if quantization is not None and quantization not in QUANTIZATIONS:
        raise NomoatError(
            "invalid_request", f"The quantization {quantization!r} is unknown; known are {', '.join(QUANTIZATIONS)}."
        )
    kinds = {spec.name: _source_kinds(spec, checkpoint) for spec in specs}
    quantization = quantization or checkpoint.quantization
    if quantization is None:
        linear_kinds = {kind for spec in specs if spec.kind == "linear" for kind in kinds[spec.name]}
        quantization = "q8" if linear_kinds == {"Q8_0"} else "q4"
    schemes = {spec.name: _scheme(spec, kinds[spec.name], quantization) for spec in specs}
    of_floats = [spec for spec in specs if spec.kind in MATRICES and kinds[spec.name] <= FLOAT_KINDS]
    if quantization == "q4" and of_floats:
        schemes |= allocate(of_floats, bits_per_weight)
    elif bits_per_weight is not None:
        problem = "no matrix of this checkpoint is stored as floats" if quantization == "q4" else f"not {quantization}"
        raise NomoatError("invalid_request", f"Only q4 of floats has a number of bits per weight: {problem}.")
    return quantization, schemes


def searches_scales(specs: Sequence[TensorSpec], checkpoint: Checkpoint, quantization: str) -> bool:
    """Whether a matrix of floats is to be stored in so few bits that it matters which errors are made."""
    of_floats = (spec for spec in specs if spec.kind in MATRICES and _source_kinds(spec, checkpoint) <= FLOAT_KINDS)
    return quantization == "q4" and checkpoint.source_format != "config" and any(of_floats)


def _scheme(spec: TensorSpec, kinds: set[str], quantization: str) -> Scheme:
    if spec.kind in ("norm", "bias"):
        return MLC_SMALL.get(quantization, Plain("float32"))
    if quantization in MLC_SCHEMES:
        return MLC_SCHEMES[quantization]
    if quantization == "f16":
        return Plain("float16")
    if quantization == "f32":
        return Plain("float32")
    return _grouped(spec, kinds, quantization)


def _grouped(spec: TensorSpec, kinds: set[str], quantization: str) -> Scheme:
    """The smallest scheme that holds every source block exactly, and floats as well as ``quantization`` asks."""
    if (
        len(kinds) == 1
        and (quantization == "q4" or not kinds <= WITH_FLOAT16_SCALES)
        and (kind := min(kinds)) in NATIVE
    ):
        return NATIVE[kind]
    if not kinds <= WITH_FLOAT16_SCALES | FLOAT_KINDS:
        # Types of more than one kind in a matrix: K-quants have a scheme in common, others only plain numbers.
        return MIXED if kinds <= K_QUANTS else Plain("float16")
    # An error in an embedding or in the logits is not averaged over a sum, so floats get 8 bits there.
    float_bits: Bits = 8 if quantization == "q8" or spec.kind in ("embedding", "lm_head") else 4
    bits: list[Bits] = [float_bits] if kinds & FLOAT_KINDS or quantization == "q8" else [4]
    most = max([*bits, *(NATIVE[kind].bits for kind in kinds - FLOAT_KINDS)])
    with_minimum = any(NATIVE[kind].minimum for kind in kinds - FLOAT_KINDS) or (most < 8 and bool(kinds & FLOAT_KINDS))
    return Grouped(most, GROUP_SIZE, None if with_minimum else 1 << (most - 1), "float16")


def _source_kinds(spec: TensorSpec, checkpoint: Checkpoint) -> set[str]:
    if checkpoint.source_format == "config":  # A program without weights: as for floats, the only kind of config.json.
        return {"float32"}
    names = set(checkpoint.names())
    # What is computed is float32, whatever it is computed from; zeros that stand for nothing fit any scheme.
    kinds: set[str] = {
        "float32" if source.computes else checkpoint.stored(source.name).kind
        for source in spec.sources
        if source.name in names or not source.optional
    }
    # MLC's groups are kept by the quantization of their name; to any other they are numbers.
    return {"float32" if kind in MLC_SCHEMES else kind for kind in kinds}
