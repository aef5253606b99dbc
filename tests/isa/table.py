"""The figures of every kernel as a table that a person compares line by line, and the limits that they must keep.

registers   vector registers of an invocation; a wave has 64
waves       of which a SIMD has place for so many
scratch     bytes of memory that an invocation spills to
workgroup   bytes of workgroup memory
code        instructions of the program
executed    by one wave; in prefill for all its tokens
product     executed × lanes for each product of a weight and an activation, of a matrix product: in decode for
            each weight
x/w         loads of activations and gains for each load of weights
passes      how often a kernel of the vocabulary loads from an array over it
bytes/wait  least bytes that a lane has in flight for a latency that a loop waits for (machine_code.py)
open        loops whose turns depend on data; they count as ASSUMED_TURNS turns in what is executed or loaded
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.metadata import version
from pathlib import Path
from typing import Any

from tests.isa.compile import FAMILY, CompiledKernel, compile_kernels
from tests.isa.machine_code import read_machine_code
from tests.isa.model_kernels import ModelKernel, model_kernels
from tests.parity.lavapipe import ROOT

LIMITS = Path(__file__).with_name("limits.json")


@dataclass(frozen=True)
class Figures:
    """``None``: the kernel has no such figure."""

    kernel: str
    registers: int
    waves: int
    scratch_bytes: int
    workgroup_bytes: int
    code: int
    executed: int
    per_product: float | None
    activation_loads: float | None  # x/w
    passes: float | None
    bytes_per_wait: float | None
    open_loops: int


COLUMNS: tuple[tuple[str, str, str], ...] = (
    ("registers", "registers", "d"), ("waves", "waves", "d"), ("scratch", "scratch_bytes", "d"),
    ("workgroup", "workgroup_bytes", "d"), ("code", "code", "d"), (" executed", "executed", "d"),
    ("product", "per_product", ".2f"), ("x/w", "activation_loads", ".2f"), ("passes", "passes", ".2f"),
    ("bytes/wait", "bytes_per_wait", ".1f"), ("open", "open_loops", "d"),
)  # fmt: skip


@dataclass(frozen=True)
class Report:
    """``made_with``: what the figures depend on beside the kernels. ``models``: by name, as in ``model_kernels``.
    ``assembly``: machine code by kernel."""

    made_with: str
    models: dict[str, list[Figures]]
    assembly: dict[str, str]


def measure(patterns: Sequence[str] = ("*",)) -> Report:
    """Compiles every kernel whose label matches a pattern; needs ``find_radv``."""
    models = {
        name: [kernel for kernel in kernels if any(fnmatch(kernel.label, pattern) for pattern in patterns)]
        for name, kernels in model_kernels().items()
    }
    mesa, compiled = compile_kernels([kernel for kernels in models.values() for kernel in kernels])
    results = iter(compiled)
    made = {name: [(kernel, next(results)) for kernel in kernels] for name, kernels in models.items() if kernels}
    figures = {name: [figures_of(*pair) for pair in pairs] for name, pairs in made.items()}
    assembly = {kernel.label: result.assembly for pairs in made.values() for kernel, result in pairs}
    dawn = json.loads((ROOT / "node_modules" / "webgpu" / "package.json").read_text())["version"]
    return Report(f"Mesa {mesa}, {FAMILY}; Dawn {dawn}; TVM {version('apache-tvm')}", figures, assembly)


def figures_of(kernel: ModelKernel, compiled: CompiledKernel) -> Figures:
    code = read_machine_code(compiled.assembly)
    loads = {name: code.loads[binding] for binding, name in enumerate(kernel.bindings)}
    load_bytes = {name: code.load_bytes[binding] for binding, name in enumerate(kernel.bindings)}
    statistics = compiled.statistics
    of_vocabulary = max((load_bytes.get(name, 0) for name in ("logits", "weights")), default=0)
    least = code.least_bytes_per_wait
    return Figures(
        kernel=kernel.label,
        registers=statistics["VGPRs"],
        waves=statistics["Subgroups per SIMD"],
        scratch_bytes=statistics["Scratch size"],
        workgroup_bytes=statistics["LDS size"],
        code=statistics["Instructions"],
        executed=int(code.instructions),
        per_product=code.instructions * kernel.invocations / kernel.products if kernel.products else None,
        activation_loads=(loads["x"] + loads.get("gain", 0)) / loads["w"] if kernel.products else None,
        passes=of_vocabulary * kernel.invocations / (4 * kernel.vocab_size) if kernel.vocab_size else None,
        bytes_per_wait=None if math.isinf(least) else least,
        open_loops=code.open_loops,
    )


def table_text(report: Report) -> str:
    width = max((len(figures.kernel) for kernels in report.models.values() for figures in kernels), default=0)
    lines = [f"# {report.made_with}"]
    for model, kernels in report.models.items():
        lines += ["", f"{model:{width}}" + "".join(f"{title:>{len(title) + 2}}" for title, _, _ in COLUMNS)]
        lines += [f"{figures.kernel:{width}}" + "".join(_cells(figures)) for figures in kernels]
    return "\n".join(line.rstrip() for line in lines) + "\n"


def _cells(figures: Figures) -> Sequence[str]:
    cells = [(title, getattr(figures, attribute), form) for title, attribute, form in COLUMNS]
    return [f"{'-' if value is None else format(value, form):>{len(title) + 2}}" for title, value, form in cells]


def broken_limits(report: Report) -> list[str]:
    """What passes a limit of limits.json: [{"kernels": pattern, "at_most": {figure: value}, "at_least": ...}]."""
    broken = []
    for limit in json.loads(LIMITS.read_text()):
        found = [f for kernels in report.models.values() for f in kernels if fnmatch(f.kernel, limit["kernels"])]
        for bound, sign in (("at_most", 1), ("at_least", -1)):
            for name, value in limit.get(bound, {}).items():
                measured = [(f.kernel, getattr(f, name)) for f in found if getattr(f, name) is not None]
                broken += [
                    f"{kernel}: {name} {_number(got)}, {bound.replace('_', ' ')} {value}"
                    for kernel, got in measured
                    if sign * got > sign * value
                ]
    return broken


def _number(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)
