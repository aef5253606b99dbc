"""Proves that every family knows every key of transformers' configuration class, with transformers' defaults, and that
what it does not support is named before a weight is read. Needs transformers.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import transformers
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.config_reader import ConfigReader
from nomoat_compiler.models.registry import BY_CLASS, FAMILIES, read_model
from transformers import PreTrainedConfig

# What files say about training, generation and the library, none of which changes what a model computes.
IRRELEVANT = {
    "initializer_range", "use_cache", "pad_token_id", "bos_token_id", "eos_token_id", "attention_dropout",
    "hidden_dropout", "hidden_dropout_prob", "attention_probs_dropout_prob", "resid_pdrop", "embd_pdrop",
    "classifier_dropout", "transformers_version", "model_type",
    "pretraining_tp",  # sums in another order
    "num_experts_per_tok", "output_router_logits", "router_aux_loss_coef",  # of experts, of which there are none
    "mamba_n_heads", "mamba_n_groups", "mamba_d_state", "mamba_d_head", "mamba_d_conv", "mamba_expand",
    "mamba_chunk_size", "mamba_conv_bias", "mamba_proj_bias", "time_step_limit", "time_step_min", "time_step_max",
}  # fmt: skip
# The head of an encoder is not used, and neither are its second sentences.
OF_HEADS = {"bert": {"tie_word_embeddings"}, "xlm-roberta": {"tie_word_embeddings"}}
REQUIRED = {
    "vocab_size": 512, "hidden_size": 256, "intermediate_size": 160, "num_hidden_layers": 3, "num_attention_heads": 32,
}  # fmt: skip
# Families are refused by their defaults: experts and layers without attention.
ASKED_FOR: dict[str, dict[str, Any]] = {
    "granitemoehybrid": {"num_local_experts": 0, "layer_types": ["attention"] * 3, "position_embedding_type": "rope"},
    "phi3": {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0},
    "smollm3": {"bos_token_id": 0, "eos_token_id": 0, "pad_token_id": 0},
}
OWN_CLASS = [family for family in FAMILIES if hasattr(transformers, family.classes[0])]


def test_only_two_families_have_no_class_in_transformers() -> None:
    assert {f.model_type for f in FAMILIES} - {f.model_type for f in OWN_CLASS} == {"internlm2", "minicpm"}


@pytest.mark.parametrize("family", OWN_CLASS, ids=lambda family: family.model_type)
def test_every_key_and_every_default_is_transformers(family: Any) -> None:
    config_class = getattr(transformers, family.classes[0]).config_class
    given = REQUIRED | ASKED_FOR.get(family.model_type, {})
    whole = json.loads(config_class(**given).to_json_string(use_diff=False))
    reader = ConfigReader(whole)
    described = family.read(reader)
    silent = family.read(ConfigReader(given))
    assert silent.config == described.config
    assert silent.layers == described.layers
    assert (silent.trained_length, silent.supported_length) == (described.trained_length, described.supported_length)
    own = set(whole) - set(PreTrainedConfig().to_dict()) | {"tie_word_embeddings", "rope_parameters"} & set(whole)
    own -= {key for key in own if key.startswith("_")}
    assert own - set(reader.read) - IRRELEVANT - OF_HEADS.get(family.model_type, set()) == set()


UNSUPPORTED: dict[str, tuple[str, dict[str, Any]]] = {
    "norms of queries of StableLM": ("StableLmForCausalLM", {"qk_layernorm": True}),
    "experts": ("GraniteMoeHybridForCausalLM", {"num_local_experts": 8, "layer_types": ["attention"] * 3}),
    "mamba layers": ("GraniteMoeHybridForCausalLM", {"num_local_experts": 0, "layer_types": ["mamba"] * 3}),
    "mamba layers by default": ("GraniteMoeHybridForCausalLM", {"num_local_experts": 0}),
    "EmbeddingGemma": ("Gemma3ForCausalLM", {"use_bidirectional_attention": True}),
    "attention in chunks": ("Qwen2ForCausalLM", {"layer_types": ["chunked_attention"] * 3}),
    "a decoder of BERT": ("BertModel", {"is_decoder": True}),
    "relative positions of BERT": ("BertModel", {"position_embedding_type": "relative_key"}),
    "an activation": ("GPTNeoXForCausalLM", {"hidden_act": "quick_gelu"}),
    "an odd part of a head": ("StableLmForCausalLM", {"partial_rotary_factor": 0.4, "num_attention_heads": 32}),
    "a pooling": ("BertModel", {"pooling": {"mode": "max"}}),
    "experts of MiniCPM": ("MiniCPMForCausalLM", {"num_experts": 8}),
    "a RoPE type": ("Olmo2ForCausalLM", {"rope_scaling": {"rope_type": "proportional", "factor": 2.0}}),
}
INVALID: dict[str, tuple[str, dict[str, Any]]] = {
    "a list for other layers": ("SmolLM3ForCausalLM", {"no_rope_layers": [1, 0]}),
    "a window that is missing": ("Gemma3ForCausalLM", {"sliding_window": None}),
    "factors of another length": ("Phi3ForCausalLM", {
        "rope_scaling": {"type": "longrope", "short_factor": [1.0], "long_factor": [1.0]}}),
    "factors that are none": ("Phi3ForCausalLM", {"rope_scaling": {"type": "longrope", "short_factor": 1}}),
    "a cap of zero": ("Gemma2ForCausalLM", {"attn_logit_softcapping": 0}),
    "a multiplier that is no number": ("GraniteForCausalLM", {"embedding_multiplier": "12"}),
    "a multiplier below zero": ("GraniteForCausalLM", {"logits_scaling": -8}),
    "positions that are text": ("BertModel", {"max_position_embeddings": "512"}),
}  # fmt: skip


@pytest.mark.parametrize(
    ("architecture", "changes", "code"),
    [(*case, code) for code, cases in (("unsupported", UNSUPPORTED), ("invalid_checkpoint", INVALID))
     for case in cases.values()],
    ids=[*UNSUPPORTED, *INVALID],
)  # fmt: skip
def test_what_cannot_be_compiled_is_named(architecture: str, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(NomoatError) as caught:
        read_model({"architectures": [architecture], **REQUIRED, **changes})
    assert caught.value.code == code, caught.value.message
    assert any(word in caught.value.message for word in [*changes, "layer_types", "RoPE", "longrope", "mode"])


def test_unknown_architectures_are_named_with_those_that_are_known() -> None:
    for config in (
        {"architectures": ["MambaForCausalLM"]},
        {"architectures": ["Gemma3ForConditionalGeneration"], "text_config": {"model_type": "mamba"}},
        {"model_type": "mamba"},
    ):
        with pytest.raises(NomoatError) as caught:
            read_model(config)
        assert caught.value.code == "unknown_architecture"
        assert all(family.classes[0] in caught.value.message for family in FAMILIES)


def test_a_file_without_architectures_is_known_by_its_type() -> None:
    described = read_model({"model_type": "qwen2", **REQUIRED})
    assert described.architecture == "Qwen2ForCausalLM"
    assert set(BY_CLASS) >= {"BertForMaskedLM", "StableLMEpochForCausalLM"}


@pytest.mark.parametrize(
    ("architecture", "old", "new"),
    [
        ("Gemma3ForCausalLM",
         {"rope_theta": 5e5, "rope_local_base_freq": 2e4, "rope_scaling": {"rope_type": "linear", "factor": 8.0},
          "sliding_window_pattern": 2},
         {"rope_parameters": {"full_attention": {"rope_type": "linear", "factor": 8.0, "rope_theta": 5e5},
                              "sliding_attention": {"rope_type": "default", "rope_theta": 2e4}},
          "layer_types": ["sliding_attention", "full_attention", "sliding_attention"]}),
        ("GPTNeoXForCausalLM", {"rotary_emb_base": 5000, "rotary_pct": 0.5},
         {"rope_parameters": {"rope_type": "default", "rope_theta": 5000, "partial_rotary_factor": 0.5}}),
        ("StableLMEpochForCausalLM", {"norm_eps": 1e-3, "rope_pct": 0.5},
         {"layer_norm_eps": 1e-3, "partial_rotary_factor": 0.5}),
        ("Phi3ForCausalLM", {"rope_scaling": {"type": "su", "short_factor": [1.0] * 4, "long_factor": [2.0] * 4}},
         {"rope_parameters": {"rope_type": "longrope", "rope_theta": 10000.0, "short_factor": [1.0] * 4,
                              "long_factor": [2.0] * 4}}),
        ("Lfm2ForCausalLM", {"full_attn_idxs": [1], "tie_embedding": False, "block_ff_dim": 160},
         {"layer_types": ["conv", "full_attention", "conv"], "tie_word_embeddings": False}),
        ("Qwen2ForCausalLM", {"use_sliding_window": True, "sliding_window": 64, "max_window_layers": 2},
         {"use_sliding_window": True, "sliding_window": 64,
          "layer_types": ["full_attention", "full_attention", "sliding_attention"]}),
    ],
)  # fmt: skip
def test_old_and_new_spellings_agree(architecture: str, old: dict[str, Any], new: dict[str, Any]) -> None:
    one, other = (read_model({"architectures": [architecture], **REQUIRED, **spelling}) for spelling in (old, new))
    assert (one.config, one.layers) == (other.config, other.layers)
    assert all((one.constants[name] == other.constants[name]).all() for name in other.constants)
