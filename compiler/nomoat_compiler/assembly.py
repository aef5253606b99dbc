"""Builds program.json from a configuration and a scheme per tensor. Needs no weights and, without kernels, no TVM.

The order of everything in the result is fixed by the plan, so the same input gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .errors import NomoatError
from .models.model import Model
from .portable import base64_of_singles
from .program.instance import Instance, instantiate
from .program.scope import Configuration
from .program.tensor_spec import TensorSpec
from .program.tensors import plan_tensors, tensor_schemes
from .scheme import Plain, Scheme

PAGE_SIZE = 16
PREFILL_CHUNK = 128


@dataclass(frozen=True)
class Program:
    """``json`` is program.json, ``instance`` what it says for this model; ``modules`` own WGSL texts by hash."""

    json: dict[str, Any]
    instance: Instance
    modules: dict[str, str]


def configuration_of(model: Model, context_length: int) -> Configuration:
    """The symbols of a model's plan."""
    return Configuration(
        model.config, model.layers, context_length=context_length, prefill_chunk=_chunk(model, context_length),
        page_size=PAGE_SIZE,
    )  # fmt: skip


def tensor_specs(model: Model) -> list[TensorSpec]:
    """The model's logical tensors in storage order: what is to be quantized. None depends on the context length."""
    return plan_tensors(model.plan, configuration_of(model, context_length=1))


def build_program(
    model: Model,
    schemes: Mapping[str, Scheme],
    *,
    quantization: str,
    context_length: int,
    own_kernels: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Program:
    """``schemes``: one for each of ``tensor_specs``. ``on_progress(done, total)`` counts operators.

    ``unsupported`` for a model that no operator can run. Only ``own_kernels`` needs TVM.
    """
    progress = on_progress or (lambda done, total: None)
    program = program_json(model, schemes, quantization, context_length)
    instance = _instantiated(program)
    modules: dict[str, str] = {}
    if own_kernels:
        modules = _add_own_kernels(program, instance, progress)
        instance = _instantiated(program)
    progress(len(instance.operators), len(instance.operators))
    return Program(program, instance, modules)


def program_json(model: Model, schemes: Mapping[str, Scheme], quantization: str, context_length: int) -> dict[str, Any]:
    """program.json without kernels of its own, and not yet tried."""
    configuration = configuration_of(model, context_length)
    distinct, by_template = tensor_schemes(model.plan, configuration, schemes)
    return {
        "format": "nomoat-program",
        "version": 3,
        "model": model.config | {"plain_weights": _plain(model, schemes)},
        "layers": model.layers,
        "context_length": context_length,
        "prefill_chunk": _chunk(model, context_length),
        "page_size": PAGE_SIZE,
        "quantization": quantization,
        "plan": model.plan,
        "schemes": [scheme.to_json() for scheme in distinct],
        "tensor_schemes": by_template,
        "constants": [{"name": name, "data": base64_of_singles(made)} for name, made in model.constants.items()],
        "kernels": {},
        "own_operators": [],
    }


def _plain(model: Model, schemes: Mapping[str, Scheme]) -> bool:
    """Whether every matrix of the layers is stored as plain numbers."""
    return all(isinstance(schemes[spec.name], Plain) for spec in tensor_specs(model) if spec.kind == "linear")


def _chunk(model: Model, context_length: int) -> int:
    """Most tokens of a call: an encoder reads a text at once."""
    return context_length if model.whole_texts else PREFILL_CHUNK


def _instantiated(program: dict[str, Any]) -> Instance:
    """The instance. What it refuses in a program of ours is a configuration that no operator takes."""
    try:
        return instantiate(program)
    except NomoatError as error:
        raise NomoatError("unsupported", f"This model cannot be compiled: {error.message}") from error


def _add_own_kernels(
    program: dict[str, Any], instance: Instance, on_progress: Callable[[int, int], None]
) -> dict[str, str]:
    """Writes ``kernels`` and ``own_operators`` into ``program``; returns the WGSL by hash."""
    from .gpu_library import own_kernels  # Here, since TVM takes two seconds to import.

    calls = instance.calls()
    modules: dict[str, str] = {}
    for done, (key, prefill) in enumerate(calls):
        entry, kernels, texts = own_kernels(instance.operators[key]["definition"], prefill=prefill)
        program["own_operators"].append(entry)
        program["kernels"] |= kernels
        modules |= texts
        on_progress(done + 1, len(calls))
    program["kernels"] = dict(sorted(program["kernels"].items()))
    return modules
