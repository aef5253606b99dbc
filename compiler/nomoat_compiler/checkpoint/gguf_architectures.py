"""llama.cpp's architectures as data: what a file of each is called, and what it calls its tensors and numbers.

Sources: MODEL_TENSORS and TensorNameMap of the gguf package, the converters of llama.cpp (what is written where, what
is permuted, regrouped or shifted), and the configurations of transformers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

# A number of config.json from a key of the metadata, which stands behind the architecture's name and a dot.
Read = Literal["integer", "number", "flag", "window"]


@dataclass(frozen=True)
class Field:
    """``config[name]`` is the value of ``key``; where the file has none, ``default``, or no field if that is None."""

    name: str
    key: str
    read: Read = "integer"
    default: Any = None
    required: bool = False


@dataclass(frozen=True)
class GgufArchitecture:
    """What differs from the common Llama-like shape. Names are without ``.weight`` and ``.bias``."""

    huggingface: str  # architectures[0] of config.json
    model_type: str
    top: dict[str, str]
    layer: dict[str, str]  # in blk.N -> in the layer
    layers: str = "model.layers"
    # llama.cpp's rope rotates neighbours, so rows of q and k are in another order (LlamaModel.permute).
    permuted: bool = False
    # Rows of q, k and v of each head stand together in Hugging Face's tensor, and apart in the file.
    interleaved_qkv: bool = False
    # Gains of norms are written as 1 + w.
    shifted_norms: bool = False
    rms_norm: bool = True
    epsilon: str = "rms_norm_eps"
    activation: tuple[str, str] | None = ("hidden_act", "silu")
    partial_rotary: str | None = None  # the field that says which share of a head is rotated
    theta: str = "rope_theta"
    default_theta: float = 10000.0
    fields: tuple[Field, ...] = ()
    constants: dict[str, Any] = field(default_factory=dict)
    # Fields that say whether there is a bias: name -> tensor of layer 0 that has one then.
    biases: dict[str, str] = field(default_factory=dict)
    head_dim: bool = True  # whether config.json names it
    kv_heads: bool = True
    rotary: bool = True
    tied: bool = False  # the head is the embedding, and no field says so


TOP = {"token_embd": "model.embed_tokens", "output_norm": "model.norm", "output": "lm_head"}
LLAMA_LAYER = {
    "attn_norm": "input_layernorm",
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_norm": "post_attention_layernorm",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
}
QK_NORM = {"attn_q_norm": "self_attn.q_norm", "attn_k_norm": "self_attn.k_norm"}
# Four norms a layer: llama.cpp's ffn_norm is before the MLP, and so is none of Llama's.
FOUR_NORMS = {
    "post_attention_norm": "post_attention_layernorm",
    "ffn_norm": "pre_feedforward_layernorm",
    "post_ffw_norm": "post_feedforward_layernorm",
}
LLAMA_BIASES = {"attention_bias": "attn_q", "mlp_bias": "ffn_up"}
MULTIPLIERS = (
    Field("embedding_multiplier", "embedding_scale", "number"),
    Field("residual_multiplier", "residual_scale", "number"),
    Field("attention_multiplier", "attention.scale", "number"),
    Field("logits_scaling", "logit_scale", "number"),
)
GEMMA_ACTIVATION = ("hidden_activation", "gelu_pytorch_tanh")
SLIDING_WINDOW = Field("sliding_window", "attention.sliding_window", "window")


def _llama(huggingface: str, model_type: str, **changes: Any) -> GgufArchitecture:
    base: dict[str, Any] = {"top": TOP, "layer": LLAMA_LAYER, "permuted": True, "biases": LLAMA_BIASES}
    return GgufArchitecture(huggingface, model_type, **(base | changes))


def _gemma(huggingface: str, model_type: str, **changes: Any) -> GgufArchitecture:
    base: dict[str, Any] = {
        "top": TOP, "layer": LLAMA_LAYER | FOUR_NORMS, "shifted_norms": True, "activation": GEMMA_ACTIVATION,
        "fields": (SLIDING_WINDOW,),
    }  # fmt: skip
    return GgufArchitecture(huggingface, model_type, **(base | changes))


ARCHITECTURES: dict[str, GgufArchitecture] = {
    # Mistral, Yi and every other model of Llama's shape are written as llama too.
    "llama": _llama("LlamaForCausalLM", "llama"),
    "internlm2": _llama("LlamaForCausalLM", "llama"),  # Its fused rows are taken apart by the converter.
    "mistral3": _llama("Ministral3ForCausalLM", "ministral3", biases={}),
    "smollm3": _llama(
        "SmolLM3ForCausalLM", "smollm3", head_dim=False, constants={"no_rope_layer_interval": 4}, default_theta=2e6,
    ),
    "granite": _llama("GraniteForCausalLM", "granite", head_dim=False, fields=MULTIPLIERS),
    "minicpm": _llama("MiniCPMForCausalLM", "minicpm", head_dim=False),
    "qwen2": GgufArchitecture("Qwen2ForCausalLM", "qwen2", TOP, LLAMA_LAYER, head_dim=False),
    "qwen3": GgufArchitecture(
        "Qwen3ForCausalLM", "qwen3", TOP, LLAMA_LAYER | QK_NORM, biases={"attention_bias": "attn_q"}
    ),
    "gemma": GgufArchitecture(
        "GemmaForCausalLM", "gemma", TOP, LLAMA_LAYER, shifted_norms=True,
        activation=("hidden_act", "gelu_pytorch_tanh"),
    ),
    "gemma2": _gemma(
        "Gemma2ForCausalLM", "gemma2",
        fields=(
            SLIDING_WINDOW,
            Field("attn_logit_softcapping", "attn_logit_softcapping", "number", 50.0),
            Field("final_logit_softcapping", "final_logit_softcapping", "number", 30.0),
        ),
    ),
    "gemma3": _gemma(
        "Gemma3ForCausalLM", "gemma3_text", layer=LLAMA_LAYER | FOUR_NORMS | QK_NORM, default_theta=1e6,
        fields=(
            SLIDING_WINDOW,
            Field("rope_local_base_freq", "rope.freq_base_swa", "number", 10000.0),
            Field("final_logit_softcapping", "final_logit_softcapping", "number"),
        ),
    ),
    "phi3": GgufArchitecture(
        "Phi3ForCausalLM", "phi3", TOP,
        LLAMA_LAYER | {"attn_qkv": "self_attn.qkv_proj", "ffn_up": "mlp.gate_up_proj"},
        partial_rotary="partial_rotary_factor", head_dim=False, fields=(SLIDING_WINDOW,),
    ),
    "olmo2": GgufArchitecture(
        "Olmo2ForCausalLM", "olmo2", TOP, LLAMA_LAYER | QK_NORM | FOUR_NORMS,
        head_dim=False, biases={"attention_bias": "attn_q"},
    ),
    "stablelm": GgufArchitecture(
        "StableLmForCausalLM", "stablelm", TOP, LLAMA_LAYER, rms_norm=False, epsilon="layer_norm_eps",
        partial_rotary="partial_rotary_factor", head_dim=False, biases={"use_qkv_bias": "attn_q"},
    ),
    "gptneox": GgufArchitecture(
        "GPTNeoXForCausalLM", "gpt_neox",
        {"token_embd": "gpt_neox.embed_in", "output_norm": "gpt_neox.final_layer_norm", "output": "embed_out"},
        {
            "attn_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
            "attn_qkv": "attention.query_key_value", "attn_output": "attention.dense",
            "ffn_up": "mlp.dense_h_to_4h", "ffn_down": "mlp.dense_4h_to_h",
        },
        layers="gpt_neox.layers", interleaved_qkv=True, rms_norm=False, epsilon="layer_norm_eps",
        activation=("hidden_act", "gelu"), partial_rotary="rotary_pct", theta="rotary_emb_base",
        head_dim=False, kv_heads=False, biases={"attention_bias": "attn_qkv"},
        fields=(Field("use_parallel_residual", "use_parallel_residual", "flag", True),),
    ),
    "lfm2": GgufArchitecture(
        "Lfm2ForCausalLM", "lfm2",
        {"token_embd": "model.embed_tokens", "token_embd_norm": "model.embedding_norm", "output": "lm_head"},
        {
            "attn_norm": "operator_norm", "ffn_norm": "ffn_norm",
            "attn_q": "self_attn.q_proj", "attn_k": "self_attn.k_proj", "attn_v": "self_attn.v_proj",
            "attn_output": "self_attn.out_proj",
            "attn_q_norm": "self_attn.q_layernorm", "attn_k_norm": "self_attn.k_layernorm",
            "shortconv.conv": "conv.conv", "shortconv.in_proj": "conv.in_proj", "shortconv.out_proj": "conv.out_proj",
            "ffn_gate": "feed_forward.w1", "ffn_down": "feed_forward.w2", "ffn_up": "feed_forward.w3",
        },
        epsilon="norm_eps", activation=None, head_dim=False, default_theta=1e6,
        biases={"conv_bias": "shortconv.in_proj"},
        fields=(Field("conv_L_cache", "shortconv.l_cache", required=True),),
        constants={"block_auto_adjust_ff_dim": False},
    ),
    "bert": GgufArchitecture(
        "BertModel", "bert",
        {
            "token_embd": "embeddings.word_embeddings", "token_embd_norm": "embeddings.LayerNorm",
            "token_types": "embeddings.token_type_embeddings", "position_embd": "embeddings.position_embeddings",
        },
        {
            "attn_q": "attention.self.query", "attn_k": "attention.self.key", "attn_v": "attention.self.value",
            "attn_output": "attention.output.dense", "attn_output_norm": "attention.output.LayerNorm",
            "ffn_up": "intermediate.dense", "ffn_down": "output.dense", "layer_output_norm": "output.LayerNorm",
        },
        layers="encoder.layer", rms_norm=False, epsilon="layer_norm_eps", activation=("hidden_act", "gelu"),
        head_dim=False, kv_heads=False, rotary=False, tied=True,
    ),
}  # fmt: skip
