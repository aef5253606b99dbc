"""BERT, RoBERTa and XLM-RoBERTa as encoders of texts: MiniLM, bge, e5. Devlin et al. 2018; Reimers and Gurevych 2019.

    x = layer_norm(embed(ids) + position + token type 0)
    layer:  y = layer_norm(x + W_o · attention(q, k, v))     q, k, v = W_qkv · x; every token sees every other
            x = layer_norm(y + W_2 · gelu(W_1 · y))
    embedding = what pooling.py makes of x

Token types serve pairs of texts; a text alone has type 0, whose row is added to the table of positions once.
"""

from __future__ import annotations

from functools import cache

from ..portable import inverse_root
from ..program.plan import Plan, source
from .config_reader import ConfigReader, invalid, unsupported
from .decoder import biases
from .model import Model, compact
from .parts import HIDDEN, KV, QKV, Attention, Matrix, Norm, Q, plain_mlp
from .passes import Pass, encoder_plan
from .pooling import pool, read_pooling

EMBEDDINGS, LAYER = "embeddings", "encoder.layer.{layer}"
MOST_POSITIONS = 4096  # of a text, which must fit into one call


def norm(name: str) -> Norm:
    return Norm(name, "layer", "layer_norm_eps")


ATTENTION = Attention(
    Matrix("model.layers.{layer}.self_attn.qkv_proj", QKV, HIDDEN, tuple(
        source(f"{LAYER}.attention.self.{name}", rows) for name, rows in (("query", Q), ("key", KV), ("value", KV))
    ), "layer.qkv_bias"),
    Matrix("model.layers.{layer}.self_attn.o_proj", HIDDEN, Q,
           (source(f"{LAYER}.attention.output.dense", HIDDEN),), "layer.o_bias"),
    rotates=False, bidirectional=True,
)  # fmt: skip
MLP = plain_mlp(f"{LAYER}.intermediate.dense", f"{LAYER}.output.dense")
EMBEDDING_NORM, AFTER_ATTENTION = norm(f"{EMBEDDINGS}.LayerNorm"), norm(f"{LAYER}.attention.output.LayerNorm")
AFTER_MLP = norm(f"{LAYER}.output.LayerNorm")


@cache
def bert_plan(dense: int = 0) -> Plan:
    def before(p: Pass) -> None:
        p.embed(stored=f"{EMBEDDINGS}.word_embeddings")  # x (n, hidden)
        positions, types = f"{EMBEDDINGS}.position_embeddings", f"{EMBEDDINGS}.token_type_embeddings.weight"
        p.add_position("model.embed_positions", positions, types, "x", "y")  # (n, hidden)
        p.norm(EMBEDDING_NORM, "y", "x")  # (n, hidden)

    def layer(p: Pass) -> None:
        p.attention(ATTENTION, "x", "y", residual="x")  # (n, hidden)
        p.norm(AFTER_ATTENTION, "y", "x")  # (n, hidden)
        p.mlp(MLP, "x", "y", residual="x")  # (n, hidden)
        p.norm(AFTER_MLP, "y", "x")  # (n, hidden)

    return encoder_plan(before, layer, lambda p: pool(p, "x", dense))


def read_bert(c: ConfigReader) -> Model:
    return _encoder(c, "BertModel", first_position=0)


def read_roberta(c: ConfigReader) -> Model:
    """Positions are counted from the one after the padding token's id."""
    return _encoder(c, "XLMRobertaModel", first_position=c.integer("pad_token_id", 1, least=0) + 1)


def _encoder(c: ConfigReader, architecture: str, *, first_position: int) -> Model:
    c.only("is_decoder", False)
    c.only("add_cross_attention", False)
    c.only("position_embedding_type", "absolute")
    hidden, heads, layers = (
        c.integer(name, default)
        for name, default in (("hidden_size", 768), ("num_attention_heads", 12), ("num_hidden_layers", 12))
    )
    if hidden % heads:
        message = f"config.json: hidden_size ({hidden}) is not a multiple of num_attention_heads ({heads})."
        raise invalid(message, "num_attention_heads")
    rows = c.integer("max_position_embeddings", 512)
    c.integer("type_vocab_size", 2)
    length = min(rows - first_position, MOST_POSITIONS)
    if length < 1:
        raise unsupported(f"config.json: {rows} positions, counted from {first_position}, leave none.", "pad_token_id")
    pooling = read_pooling(c, hidden)
    attributes = {
        "attention_scale": [inverse_root(hidden // heads)] * layers, "window": [0] * layers,
        "activation": [c.activation("hidden_act", "gelu")] * layers,
        **biases(c, ATTENTION, MLP, layers, qkv=True, out=True, up=True, down=True),
    }  # fmt: skip
    return Model(
        config={
            "architecture": architecture, "vocab_size": c.integer("vocab_size", 30522), "hidden_size": hidden,
            "intermediate_size": c.integer("intermediate_size", 3072), "num_hidden_layers": layers,
            "num_attention_heads": heads, "num_key_value_heads": heads, "head_dim": hidden // heads,
            "layer_norm_eps": c.number("layer_norm_eps", 1e-12, most=1), "max_position_embeddings": length,
            "position_rows": rows, "first_position": first_position,
            **pooling.symbols,
        },
        layers=compact(attributes),
        plan=bert_plan(pooling.dense),
        constants={},
        trained_length=min(length, pooling.longest_text or length),
        supported_length=length,
        whole_texts=True,
    )  # fmt: skip
