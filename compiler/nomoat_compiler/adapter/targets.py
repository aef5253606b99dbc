"""Which rows of which tensor of a plan each module of an adapter changes.

A plan stacks modules (q, k and v; gate and up) into one matrix, and says from which tensors of the checkpoint: a module
is the name of such a source without ``.weight``. So every architecture works, and none is named here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec
from .peft_config import CONFIG_NAME
from .peft_folder import LoraPair, PeftFolder

SUFFIX = ".weight"


@dataclass(frozen=True)
class Target:
    """The module ``path`` is part number ``part`` of ``spec``; its B·A is multiplied by ``scale``."""

    path: str
    spec: TensorSpec
    part: int
    rank: int
    scale: float


def find_targets(adapter: PeftFolder, specs: Sequence[TensorSpec]) -> list[Target]:
    """The adapted modules in the plan's order. ``specs``: all tensors of the base.

    ``invalid_checkpoint`` where the file and the configuration do not name the same modules or ranks, or a shape does
    not fit the base; ``unsupported`` for a module whose tensor is no plain matrix product (embeddings, the head).
    """
    targets: list[Target] = []
    known: set[str] = set()
    for spec in specs:
        for part, source in enumerate(spec.sources):
            path = source.name.removesuffix(SUFFIX)
            if path == source.name or path in known or spec.kind in ("norm", "bias"):
                continue
            known.add(path)
            asked = path in adapter.pairs or adapter.config.targets(path, is_output=spec.kind != "linear")
            if asked and (source.block or source.computes):
                raise NomoatError(
                    "unsupported",
                    f"{adapter.name} adapts {path}, whose rows are taken apart: such modules cannot be adapted.",
                    field="target_modules", module=path,
                )  # fmt: skip
            if spec.kind == "linear":
                targets += _target(adapter, spec, part, path)
            elif asked:
                raise NomoatError(
                    "unsupported",
                    f"{adapter.name} adapts {path}, an embedding or output matrix, as target_modules says. Only the "
                    "matrices between them can be adapted for each request.",
                    field="target_modules", module=path,
                )  # fmt: skip
    unknown = sorted(set(adapter.pairs) - known)
    if unknown:
        raise NomoatError(
            "invalid_checkpoint",
            f"{adapter.name} adapts {unknown[0]}, which the base does not have. It was made for another model.",
            module=unknown[0],
        )
    if not targets:
        raise NomoatError(
            "invalid_checkpoint",
            f"target_modules of {CONFIG_NAME} names no module of the base. It was made for another model.",
            field="target_modules",
        )
    return targets


def _target(adapter: PeftFolder, spec: TensorSpec, part: int, path: str) -> list[Target]:
    wanted, pair = adapter.config.targets(path, is_output=False), adapter.pairs.get(path)
    if pair is None and not wanted:
        return []
    if pair is None or not wanted:
        says, has = ("names", "does not have") if wanted else ("does not name", "has")
        raise NomoatError(
            "invalid_checkpoint",
            f"{CONFIG_NAME} {says} {path} in target_modules, with exclude_modules and layers_to_transform, and the "
            f"adapter's file {has} it.",
            field="target_modules", module=path,
        )  # fmt: skip
    rank = adapter.config.rank(path)
    _check_shapes(pair, path, rank, spec.sources[part].rows, spec.shape[1])
    return [Target(path, spec, part, rank, adapter.config.scale(path))]


def _check_shapes(pair: LoraPair, path: str, rank: int, rows: int, columns: int) -> None:
    for name, (tensor, _), shape in (("lora_A", pair.a, (rank, columns)), ("lora_B", pair.b, (rows, rank))):
        if tensor.shape != shape:
            raise NomoatError(
                "invalid_checkpoint",
                f"{name} of {path} has the shape {list(tensor.shape)}, but rank {rank} and the base call for "
                f"{list(shape)}. Check r and rank_pattern, and that the adapter was made for this base.",
                field="r", module=path,
            )  # fmt: skip
