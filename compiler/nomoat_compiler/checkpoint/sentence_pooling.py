"""How sentence-transformers makes one vector of a text: modules.json, and the pooling module's config.json.

``{"mode": "mean" | "cls" | ..., "normalize": bool, "cuts": True, "dense": [...]}``, and ``max_seq_length`` where it is
given, which stands under ``pooling`` in a checkpoint's configuration. That library cuts texts that are longer than the
model reads. ``dense`` are linear layers behind the pooling: ``{"path", "rows", "columns", "bias"}``; their tensors,
``linear.weight`` and ``linear.bias``, lie in ``path``/model.safetensors.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import NomoatError
from .json_file import parse_json_object, read_json_object

MODULES_NAME = "modules.json"
MAX_MODULES_BYTES = 1 << 16
MAX_CONFIG_BYTES = 1 << 24  # of tokenizer_config.json, which may list every added token
LONGEST_TEXT = 1 << 30  # transformers writes 10^30 for a tokenizer without a limit
MODULE_PATH = re.compile(r"^[A-Za-z0-9_-]{1,60}$")
MODES = {
    "pooling_mode_cls_token": "cls", "pooling_mode_mean_tokens": "mean", "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len", "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}  # fmt: skip
# What runs the model itself, and what of it may follow, in this order.
KNOWN_MODULES = ("Transformer", "Pooling", "Dense", "Normalize")
# Between linear layers nothing may stand: only then they can be computed before the mean.
IDENTITY = "Identity"


def read_pooling(folder: Path) -> dict[str, Any] | None:
    """None where the folder is no sentence-transformers model; ``unsupported`` for modules that change the vector."""
    path = folder / MODULES_NAME
    if not path.is_file():
        return None
    if path.stat().st_size > MAX_MODULES_BYTES:
        raise NomoatError("invalid_checkpoint", f"{MODULES_NAME} is larger than {MAX_MODULES_BYTES} bytes.")
    modules = parse_json_object(b'{"modules":' + path.read_bytes() + b"}", MODULES_NAME)["modules"]
    if not isinstance(modules, list) or not all(isinstance(module, dict) for module in modules):
        raise NomoatError("invalid_checkpoint", f"{MODULES_NAME} must hold a list of objects.", file=MODULES_NAME)
    kinds = [str(module.get("type")).rsplit(".", 1)[-1] for module in modules]
    other = next((kind for kind in kinds if kind not in KNOWN_MODULES), None)
    if other is not None:
        raise NomoatError(
            "unsupported", f"{MODULES_NAME} names the module {other[:60]}; {', '.join(KNOWN_MODULES)} are supported."
        )
    if kinds != sorted(kinds, key=KNOWN_MODULES.index):
        order = ", ".join(kinds)
        raise NomoatError(
            "unsupported", f"{MODULES_NAME} has {order[:200]}; only the order {', '.join(KNOWN_MODULES)} is supported."
        )
    mode, dense = "mean", []
    for module, kind in zip(modules, kinds, strict=True):
        if kind == "Pooling":
            mode = _mode(_module_config(folder, module))
        elif kind == "Dense":
            dense.append(_dense(str(module.get("path")), _module_config(folder, module)))
    pooling = {"mode": mode, "normalize": "Normalize" in kinds, "cuts": True} | ({"dense": dense} if dense else {})
    longest = _longest_text(folder)
    return pooling if longest is None else pooling | {"max_seq_length": longest}


def _longest_text(folder: Path) -> Any:
    """The library's own max_seq_length; without it the tokenizer's model_max_length, which is huge for none."""
    for name, key in (("sentence_bert_config.json", "max_seq_length"), ("tokenizer_config.json", "model_max_length")):
        path = folder / name
        value = read_json_object(path, max_bytes=MAX_CONFIG_BYTES).get(key) if path.is_file() else None
        if value is not None and not (key == "model_max_length" and _is_huge(value)):
            return value
    return None


def _is_huge(length: object) -> bool:
    return isinstance(length, int | float) and length > LONGEST_TEXT


def _module_config(folder: Path, module: Mapping[str, Any]) -> dict[str, Any]:
    name = module.get("path")
    if not isinstance(name, str) or not MODULE_PATH.match(name):
        raise NomoatError(
            "invalid_checkpoint",
            f"{MODULES_NAME} has the path {str(name)[:60]!r}; the name of a folder is needed.",
            file=MODULES_NAME,
        )
    return read_json_object(folder / name / "config.json", max_bytes=MAX_MODULES_BYTES)


def _dense(path: str, config: Mapping[str, Any]) -> dict[str, Any]:
    activation = str(config.get("activation_function")).rsplit(".", 1)[-1]
    if activation != IDENTITY:
        raise NomoatError(
            "unsupported",
            f"The linear layer in {path} is followed by {activation[:60]}; only {IDENTITY} is supported.",
        )
    return {
        "path": path, "rows": config.get("out_features"), "columns": config.get("in_features"),
        "bias": config.get("bias", True),
    }  # fmt: skip


def _mode(config: Mapping[str, Any]) -> str:
    modes = [mode for key, mode in MODES.items() if config.get(key) is True]
    given = config.get("pooling_mode")
    modes = [given] if isinstance(given, str) and not modes else modes
    if len(modes) != 1:
        raise NomoatError("unsupported", f"The pooling is {' and '.join(modes) or 'not named'}; one mode is supported.")
    return modes[0]
