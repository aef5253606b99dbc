"""The architectures that can be compiled: a family for each of transformers' classes, by its name.

Nothing outside of this folder asks which architecture a model has: it asks ``read_model``, and the rest is data.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import NomoatError
from .bert import read_bert, read_roberta
from .config_reader import ConfigReader, StoredTensors
from .embedding_gemma import read_embedding_gemma
from .gemma import read_gemma, read_gemma2, read_gemma3
from .gpt_neox import read_gpt_neox
from .granite import read_granite, read_granite_hybrid, read_minicpm
from .internlm2 import read_internlm2
from .lfm2 import read_lfm2
from .llama import read_llama
from .mistral import read_ministral3, read_mistral
from .model import Model
from .olmo2 import read_olmo2
from .phi3 import read_phi3
from .qwen import read_qwen2, read_qwen3
from .smollm3 import read_smollm3
from .stablelm import read_stablelm


@dataclass(frozen=True)
class Family:
    """``classes`` are names in ``architectures`` of config.json, transformers' own first."""

    classes: tuple[str, ...]
    model_type: str
    read: Callable[[ConfigReader], Model]
    models: str  # what people know it as
    knobs: str  # what it has that LLaMA has not
    encodes: bool = False  # texts to vectors, instead of answering


FAMILIES = (
    Family(("LlamaForCausalLM", "LLaMAForCausalLM"), "llama", read_llama,
           "LLaMA 1 to 3, Alpaca, Vicuna, TinyLlama, SmolLM 1 and 2, Yi, DeepSeek distills",
           "RoPE default, linear, dynamic, llama3, yarn; partial rotation; any head_dim; biases by projection"),
    Family(("MistralForCausalLM",), "mistral", read_mistral, "Mistral 7B, Zephyr, Nemo", "sliding window"),
    Family(("Ministral3ForCausalLM",), "ministral3", read_ministral3, "Ministral 3",
           "yarn; contexts up to the length of its training"),
    Family(("Qwen2ForCausalLM",), "qwen2", read_qwen2, "Qwen2, Qwen2.5, DeepSeek distills",
           "biases on q, k, v; sliding window in some layers"),
    Family(("Qwen3ForCausalLM",), "qwen3", read_qwen3, "Qwen3", "norms of queries and keys over each head"),
    Family(("InternLM2ForCausalLM",), "internlm2", read_internlm2, "InternLM2, 2.5 and 3's second generation",
           "wqkv interleaved by groups of heads"),
    Family(("SmolLM3ForCausalLM",), "smollm3", read_smollm3, "SmolLM3", "layers without RoPE"),
    Family(("Phi3ForCausalLM",), "phi3", read_phi3, "Phi-3, Phi-3.5, Phi-4, Phi-4-mini",
           "fused qkv and gate_up, partial rotation, LongRoPE with both lists, sliding window"),
    Family(("GemmaForCausalLM",), "gemma", read_gemma, "Gemma 1, CodeGemma",
           "as LLaMA, with 1 + w norms, GeGLU and scaled embedding"),
    Family(("Gemma2ForCausalLM",), "gemma2", read_gemma2, "Gemma 2",
           "1 + w norms, four in a layer, GeGLU, scaled embedding, soft caps, query scale, windows"),
    Family(("Gemma3ForCausalLM", "Gemma3ForConditionalGeneration"), "gemma3_text", read_gemma3,
           "Gemma 3 (text, also of the models that see)",
           "as Gemma 2, with norms of queries and keys and two RoPE tables",
           ),
    Family(("Olmo2ForCausalLM",), "olmo2", read_olmo2, "OLMo 2",
           "norms after each branch, and of queries and keys over all heads"),
    Family(("GraniteForCausalLM",), "granite", read_granite, "Granite 3",
           "multipliers of embedding, attention, branches and logits"),
    Family(("GraniteMoeHybridForCausalLM",), "granitemoehybrid", read_granite_hybrid, "Granite 4 dense",
           "as Granite 3; layers of attention only, no experts"),
    Family(("MiniCPMForCausalLM",), "minicpm", read_minicpm, "MiniCPM 1 and 2",
           "scale_emb, scale_depth, dim_model_base"),
    Family(("StableLmForCausalLM", "StableLMEpochForCausalLM"), "stablelm", read_stablelm, "StableLM 3B, StableLM 2",
           "LayerNorm, partial rotation, biases on q, k, v, parallel residual"),
    Family(("GPTNeoXForCausalLM",), "gpt_neox", read_gpt_neox, "Pythia, Dolly 2, RedPajama-INCITE, StableLM-alpha",
           "interleaved query_key_value, LayerNorm, GELU, parallel or serial residual, partial rotation"),
    Family(("Lfm2ForCausalLM",), "lfm2", read_lfm2, "LFM2", "gated short convolutions with a recurrent state"),
    Family(("BertModel", "BertForMaskedLM"), "bert", read_bert, "BERT, MiniLM, bge, e5",
           "encoder: mean or CLS pooling, normalisation", True),
    Family(("XLMRobertaModel", "RobertaModel", "XLMRobertaForMaskedLM", "RobertaForMaskedLM"), "xlm-roberta",
           read_roberta, "RoBERTa, XLM-RoBERTa, multilingual e5, bge-m3",
           "encoder, positions after the padding token's",
           True),
    Family(("Gemma3TextModel",), "gemma3_text", read_embedding_gemma, "EmbeddingGemma",
           "encoder: Gemma 3 in both directions, linear layers behind the pooling", True),
)  # fmt: skip
# Models that have a text model among others: its configuration is the object text_config, and by its type the family.
WITHIN_OTHERS = ("Gemma3ForConditionalGeneration", "Mistral3ForConditionalGeneration")
BY_CLASS = {name: family for family in FAMILIES for name in family.classes}
# A type that two families have, one of them an encoder, means the one that answers.
BY_MODEL_TYPE = {family.model_type: family for family in reversed(FAMILIES)} | {"roberta": BY_CLASS["RobertaModel"]}


def read_model(config: Mapping[str, Any], stored: StoredTensors | None = None) -> Model:
    """The model that ``config`` (the parsed config.json) describes; what ``stored`` has decides where it is silent.

    ``unknown_architecture``, ``unsupported`` and ``invalid_checkpoint`` name what is wrong, before a weight is read.
    """
    name, config = _text_model(config)
    return BY_CLASS[name].read(ConfigReader(config, stored))


def _text_model(config: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    """(class, its configuration) of the model that reads and writes text; the checkpoint has it under its own names."""
    name = _class(config)
    text = config.get("text_config")
    if name not in WITHIN_OTHERS or not isinstance(text, dict):
        return name, config
    inner = {key: value for key, value in config.items() if key in ("tie_word_embeddings", "pooling")} | text
    family = BY_MODEL_TYPE.get(str(text.get("model_type")))
    if family is None:
        raise _unknown(f"text_config of {name} has the model_type {str(text.get('model_type'))[:60]!r}", name)
    return family.classes[0], inner


def _class(config: Mapping[str, Any]) -> str:
    names = config.get("architectures")
    by_type = BY_MODEL_TYPE.get(str(config.get("model_type")))
    if names is None and by_type is not None:
        return by_type.classes[0]
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise _unknown("config.json names no architecture", str(names)[:100])
    for name in names:
        if name in BY_CLASS or name in WITHIN_OTHERS:
            return str(name)
    raise _unknown(f"The model's architecture is {names[0][:100]!r}", names[0][:100])


def _unknown(problem: str, found: str) -> NomoatError:
    known = ", ".join(family.classes[0] for family in FAMILIES)
    return NomoatError("unknown_architecture", f"{problem}; NoMoat compiles {known}.", found=found)
