"""Fetches a checkpoint from the Hugging Face hub into its local cache."""

from __future__ import annotations

import errno
import re
from pathlib import Path

from ..errors import NomoatError

HUB_ID = re.compile(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}$")
CONFIG_PATTERNS = [
    "config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "tokenizer.model",
    "chat_template.jinja", "README.md", "modules.json", "1_Pooling/config.json",
    "sentence_bert_config.json", "[0-9]_Dense/config.json",
]  # fmt: skip
# Only what lies at the top: some repositories carry other formats of the same weights in folders (original/, onnx/).
WEIGHT_PATTERNS = [
    "model*.safetensors", "[0-9]_Dense/model.safetensors", "model.safetensors.index.json",
    "mlc-chat-config.json", "tensor-cache.json", "ndarray-cache.json", "params_shard_*.bin",
]  # fmt: skip


def fetch_from_hub(hub_id: str, *, with_weights: bool) -> Path:
    """The local folder of the snapshot.

    ``model_not_found`` where the hub has no such repository, ``not_allowed`` where it is gated, ``storage_quota``
    where the disk is full, ``network`` for every other failure.
    """
    import huggingface_hub  # Imported here: it is slow to load, and most compiles start from a local file.
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    patterns = CONFIG_PATTERNS + (WEIGHT_PATTERNS if with_weights else [])
    try:
        return Path(huggingface_hub.snapshot_download(hub_id, allow_patterns=patterns))
    except GatedRepoError as error:
        raise NomoatError(
            "not_allowed",
            f"{hub_id} is gated: accept its licence on the hub, and log in (hf auth login).",
            model=hub_id,
        ) from error
    except RepositoryNotFoundError as error:
        raise NomoatError(
            "model_not_found",
            f"The hub has no model {hub_id}, or it is private and you are not logged in.",
            model=hub_id,
        ) from error
    except Exception as error:  # The HTTP library's own errors share no base class with the hub's.
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NomoatError(
                "storage_quota", f"The disk is full: {hub_id} could not be stored.", model=hub_id
            ) from error
        raise NomoatError(
            "network",
            f"{hub_id} could not be fetched from the hub: {error}. Check the connection, or download the folder and "
            "pass its path.",
            model=hub_id,
        ) from error
