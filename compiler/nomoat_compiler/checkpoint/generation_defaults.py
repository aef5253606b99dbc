"""generation_config.json as the runtime accepts it: "off" is written in one way, and impossible defaults are dropped.

The runtime refuses a package whose defaults it cannot use (runtime/src/text/generation_config.ts); a checkpoint's
author did not mean that. What is dropped is named in a warning.
"""

from __future__ import annotations

import math
import warnings
from typing import Any

from ..errors import NomoatWarning

# Key -> smallest and largest value that the runtime takes.
RANGES: dict[str, tuple[float, float]] = {
    "temperature": (0, 100), "top_p": (0, 1), "top_k": (0, 4_194_303), "repetition_penalty": (0.01, 100),
}  # fmt: skip


def usable_generation_config(generation: dict[str, Any]) -> dict[str, Any]:
    """The same object with usable sampling defaults; keys that say nothing about sampling are left as they are."""
    result = dict(generation)
    for key, (smallest, largest) in RANGES.items():
        if key not in result:
            continue
        value = result[key]
        if key == "top_k" and (value is None or value == -1) and not isinstance(value, bool):
            result[key] = 0  # llama.cpp and vLLM write -1, transformers None; all mean that nothing is cut off.
        elif value is None:
            del result[key]
        elif not _is_number(value) or not smallest <= value <= largest:
            warnings.warn(
                f"generation_config.json has {key} {value!r}, which no sampler can use; it must be a number from "
                f"{smallest:g} to {largest:g}. It is left out.",
                NomoatWarning,
                stacklevel=2,
            )
            del result[key]
    return result


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
