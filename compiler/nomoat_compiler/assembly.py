"""Builds program.json from a configuration and a scheme per tensor. Needs no weights and, without kernels, no TVM.

The order of everything in the result is fixed by the plan, so the same input gives the same bytes.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from .errors import NomoatError
from .models.config import LlamaConfig
from .models.llama import LLAMA_PLAN, constants, layer_attributes
from .program.instance import Instance, instantiate, plan_tensors, tensor_schemes
from .program.scope import Configuration
from .program.tensor_spec import TensorSpec
from .scheme import Scheme

PAGE_SIZE = 16
PREFILL_CHUNK = 128


@dataclass(frozen=True)
class Program:
    """``json`` is program.json, ``instance`` what it says for this model; ``modules`` own WGSL texts by hash."""

    json: dict[str, Any]
    instance: Instance
    modules: dict[str, str]


def configuration_of(config: LlamaConfig, context_length: int) -> Configuration:
    """The symbols of a model's plan."""
    return Configuration(
        config.to_json(), layer_attributes(config), context_length=context_length, prefill_chunk=PREFILL_CHUNK,
        page_size=PAGE_SIZE,
    )  # fmt: skip


def tensor_specs(config: LlamaConfig, context_length: int) -> list[TensorSpec]:
    """The model's logical tensors in storage order: what is to be quantized."""
    return plan_tensors(LLAMA_PLAN, configuration_of(config, context_length))


def build_program(
    config: LlamaConfig,
    schemes: Mapping[str, Scheme],
    *,
    quantization: str,
    context_length: int,
) -> Program:
    configuration = configuration_of(config, context_length)
    distinct, by_template = tensor_schemes(LLAMA_PLAN, configuration, schemes)
    program = {
        "format": "nomoat-program",
        "version": 3,
        "model": config.to_json(),
        "layers": layer_attributes(config),
        "context_length": context_length,
        "prefill_chunk": PREFILL_CHUNK,
        "page_size": PAGE_SIZE,
        "quantization": quantization,
        "plan": LLAMA_PLAN,
        "schemes": [scheme.to_json() for scheme in distinct],
        "tensor_schemes": by_template,
        "constants": [_constant(name, array) for name, array in constants(config).items()],
        "kernels": {},
        "own_operators": [],
    }
    return Program(program, instantiate(program), {})


def _constant(name: str, array: np.ndarray) -> dict[str, Any]:
    little = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"))
    return {"name": name, "data": base64.b64encode(little.tobytes()).decode()}
