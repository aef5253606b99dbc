"""Runs one operator of a compiled program on WebGPU, from Python.

    outputs = run_operator(program, modules, "matmul", {"x": x, "w": w, "out": zeros}, {"n": 4})

``program`` is program.json as a dict, ``modules`` maps a kernel's content hash to its WGSL text. Every
argument that the chosen kernel binds must be in ``arrays`` (outputs too: what they hold before the dispatch
is uploaded, so a test can poison them); what comes back is every argument bound ``read_write``, with the
shape and dtype it went in with. ``variant`` forces one variant by index; without it the first one that the
adapter can run is taken, as the runtime does. ``adapter`` is one of adapters.py.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from nomoat_compiler.expression import evaluate

from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter, running


def run_operator(
    program: Mapping[str, Any],
    modules: Mapping[str, str],
    operator: str,
    arrays: Mapping[str, np.ndarray],
    symbols: Mapping[str, int] | None = None,
    variant: int | None = None,
    adapter: SoftwareAdapter = SWIFTSHADER,
) -> dict[str, np.ndarray]:
    """The arrays bound read_write, after one dispatch. Raises WebGpuError with the implementation's own words."""
    return run_operator_on_each(program, modules, operator, [arrays], symbols, variant, adapter)[0]


def run_operator_on_each(
    program: Mapping[str, Any],
    modules: Mapping[str, str],
    operator: str,
    array_sets: Sequence[Mapping[str, np.ndarray]],
    symbols: Mapping[str, int] | None = None,
    variant: int | None = None,
    adapter: SoftwareAdapter = SWIFTSHADER,
) -> list[dict[str, np.ndarray]]:
    """``run_operator`` on sets of arrays of the same shapes and dtypes, in one call of the adapter's process.

    Every set has buffers and a dispatch of its own. A call takes longer than a small dispatch.
    """
    chosen = _choose(program, operator, variant, describe_adapter(adapter))
    digest, kernel = chosen["kernel"], program["kernels"][chosen["kernel"]]
    launch = {**kernel, "kernel": digest, "grid": chosen["grid"]}
    return dispatch(launch, modules[digest], array_sets, symbols or {}, adapter=adapter)


def dispatch(
    kernel: Mapping[str, Any],
    wgsl: str,
    array_sets: Sequence[Mapping[str, np.ndarray]],
    symbols: Mapping[str, Any],
    constants: Mapping[str, Any] | None = None,
    adapter: SoftwareAdapter = SWIFTSHADER,
) -> list[dict[str, np.ndarray]]:
    """The arrays bound read_write after a dispatch on each of ``array_sets``.

    ``kernel`` names the text and says how it is launched, as the library's record does: kernel, name, entry_point,
    bindings, uniforms and grid. ``symbols`` are those of its expressions.
    """
    names = [binding["argument"] for binding in kernel["bindings"]]
    for arrays in array_sets:
        missing = [name for name in names if name not in arrays]
        if missing:
            raise KeyError(f"{kernel['name']} binds {names}, but arrays lacks {missing}")
    kinds = [[(arrays[name].shape, arrays[name].dtype) for name in names] for arrays in array_sets]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError(f"the sets of arrays for {kernel['name']} differ in shapes or dtypes")
    grid = [evaluate(extent, symbols) for extent in kernel["grid"]]
    if not all(1 <= extent <= 65535 for extent in grid):
        raise ValueError(f"grid of {kernel['name']} is {grid}; each extent must be in 1..65535")
    job = {
        "kernel_hash": kernel["kernel"],
        "kernel_name": kernel["name"],
        "entry_point": kernel["entry_point"],
        "wgsl": wgsl,
        "constants": dict(constants or {}),
        "requires": kernel.get("requires", {}),
        "arguments": [
            {"access": binding["access"], "nbytes": array_sets[0][name].nbytes, "dtype": array_sets[0][name].dtype.name}
            for binding, name in zip(kernel["bindings"], names, strict=True)
        ],
        "uniform": _uniform_bytes(kernel["uniforms"], symbols),
        "grid": grid,
        "dispatches": len(array_sets),
    }
    inputs = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for arrays in array_sets for name in names)
    output = running(adapter).run(job, inputs)
    written = [binding["argument"] for binding in kernel["bindings"] if binding["access"] == "read_write"]
    results = []
    at = 0
    for arrays in array_sets:
        result = {}
        for name in written:
            data = output[at : at + arrays[name].nbytes]
            result[name] = np.frombuffer(data, dtype=arrays[name].dtype).reshape(arrays[name].shape).copy()
            at += arrays[name].nbytes
        results.append(result)
    assert at == len(output)
    return results


def supported_variants(program: Mapping[str, Any], operator: str, adapter: SoftwareAdapter = SWIFTSHADER) -> list[int]:
    """Indices of the variants of an operator that the adapter can run, in the program's order."""
    described = describe_adapter(adapter)
    variants = program["operators"][operator]["variants"]
    return [i for i, v in enumerate(variants) if _unsupported_reason(program, v, described) is None]


def describe_adapter(adapter: SoftwareAdapter = SWIFTSHADER) -> dict[str, Any]:
    """vendor, architecture, description, features, subgroup_min_size, subgroup_max_size and limits."""
    return running(adapter).adapter


def _choose(
    program: Mapping[str, Any], operator: str, variant: int | None, adapter: Mapping[str, Any]
) -> dict[str, Any]:
    variants = program["operators"][operator]["variants"]
    reasons = [_unsupported_reason(program, v, adapter) for v in variants]
    if variant is not None:
        if reasons[variant] is not None:
            raise ValueError(f"variant {variant} of {operator} cannot run on this adapter: {reasons[variant]}")
        return dict(variants[variant])
    for candidate, reason in zip(variants, reasons, strict=True):
        if reason is None:
            return dict(candidate)
    raise ValueError(f"no variant of {operator} can run on this adapter: {reasons}")


def _unsupported_reason(
    program: Mapping[str, Any], variant: Mapping[str, Any], adapter: Mapping[str, Any]
) -> str | None:
    kernel = program["kernels"][variant["kernel"]]
    return unsupported_reason({**kernel, "requires": variant["requires"]}, adapter)


def unsupported_reason(kernel: Mapping[str, Any], adapter: Mapping[str, Any]) -> str | None:
    """Why the adapter cannot run a kernel of the library's record; None where it can."""
    limits, requires = adapter["limits"], kernel["requires"]
    for feature in requires.get("features", []):
        if feature not in adapter["features"]:
            return f"needs the feature {feature}"
    if requires.get("subgroup_min_size", 1) > adapter["subgroup_min_size"]:
        return f"needs subgroups of at least {requires['subgroup_min_size']}"
    sizes = kernel["workgroup_size"]
    if sizes[0] * sizes[1] * sizes[2] > limits["maxComputeInvocationsPerWorkgroup"]:
        return f"needs workgroups of {sizes}"
    for size, axis in zip(sizes, "XYZ", strict=True):
        if size > limits[f"maxComputeWorkgroupSize{axis}"]:
            return f"needs workgroups of {sizes}"
    if kernel["workgroup_bytes"] > limits["maxComputeWorkgroupStorageSize"]:
        return f"needs {kernel['workgroup_bytes']} bytes of workgroup memory"
    if len(kernel["bindings"]) > limits["maxStorageBuffersPerShaderStage"]:
        return f"needs {len(kernel['bindings'])} storage buffers"
    return None


def _uniform_bytes(uniforms: list[dict[str, Any]], symbols: Mapping[str, Any]) -> list[int] | None:
    """The uniform struct: 4-byte members in order, padded to 16 bytes; None where the kernel has none."""
    if not uniforms:
        return None
    formats = {"i32": "<i", "u32": "<I", "f32": "<f"}
    packed = b"".join(struct.pack(formats[u["type"]], evaluate(u["value"], symbols)) for u in uniforms)
    return list(packed + bytes(-len(packed) % 16))
