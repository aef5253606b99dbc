"""adapter_config.json: which modules a LoRA adapts, with which rank and which scale, read as PEFT reads it.

Patterns come from strangers, and Python's own engine can be made to run for years by a short one. Pydantic's is Rust's
``regex``, whose time grows with the pattern and the name; it has no look-around and no back references.

Source: ``check_target_module_exists`` and ``get_pattern_key`` of PEFT 0.21, and ``LoraConfig``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any

from pydantic import StringConstraints, TypeAdapter, ValidationError
from pydantic_core import SchemaError

from ..checkpoint.json_file import read_json_object
from ..errors import NomoatError

CONFIG_NAME = "adapter_config.json"
MAX_CONFIG_BYTES = 1 << 20
MAX_PATTERN_LENGTH = 4096
MAX_RANK = 1024
MAX_ALPHA = 1e6
# What training was like, which says nothing about the result, and what only the file of the base would be found by.
ABOUT_TRAINING = frozenset(
    (
        "auto_mapping", "base_model_name_or_path", "corda_config", "ensure_weight_tying", "eva_config",
        "fan_in_fan_out",  # How the *base* is stored; A and B are the same.
        "inference_mode", "loftq_config", "lora_dropout", "lora_ga_config", "megatron_config", "megatron_core",
        "peft_version", "qalora_group_size", "revision", "runtime_config", "task_type",
    )
)  # fmt: skip
READ = frozenset(
    (
        "alpha_pattern", "bias", "exclude_modules", "init_lora_weights", "layers_pattern", "layers_to_transform",
        "lora_alpha", "peft_type", "r", "rank_pattern", "target_modules", "use_rslora",
    )
)  # fmt: skip
# Beginnings that leave the base as it was; the others (pissa, olora, corda, loftq) change its weights before training.
PLAIN_BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal")


@dataclass(frozen=True)
class PeftConfig:
    """A checked LoRA configuration. ``path``: of a module, as ``model.layers.0.mlp.up_proj``."""

    r: int
    lora_alpha: float
    use_rslora: bool
    rank_pattern: Mapping[str, int]
    alpha_pattern: Mapping[str, float]
    target_modules: str | tuple[str, ...]
    exclude_modules: str | tuple[str, ...]
    layers_to_transform: tuple[int, ...]
    layers_pattern: tuple[str, ...]

    @classmethod
    def read(cls, folder: Path) -> PeftConfig:
        """``unsupported`` names a field that asks for more than LoRA, ``invalid_checkpoint`` a malformed one."""
        return cls.from_json(read_json_object(folder / CONFIG_NAME, max_bytes=MAX_CONFIG_BYTES))

    @classmethod
    def from_json(cls, config: Mapping[str, Any]) -> PeftConfig:
        if config.get("peft_type") != "LORA":
            raise unsupported("peft_type", config.get("peft_type"), "only LORA is read")
        _refuse_extras(config)
        target = config.get("target_modules")
        if not isinstance(target, str):
            target = _strings(config, "target_modules")
        if not target:
            raise invalid("target_modules", target, "a list of names, a pattern or all-linear")
        exclude = config.get("exclude_modules")
        layers = config.get("layers_to_transform")
        pattern = config.get("layers_pattern")
        return cls(
            r=_rank("r", config.get("r")),
            lora_alpha=_alpha("lora_alpha", config.get("lora_alpha")),
            use_rslora=_boolean(config, "use_rslora"),
            rank_pattern={key: _rank("rank_pattern", rank) for key, rank in _table(config, "rank_pattern").items()},
            alpha_pattern={key: _alpha("alpha_pattern", a) for key, a in _table(config, "alpha_pattern").items()},
            target_modules=target,
            exclude_modules=exclude if isinstance(exclude, str) else _strings(config, "exclude_modules"),
            layers_to_transform=_layers([layers] if type(layers) is int else layers),
            layers_pattern=(pattern,) if isinstance(pattern, str) and pattern else _strings(config, "layers_pattern"),
        )

    def targets(self, path: str, *, is_output: bool) -> bool:
        """Whether the module is adapted. ``is_output``: it makes the logits, which "all-linear" leaves out."""
        if self._is_named(path, self.exclude_modules, "exclude_modules"):
            return False
        if isinstance(self.target_modules, str):
            if self.target_modules.lower() == "all-linear":
                return not is_output
            return matches("target_modules", self.target_modules, path)
        if path in self.target_modules:
            return True
        return self._is_named(path, self.target_modules, "target_modules") and self._is_in_layers(path)

    def rank(self, path: str) -> int:
        return self.rank_pattern.get(_key(self.rank_pattern, path, "rank_pattern"), self.r)

    def scale(self, path: str) -> float:
        """What B·A is multiplied by: alpha / r, or alpha / sqrt(r) with ``use_rslora``."""
        rank = self.rank(path)
        alpha = self.alpha_pattern.get(_key(self.alpha_pattern, path, "alpha_pattern"), self.lora_alpha)
        return alpha / (math.sqrt(rank) if self.use_rslora else rank)

    @staticmethod
    def _is_named(path: str, names: str | tuple[str, ...], field: str) -> bool:
        if isinstance(names, str):
            return bool(names) and matches(field, names, path)
        return path in names or any(path.endswith(f".{name}") for name in names)

    def _is_in_layers(self, path: str) -> bool:
        """The layer is the first number in the path, or the first behind a name of ``layers_pattern``."""
        if not self.layers_to_transform:
            return True
        names = path.split(".")
        for before, name in pairwise(names):
            named = not self.layers_pattern or any(matches("layers_pattern", p, before) for p in self.layers_pattern)
            if name.isascii() and name.isdigit() and named:
                return int(name) in self.layers_to_transform
        return False


def matches(field: str, pattern: str, text: str) -> bool:
    """Whether ``pattern`` is all of ``text``; ``unsupported`` for one that the engine cannot take."""
    try:
        _matcher(field, pattern).validate_python(text)
    except ValidationError:
        return False
    return True


@cache
def _matcher(field: str, pattern: str) -> TypeAdapter[str]:
    if len(pattern) > MAX_PATTERN_LENGTH:
        raise unsupported(field, pattern, f"a pattern may have {MAX_PATTERN_LENGTH} characters")
    try:
        return TypeAdapter(Annotated[str, StringConstraints(pattern=f"^(?:{pattern})$")])
    except (SchemaError, ValueError) as error:
        raise unsupported(
            field,
            pattern,
            "this pattern cannot be read: look-around and back references are not. Name the modules",
        ) from error


def _key(patterns: Mapping[str, Any], path: str, field: str) -> str:
    """The first pattern that is the module's name, or the end of its path."""
    return next((key for key in patterns if matches(field, rf"(?:.*\.)?(?:{key})", path)), "")


def _refuse_extras(config: Mapping[str, Any]) -> None:
    if config.get("bias", "none") != "none":
        raise unsupported("bias", config["bias"], "only none: biases would change the base for every request")
    if config.get("init_lora_weights") not in PLAIN_BEGINNINGS:
        raise unsupported(
            "init_lora_weights", config["init_lora_weights"],
            "it changes the base before training. Let PEFT convert the adapter to LoRA when it is saved",
        )  # fmt: skip
    for field, value in config.items():
        # Newer versions write fields of their own, which say nothing while they are off.
        if field not in READ and field not in ABOUT_TRAINING and field != "bias" and value not in (None, False, [], {}):
            raise unsupported(field, value, "only plain LoRA is computed")


def _strings(config: Mapping[str, Any], field: str) -> tuple[str, ...]:
    value = config.get(field)
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise invalid(field, value, "a list of names")
    return tuple(value)


def _table(config: Mapping[str, Any], field: str) -> dict[str, Any]:
    value = config.get(field) or {}
    if not isinstance(value, dict):
        raise invalid(field, value, "an object of numbers by pattern")
    return value


def _layers(value: Any) -> tuple[int, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(type(layer) is int for layer in value):
        raise invalid("layers_to_transform", value, "an integer or a list of integers")
    return tuple(value)


def _rank(field: str, value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MAX_RANK:
        raise invalid(field, value, f"an integer from 1 to {MAX_RANK}")
    return value


def _alpha(field: str, value: Any) -> float:
    if type(value) not in (int, float) or not abs(value) <= MAX_ALPHA:
        raise invalid(field, value, "a number")
    return float(value)


def _boolean(config: Mapping[str, Any], field: str) -> bool:
    value = config.get(field, False)
    if value not in (None, True, False):
        raise invalid(field, value, "true or false")
    return bool(value)


def invalid(field: str, value: object, expected: str) -> NomoatError:
    return NomoatError(
        "invalid_checkpoint", f"{CONFIG_NAME} has {field} {str(value)[:80]!r}; it must be {expected}.", field=field
    )


def unsupported(field: str, value: object, why: str) -> NomoatError:
    return NomoatError(
        "unsupported", f"The adapter cannot be used: {CONFIG_NAME} has {field} {str(value)[:80]!r}, and {why}.",
        field=field,
    )  # fmt: skip
