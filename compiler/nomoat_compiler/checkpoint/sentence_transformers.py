"""What sentence-transformers' files beside an encoder say: how its hidden states become the embedding of a text.

modules.json lists the modules of the pipeline; the folder of the module Pooling has a config.json with a boolean for
each way of pooling.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import Any

from ..errors import NomoatError
from .json_file import read_json_list, read_json_object

MODES = {"pooling_mode_mean_tokens": "mean", "pooling_mode_cls_token": "cls"}
KINDS = ("Transformer", "Pooling", "Normalize")


def read_pooling(folder: Path) -> dict[str, Any] | None:
    """{mode, normalize, and max_seq_length where one is given}; None where there are no such files.

    ``unsupported`` for another module or way of pooling, ``invalid_checkpoint`` for what is no such file.
    """
    if not (folder / "modules.json").is_file():
        return None
    modules = read_json_list(folder / "modules.json")
    kinds = {str(module.get("type")).rpartition(".")[2]: module for module in modules}
    if unknown := sorted(set(kinds) - set(KINDS)):
        raise NomoatError(
            "unsupported",
            f"modules.json has the module {unknown[0][:60]!r}; supported are {', '.join(KINDS)}.",
            module=unknown[0][:60],
        )
    mode = _mode(folder, kinds["Pooling"]) if "Pooling" in kinds else "mean"
    pooling = {"mode": mode, "normalize": "Normalize" in kinds}
    path = (
        folder / "sentence_bert_config.json"
    )  # Texts are cut to this length, which may be less than there are positions.
    longest = read_json_object(path).get("max_seq_length") if path.is_file() else None
    return pooling if longest is None else pooling | {"max_seq_length": longest}


def _mode(folder: Path, module: dict[str, Any]) -> str:
    path = PurePosixPath(str(module.get("path")))
    if len(path.parts) != 1 or ".." in path.parts or path.is_absolute():
        message = f"modules.json has the path {str(path)[:60]!r}; expected a folder beside it."
        raise NomoatError("invalid_checkpoint", message)
    config = read_json_object(folder / path / "config.json")
    asked = sorted(name for name, value in config.items() if name.startswith("pooling_mode_") and value is True)
    if len(asked) != 1 or asked[0] not in MODES:
        raise NomoatError(
            "unsupported", f"The embedding is pooled by {', '.join(asked) or 'nothing'}; supported are the mean of all "
            "tokens and the first token.", modes=", ".join(asked)[:100],
        )  # fmt: skip
    return MODES[asked[0]]
