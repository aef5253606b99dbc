"""What the checkpoint means to transformers, where that is installed: its own loading, its own arithmetic, float32.

A reader that misunderstands a checkpoint misunderstands it in the package and in our reference alike, so that the two
agree. transformers shares no code with either.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib import metadata, util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from nomoat_compiler.checkpoint.gguf_parts import first_parts

from nomoat.verification.compare import Logits

DISTRIBUTION = "transformers"
FLOAT32_BYTES = 4
# Of the memory that is free: the model takes its weights once while it is loaded.
LARGEST_SHARE = 0.6


class NotRead(Exception):
    """Why transformers does not read the checkpoint here: ``str`` of it is a sentence for people."""


def transformers_logits(
    model: str, parameter_count: int, sequences: Sequence[tuple[list[int], int]]
) -> tuple[str, list[Logits]]:
    """(what computed them, for each (token ids, first position) the logits from there on, float32).

    ``NotRead`` where transformers is not installed, cannot load the checkpoint, or would take too much memory.
    """
    _require_installed_and_small(parameter_count)
    import torch

    loaded = _loaded(model, "AutoModelForCausalLM")
    results = []
    with torch.no_grad():
        for token_ids, first_position in sequences:
            logits = loaded(torch.tensor([token_ids])).logits[0, first_position:]
            results.append(logits.float().numpy().astype(np.float32))
    return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}", results


def transformers_embeddings(
    model: str, parameter_count: int, texts: Sequence[str], *, pools_mean: bool, normalizes: bool
) -> tuple[str, npt.NDArray[np.float32]]:
    """(what computed them, float32 (texts, size)): its tokenizer's ids through its model, pooled, then through the
    linear layers of sentence-transformers.

    ``NotRead`` as above.
    """
    _require_installed_and_small(parameter_count)
    import torch

    tokenizer, loaded = _loaded(model, "AutoTokenizer"), _loaded(model, "AutoModel")
    dense, rows = _dense_layers(model), []
    with torch.no_grad():
        for text in texts:
            hidden = loaded(**tokenizer([text], return_tensors="pt")).last_hidden_state[0].float()
            row = hidden.mean(dim=0) if pools_mean else hidden[0]
            for layer in dense:
                row = torch.nn.functional.linear(row, layer["linear.weight"].float(), layer.get("linear.bias"))
            rows.append((torch.nn.functional.normalize(row, dim=0) if normalizes else row).numpy())
    return f"{DISTRIBUTION} {metadata.version(DISTRIBUTION)}", np.stack(rows)


def _dense_layers(model: str) -> list[dict[str, Any]]:
    """The tensors of each linear layer that modules.json names, of a folder or a model of the hub."""
    from safetensors.torch import load_file
    from transformers.utils import cached_file

    if Path(model).expanduser().is_file():
        return []
    where = str(Path(model).expanduser()) if Path(model).expanduser().is_dir() else model
    modules = cached_file(where, "modules.json", _raise_exceptions_for_missing_entries=False)
    if modules is None:
        return []
    paths = [m["path"] for m in json.loads(Path(modules).read_text()) if m["type"].endswith(".Dense")]
    return [load_file(str(cached_file(where, f"{path}/model.safetensors"))) for path in paths]


def _require_installed_and_small(parameter_count: int) -> None:
    if any(util.find_spec(name) is None for name in (DISTRIBUTION, "torch")):
        raise NotRead("transformers and torch are not installed (pip install transformers torch)")
    free_bytes = available_memory_bytes()
    if free_bytes is not None and parameter_count * FLOAT32_BYTES > LARGEST_SHARE * free_bytes:
        raise NotRead(f"in float32 the model takes {parameter_count * FLOAT32_BYTES} bytes, and {free_bytes} are free")


def available_memory_bytes() -> int | None:
    """None where the system does not tell."""
    path = Path("/proc/meminfo")
    match = re.search(r"^MemAvailable:\s*(\d+) kB", path.read_text(), re.MULTILINE) if path.exists() else None
    return int(match[1]) * 1024 if match else None


def _loaded(model: str, auto_class: str) -> Any:
    """A model, ready to be called, or a tokenizer."""
    import torch
    import transformers

    path = Path(model).expanduser()
    # Code that comes with a checkpoint is not run.
    options: dict[str, Any] = {"trust_remote_code": False}
    if auto_class != "AutoTokenizer":
        options |= {"dtype": torch.float32}
    where: dict[str, Any] = {"pretrained_model_name_or_path": model, "use_safetensors": True}
    if path.is_dir():
        where["pretrained_model_name_or_path"] = str(path)
        parts = first_parts(file.name for file in path.iterdir())
        if parts and not (path / "config.json").is_file():
            path = path / parts[0]
    if path.is_file():
        where = {"pretrained_model_name_or_path": str(path.parent)}
        where |= {"gguf_file": path.name} if path.suffix.lower() == ".gguf" else {"use_safetensors": True}
    try:
        loaded = getattr(transformers, auto_class).from_pretrained(**where, **options)
    except Exception as error:  # Whatever its loaders raise: they share no base class.
        raise NotRead(f"transformers cannot load it: {str(error).strip().splitlines()[0][:200]}") from error
    return loaded if auto_class == "AutoTokenizer" else loaded.eval()
