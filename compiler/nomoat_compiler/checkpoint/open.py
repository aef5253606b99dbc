"""Opens a checkpoint by what it is: a folder, a GGUF file, a config.json, or a hub id."""

from __future__ import annotations

from pathlib import Path

from ..errors import NomoatError
from .checkpoint import Checkpoint
from .gguf_file import GgufCheckpoint
from .gguf_parts import first_parts
from .hub import HUB_ID, fetch_from_hub
from .huggingface import ConfigCheckpoint, HuggingFaceCheckpoint
from .mlc_config import CONFIG_NAME as MLC_CONFIG_NAME
from .mlc_folder import MlcCheckpoint
from .mlc_index import INDEX_NAMES as MLC_INDEX_NAMES
from .weight_files import INDEX_NAME, SINGLE_NAME, has_weight_files


def open_checkpoint(model: str | Path, *, with_weights: bool = True) -> Checkpoint:
    """The checkpoint at ``model``; close it when done.

    Without weights, config.json is enough, and nothing more is fetched from the hub. Errors: ``model_not_found``,
    ``unsupported`` (a format that is not read), and those of the checkpoint itself.
    """
    path = Path(model).expanduser()
    if path.is_dir():
        return _open_folder(path, path.resolve().name, with_weights=with_weights)
    if path.is_file():
        return _open_file(path, with_weights=with_weights)
    if HUB_ID.match(str(model)):
        folder = fetch_from_hub(str(model), with_weights=with_weights)
        return _open_folder(folder, str(model), with_weights=with_weights)
    raise NomoatError(
        "model_not_found",
        f"{model} is neither a folder, nor a file, nor a hub id (owner/name). Give a Hugging Face folder, a .gguf "
        "file, a config.json (with --program-only) or a hub id.",
    )


def _open_file(path: Path, *, with_weights: bool) -> Checkpoint:
    if path.suffix.lower() == ".gguf":
        return GgufCheckpoint(path)
    if path.name == "config.json":
        return _open_folder(path.parent, path.resolve().parent.name, with_weights=with_weights)
    if path.suffix == ".json" and not with_weights:
        return ConfigCheckpoint(path, path.stem)
    if path.suffix in (".bin", ".pt", ".pth"):
        raise _pytorch(path.name)
    if path.suffix == ".safetensors":
        raise NomoatError(
            "model_not_found", f"{path.name} holds weights only; give the folder that also has its config.json."
        )
    raise NomoatError("unsupported", f"{path.name} is of no known kind: give a folder, a .gguf file or a config.json.")


def _open_folder(folder: Path, source: str, *, with_weights: bool) -> Checkpoint:
    names = {path.name for path in folder.iterdir()}
    if MLC_CONFIG_NAME in names and names & set(MLC_INDEX_NAMES):
        return MlcCheckpoint(folder, source)
    if "config.json" in names:
        if not with_weights:
            return ConfigCheckpoint(folder / "config.json", source)
        if has_weight_files(names):
            return HuggingFaceCheckpoint(folder, source)
    gguf_names = first_parts(names)
    if len(gguf_names) == 1:
        return GgufCheckpoint(folder / gguf_names[0])
    if gguf_names:
        raise NomoatError(
            "invalid_request", f"{source} has {len(gguf_names)} GGUF files ({', '.join(gguf_names[:4])}...); give one."
        )
    if any(name.startswith("pytorch_model") and name.endswith(".bin") for name in names):
        raise _pytorch(source)
    if "config.json" in names:
        raise NomoatError(
            "model_not_found",
            f"{source} has a config.json but no weights: looked for {SINGLE_NAME}, {INDEX_NAME} and *.gguf. "
            "For a program without weights use --program-only.",
        )
    raise NomoatError(
        "model_not_found",
        f"{source} is no model folder: looked for config.json with {SINGLE_NAME} or {INDEX_NAME}, and for *.gguf.",
    )


def _pytorch(name: str) -> NomoatError:
    return NomoatError(
        "unsupported",
        f"{name} is a PyTorch pickle, which can run code when it is loaded. Convert it with transformers: "
        "AutoModelForCausalLM.from_pretrained(folder).save_pretrained(folder, safe_serialization=True).",
    )
