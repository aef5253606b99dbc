"""EmbeddingGemma: Gemma 3 as an encoder of texts. Vera et al. 2025.

    x = layers of Gemma 3, whose tokens see later ones too; x = rms_norm(x)
    embedding = W_2 · W_1 · mean of x, divided by its length

A window reaches as far ahead as it reaches back: the file's counts both, and half of it and the token itself are left.
"""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from ..program.plan import Plan
from .config_reader import ConfigReader
from .gemma import final_norm, gemma_layer, read_gemma3
from .model import Model
from .passes import Pass, encoder_plan
from .pooling import pool, read_pooling

MOST_POSITIONS = 4096  # of a text, which must fit into one call


@cache
def embedding_gemma_plan(*, score_cap: bool, bidirectional: bool, rope_tables: int, dense: int) -> Plan:
    layer = gemma_layer(qk_norm=True, score_cap=score_cap, bidirectional=bidirectional)

    def before(p: Pass) -> None:
        p.embed(scale="embedding_scale")  # x (n, hidden)

    def after(p: Pass) -> None:
        p.norm(final_norm(), "x", "y")  # (n, hidden)
        pool(p, "y", dense)

    return encoder_plan(before, layer, after, rope_tables=rope_tables)


def read_embedding_gemma(c: ConfigReader) -> Model:
    bidirectional = c.boolean("use_bidirectional_attention")
    window = c.optional_integer("sliding_window", 4096)
    if bidirectional and window is not None:
        window = window // 2 + 1
    model = read_gemma3(c.changed(sliding_window=window, use_bidirectional_attention=False))
    pooling = read_pooling(c, model.config["hidden_size"])
    positions = min(model.supported_length, MOST_POSITIONS)
    config = {name: value for name, value in model.config.items() if name != "tie_word_embeddings"}
    return replace(
        model,
        config=config | pooling.symbols | {"architecture": "Gemma3TextModel"},
        plan=embedding_gemma_plan(
            score_cap="attn_logit_softcapping" in config, bidirectional=bidirectional,
            rope_tables=2, dense=pooling.dense,
        ),
        trained_length=min(positions, pooling.longest_text or positions),
        supported_length=positions,
        whole_texts=True,
    )  # fmt: skip
