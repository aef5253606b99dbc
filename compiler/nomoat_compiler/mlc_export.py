"""A checkpoint as an MLC folder, for mlc-llm and WebLLM: ``nomoat compile --format mlc``.

The weights are those of a package in the same quantization; the names differ for Qwen, whose stack MLC calls c_attn.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from .assembly import PREFILL_CHUNK, tensor_specs
from .checkpoint.checkpoint import Checkpoint
from .checkpoint.mlc_config import CONFIG_NAME, MODEL_TYPES
from .checkpoint.open import open_checkpoint
from .checkpoint.tokenizer_files import load_tokenizer, token_text
from .errors import NomoatError
from .mlc_template import FoundTemplate, conv_template_of
from .models.registry import read_model
from .program.package import check_may_write, package_in_place
from .program.tensor_spec import TensorSpec
from .quantize.choose import MLC_FLOAT_DTYPES, choose_schemes
from .quantize.sources import StoredIn, check_sources
from .quantize.writer import write_weights

DEFAULT_QUANTIZATION = "q4f16_1"
ARCHITECTURES = {architecture: model_type for model_type, (architecture, _) in MODEL_TYPES.items()}
# Families whose stack of q, k and v MLC calls c_attn, and those whose q, k and v have biases.
C_ATTN, BIASES = ("qwen2", "qwen3"), ("qwen2",)
# What mlc-llm's own converter writes where a checkpoint says nothing.
SAMPLING = {
    "temperature": 1.0,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "repetition_penalty": 1.0,
    "top_p": 1.0,
}
MODEL_FIELDS = (
    "hidden_size", "intermediate_size", "num_attention_heads", "num_hidden_layers", "rms_norm_eps", "vocab_size",
    "tie_word_embeddings", "num_key_value_heads", "head_dim",
)  # fmt: skip
OnProgress = Callable[[str, int, int], None]


def export_mlc(
    model: str | Path,
    output: str | Path,
    *,
    quantization: str | None = None,
    context_length: int | None = None,
    on_progress: OnProgress | None = None,
) -> list[str]:
    """Writes the folder ``output``, complete or not at all; returns what somebody should know about it.

    ``invalid_request`` for a quantization that is not MLC's, ``unsupported`` for an architecture, a bias or a chat
    template that mlc-llm does not have, and the errors of a compile.
    """
    progress = on_progress or (lambda stage, done, total: None)
    quantization = quantization or DEFAULT_QUANTIZATION
    if quantization not in MLC_FLOAT_DTYPES:
        raise NomoatError(
            "invalid_request", f"MLC has no quantization {quantization}; it has {', '.join(MLC_FLOAT_DTYPES)}."
        )
    folder = Path(output).expanduser().resolve()
    check_may_write(folder)
    with closing(open_checkpoint(model)) as checkpoint:
        model_type = _model_type(checkpoint)
        described = read_model(checkpoint.config, StoredIn(checkpoint))
        specs = tensor_specs(described)
        check_sources(specs, checkpoint)
        _, schemes = choose_schemes(specs, checkpoint, quantization)
        names = {spec.name: _mlc_name(spec, model_type) for spec in specs}
        files = checkpoint.tokenizer_files()
        found = _conversation(files)
        progress("open", 1, 1)
        chat_config = _chat_config(described.config, checkpoint, model_type, quantization, context_length, files, found)
        with package_in_place(folder) as place:
            write_weights(
                place, specs, checkpoint, schemes, quantization,
                lambda done, total: progress("weights", done, total), folder="", names=names,
            )  # fmt: skip
            for name in ("tokenizer.json", "tokenizer_config.json"):
                if name in files:
                    (place / name).write_bytes(files[name])
            (place / CONFIG_NAME).write_text(json.dumps(chat_config, indent=2, ensure_ascii=False) + "\n", "utf-8")
            progress("package", 1, 1)
    return _warnings(files, found)


def _model_type(checkpoint: Checkpoint) -> str:
    names = checkpoint.config.get("architectures") or [""]
    architecture = next((name for name in names if name in ARCHITECTURES), None)
    if architecture is None:
        raise NomoatError(
            "unsupported",
            f"{str(names[0])[:60]} cannot be written as an MLC folder; {', '.join(ARCHITECTURES)} can. Write a package "
            "of NoMoat's own format.",
        )
    return ARCHITECTURES[architecture]


def _mlc_name(spec: TensorSpec, model_type: str) -> str:
    if spec.kind == "bias" and not (spec.name.endswith("qkv_proj.bias") and model_type in BIASES):
        raise NomoatError("unsupported", f"mlc-llm's {model_type} has no {spec.name}.", tensor=spec.name)
    return spec.name.replace(".qkv_proj", ".c_attn") if model_type in C_ATTN else spec.name


def _conversation(files: dict[str, bytes]) -> FoundTemplate:
    tokenizer_config = json.loads(files.get("tokenizer_config.json", b"{}"))
    generation = json.loads(files.get("generation_config.json", b"{}"))
    texts = {
        name: token_text(tokenizer_config.get(name)) for name in ("bos_token", "eos_token", "pad_token", "unk_token")
    }
    prefix = None
    if texts["bos_token"] and "tokenizer.json" in files:
        bos_id = load_tokenizer(files["tokenizer.json"]).token_to_id(texts["bos_token"])
        prefix = None if bos_id is None else (texts["bos_token"], bos_id)
    return conv_template_of(
        files["chat_template.jinja"].decode("utf-8") if "chat_template.jinja" in files else None,
        special_tokens={name: text for name, text in texts.items() if text is not None},
        prefix=prefix,
        stop_token_ids=list(generation.get("eos_token_id") or []),
        stop_strings=list(generation.get("stop_strings") or []),
    )


def _chat_config(
    config: dict[str, Any],
    checkpoint: Checkpoint,
    model_type: str,
    quantization: str,
    context_length: int | None,
    files: dict[str, bytes],
    found: FoundTemplate,
) -> dict[str, Any]:
    """mlc-chat-config.json, version 0.1.0."""
    window = checkpoint.config.get("sliding_window") if model_type == "mistral" else None
    context = context_length or config["max_position_embeddings"]
    generation = json.loads(files.get("generation_config.json", b"{}"))
    rope = {k: v for k, v in config["rope_parameters"].items() if k not in ("rope_theta", "partial_rotary_factor")}
    scaling = None if rope["rope_type"] == "default" else rope
    serving = {
        "context_window_size": -1 if window else context, "prefill_chunk_size": min(context, PREFILL_CHUNK * 16),
    }  # fmt: skip
    if model_type == "mistral":
        serving |= {"sliding_window_size": window or -1, "attention_sink_size": 4 if window else -1}
    theta = float(config["rope_parameters"]["rope_theta"])
    model_config = {name: config[name] for name in MODEL_FIELDS} | serving | {
        "position_embedding_base": theta, "rope_theta": theta, "rope_scaling": scaling, "hidden_act": "silu",
        "attention_bias": model_type in BIASES, "max_position_embeddings": config["max_position_embeddings"],
        "tensor_parallel_shards": 1, "max_batch_size": 128,
    }  # fmt: skip
    return {
        "version": "0.1.0", "model_type": model_type, "quantization": quantization, "model_config": model_config,
        "vocab_size": config["vocab_size"], "context_window_size": serving["context_window_size"],
        "sliding_window_size": window or -1, "prefill_chunk_size": serving["prefill_chunk_size"],
        "attention_sink_size": -1, "tensor_parallel_shards": 1, "model_task": "chat",
        **{name: generation.get(name, default) for name, default in SAMPLING.items()},
        "tokenizer_files": [name for name in ("tokenizer.json", "tokenizer_config.json") if name in files],
        "tokenizer_info": _tokenizer_info(json.loads(files.get("tokenizer.json", b"{}"))),
        "conv_template": found.conv_template, "pad_token_id": generation.get("pad_token_id", 0),
        "bos_token_id": checkpoint.config.get("bos_token_id"),
        "eos_token_id": generation.get("eos_token_id") or checkpoint.config.get("eos_token_id"),
    }  # fmt: skip


def _tokenizer_info(tokenizer: dict[str, Any]) -> dict[str, Any]:
    """How MLC turns tokens back into bytes, read from the decoder and the normalizer of tokenizer.json."""
    decoder, normalizer = json.dumps(tokenizer.get("decoder")), json.dumps(tokenizer.get("normalizer"))
    metaspace = json.dumps(tokenizer.get("pre_tokenizer"))
    return {
        "token_postproc_method": "byte_fallback" if "ByteFallback" in decoder else "byte_level",
        "prepend_space_in_encode": '"Prepend"' in normalizer or '"prepend_scheme": "always"' in metaspace,
        "strip_space_in_decode": '"Strip"' in decoder,
    }


def _warnings(files: dict[str, bytes], found: FoundTemplate) -> list[str]:
    warnings = []
    if "tokenizer.json" not in files:
        warnings.append("The checkpoint has no tokenizer: mlc-llm needs one beside the weights.")
    if "chat_template.jinja" not in files:
        warnings.append("The checkpoint has no chat template: conversations will be plain text.")
    elif not found.same_without_system:
        warnings.append(
            "Conversations without a system message are rendered with an empty one, as MLC has no other way."
        )
    return warnings
