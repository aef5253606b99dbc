"""Random stored tensors and their values in NumPy, and the library's kernels run on them, for the kernel tests."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_dtypes
import numpy as np
from nomoat_compiler.expression import evaluate
from nomoat_compiler.gpu_library import compiled, constant_values, whole
from nomoat_compiler.operators.catalog import OPERATORS, gpu_operator
from nomoat_compiler.operators.definition import call_symbols, definition_symbols
from nomoat_compiler.quantize.packing import pack_words
from nomoat_compiler.reference.quantize import dequantize
from nomoat_compiler.scheme import INTEGER_SCALES, FloatDtype, Grouped, Plain, Scheme, stored_parameters
from nomoat_compiler.targets.webgpu import CompiledVariant, content_hash, specialise

from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter
from tests.parity.webgpu_harness import describe_adapter, dispatch, unsupported_reason

Arrays = dict[str, np.ndarray]
POISON = np.float32(np.nan)
_DTYPES: tuple[FloatDtype, ...] = ("float16", "bfloat16", "float32")
_NUMPY = {"float16": np.float16, "bfloat16": ml_dtypes.bfloat16, "float32": np.float32, "uint32": np.uint32,
          "int32": np.int32}  # fmt: skip
_STORED = {"float16": "f16", "bfloat16": "bf16", "float32": "f32"}
# One for each storage format of the library, and of formats that are open one for everything that they leave open.
SCHEMES: dict[str, Scheme] = {
    **{f"q4m_{_STORED[dtype]}": Grouped(4, 32, None, dtype) for dtype in _DTYPES},
    **{f"q4s_{_STORED[dtype]}": Grouped(4, 32, zero, dtype) for dtype, zero in zip(_DTYPES, (8, 7, 3), strict=True)},
    **{f"q8m_{_STORED[dtype]}": Grouped(8, 32, None, dtype) for dtype in _DTYPES},
    **{f"q8s_{_STORED[dtype]}": Grouped(8, 32, 128, dtype) for dtype in _DTYPES},
    "q2m_u4": Grouped(2, 16, None, "uint4"),
    "q3s_i8": Grouped(3, 16, 4, "int8"),
    "q4m_u8": Grouped(4, 32, None, "uint8"),
    "q4_iq4_nl": Grouped(4, 32, None, "float16", "iq4_nl"),
    "q4_iq4_xs": Grouped(4, 32, None, "int8", "iq4_nl"),
    "q4_mxfp4": Grouped(4, 32, None, "bfloat16", "mxfp4"),
    "q5s_f16": Grouped(5, 32, 16, "float16"),
    "q5m_f16": Grouped(5, 32, None, "float16"),
    "q5m_u8": Grouped(5, 32, None, "uint8"),
    "q6s_i8": Grouped(6, 16, 32, "int8"),
    "q6m_i8": Grouped(6, 16, None, "int8"),
    "q6s_f32": Grouped(6, 16, 1, "float32"),
    **{_STORED[dtype]: Plain(dtype) for dtype in _DTYPES},
}
_compared: set[str] = set()  # variants whose text with fixed constants was seen to give the same bits


def random_matrix(
    rng: np.random.Generator, n: int, k: int, scheme: Scheme, *, subnormal: bool = False
) -> tuple[np.ndarray, Arrays]:
    """The values (n, k) float64 of a random tensor, and its stored arrays {"w", "w_scale"}.

    ``subnormal``: all scales and minimums are, as those of groups of small weights in other programs' files.
    """
    if isinstance(scheme, Plain):
        stored = rng.normal(size=(n, k)).astype(np.float32).astype(_NUMPY[scheme.dtype])
        return stored.astype(np.float64), {"w": stored}
    weight, scale = stored_parameters("w", (n, k), scheme)
    q = rng.integers(0, 1 << scheme.bits, (n, weight.shape[1] * 32 // scheme.bits), dtype=np.uint8)
    scales: np.ndarray
    if scheme.two_level:
        scales = rng.integers(0, 1 << 32, scale.shape, dtype=np.uint32)
        parts = 2 if scheme.minimum else 1
        supers = rng.normal(size=(*scale.shape[:2], parts)) / (1 << (scheme.bits + INTEGER_SCALES[scheme.scale_dtype]))
        scales[..., :parts] = supers.astype(np.float32).view(np.uint32)
    else:
        dtype = _NUMPY[scheme.scale_dtype]
        scales = (rng.uniform(0.5, 1.5, scale.shape) / (1 << scheme.bits)).astype(dtype)
        if subnormal:
            scales = subnormal_halves(rng, scale.shape)
        if scheme.minimum:
            groups = scale.shape[:2]
            scales[..., 1] = -subnormal_halves(rng, groups) if subnormal else rng.normal(size=groups).astype(dtype)
    stored = {"q_weight": pack_words(q, scheme.bits), scale.role: scales}
    values = dequantize(scheme.to_json(), (n, k), stored).astype(np.float64)
    return values, {"w": stored["q_weight"], "w_scale": scales}


def rows_of(arrays: Arrays, rows: np.ndarray) -> Arrays:
    """The stored arrays of some rows of a matrix: what a slice is bound to."""
    return {name: np.ascontiguousarray(array[rows]) for name, array in arrays.items()}


def subnormal_halves(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """float16 below 2^-14 in magnitude, none of them zero, both extremes among them."""
    bits = rng.integers(1, 1024, shape, dtype=np.uint16)
    bits.flat[0], bits.flat[-1] = 1, 1023
    return bits.view(np.float16)


def run_everywhere(
    definition: Mapping[str, Any],
    arrays: Mapping[str, np.ndarray],
    *,
    prefill: bool = False,
    n: int = 1,
    adapter: SoftwareAdapter = SWIFTSHADER,
    rows: Mapping[str, int] | None = None,
) -> Iterator[Arrays]:
    """What the operator wrote, for every choice of variants that fit ``definition`` and that the adapter can run.

    ``rows`` gives first_row and all_rows where ``arrays`` hold a slice of the matrix. Each variant's text with its
    constants filled in is run beside the one with overridable constants once, and must give the same bits.
    """
    for outputs in run_on_each(definition, [arrays], prefill=prefill, n=n, adapter=adapter, rows=rows):
        yield outputs[0]


def run_on_each(
    definition: Mapping[str, Any],
    array_sets: Sequence[Mapping[str, np.ndarray]],
    *,
    prefill: bool = False,
    n: int = 1,
    adapter: SoftwareAdapter = SWIFTSHADER,
    rows: Mapping[str, int] | None = None,
) -> Iterator[list[Arrays]]:
    """``run_everywhere`` on sets of arrays of the same shapes and dtypes."""
    operator = gpu_operator(definition["op"])
    symbols = _symbols(definition, prefill, n) | dict(rows or {})
    scratch = {s.name: np.zeros(int(evaluate(s.length, symbols)), _NUMPY[s.dtype]) for s in operator.scratch}
    stages = {s: stage for s, stage in enumerate(operator.stages) if evaluate(stage.when, symbols)}
    choices = [_suitable(definition["op"], s, symbols, adapter) for s in stages]
    for stage, suitable in zip(stages.values(), choices, strict=True):
        assert suitable, f"{adapter.name} runs no variant of {stage.name} for {definition}"
    for kernels in itertools.product(*choices):
        held = [scratch | dict(arrays) for arrays in array_sets]
        written: list[Arrays] = [{} for _ in held]
        for kernel in kernels:
            for arrays, result, outputs in zip(
                held, written, _run(definition["op"], kernel, held, symbols, adapter), strict=True
            ):
                arrays |= outputs
                result |= outputs
        yield written


def kernel_outputs(
    kernel: CompiledVariant, definition: Mapping[str, Any], arrays: Arrays, adapter: SoftwareAdapter
) -> Arrays:
    """What one kernel wrote, also one that the library does not have."""
    return _run(definition["op"], kernel, [arrays], _symbols(definition, False, 1), adapter)[0]


def _symbols(definition: Mapping[str, Any], prefill: bool, n: int) -> dict[str, Any]:
    rows = whole(definition["rows"]) if "rows" in definition else {}
    return definition_symbols(definition, prefill=prefill) | call_symbols(n) | rows | {"n": n}


def _suitable(op: str, stage: int, symbols: Mapping[str, Any], adapter: SoftwareAdapter) -> list[CompiledVariant]:
    described = describe_adapter(adapter)
    variants = gpu_operator(op).stages[stage].variants
    fitting = [compiled(op, stage, index) for index, variant in enumerate(variants) if evaluate(variant.when, symbols)]
    return [kernel for kernel in fitting if unsupported_reason(kernel.record, described) is None]


def _run(
    op: str,
    kernel: CompiledVariant,
    array_sets: Sequence[Arrays],
    symbols: Mapping[str, Any],
    adapter: SoftwareAdapter,
) -> list[Arrays]:
    # An argument that the definition lacks is bound to the operator's first one, and not read.
    first = OPERATORS[op].arguments[0].name
    names = [binding["argument"] for binding in kernel.record["bindings"]]
    bound = [{name: arrays.get(name, arrays[first]) for name in names} for arrays in array_sets]
    constants = constant_values(kernel.record, symbols)
    outputs = dispatch(kernel.record, kernel.wgsl, bound, symbols, constants, adapter)
    # On the adapter that compiles fastest: what is compared does not depend on the adapter.
    if adapter == SWIFTSHADER and (name := kernel.record["name"]) not in _compared:
        text = specialise(kernel.wgsl, constants)
        record = {**kernel.record, "kernel": content_hash(text)}
        for expected, special in zip(outputs, dispatch(record, text, bound, symbols, {}, adapter), strict=True):
            for argument, array in expected.items():
                same = array.tobytes() == special[argument].tobytes()
                assert same, f"{name}: {argument} depends on how constants are given"
        _compared.add(name)
    return outputs
