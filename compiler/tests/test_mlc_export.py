"""``--format mlc`` writes what mlc-llm reads: names, bytes, MD5, configuration, prompts. Needs Jinja2.

Oracle: mlc_folders.py, which makes the same arrays in plain NumPy, and a reader below that knows only the description
of the format.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
from mlc_folders import records, stacks
from nomoat_compiler.checkpoint.mlc_conversation import jinja_template, read_conversation
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.mlc_export import export_mlc
from nomoat_compiler.mlc_template import MESSAGES, conv_template_of
from test_mlc_conversation import as_prompt, write_tokenizer
from tiny_checkpoints import config, weights, write_huggingface
from transformers.utils.chat_template_utils import _compile_jinja_template

from tests.fixtures.chat_templates import CHATML, LLAMA2, LLAMA3

SMALL = config(vocab_size=272, hidden_size=64, intermediate_size=72, num_hidden_layers=1)
TOKENS = {"bos_token": "<s>", "eos_token": "</s>"}


def folder_with_tokenizer(folder: Path, template: str | None = CHATML) -> Path:
    write_huggingface(folder, SMALL, weights(SMALL))
    write_tokenizer(folder, SMALL["vocab_size"])
    tokenizer_config = TOKENS | ({} if template is None else {"chat_template": template})
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    return folder


def read_by_description(folder: Path) -> dict[str, np.ndarray]:
    """Name -> array; the dtype of the bytes is bfloat16 where dtype is float32."""
    found = {}
    for shard in json.loads((folder / "tensor-cache.json").read_text())["records"]:
        data = (folder / shard["dataPath"]).read_bytes()
        assert (shard["format"], shard["nbytes"]) == ("raw-shard", len(data))
        assert shard["md5sum"] == hashlib.md5(data).hexdigest()
        for record in shard["records"]:
            assert record["format"] == "f32-to-bf16"
            dtype = ml_dtypes.bfloat16 if record["dtype"] == "float32" else np.dtype(record["dtype"])
            octets = data[record["byteOffset"] : record["byteOffset"] + record["nbytes"]]
            found[record["name"]] = np.frombuffer(octets, dtype).reshape(record["shape"])
    return found


@pytest.mark.parametrize("quantization", [None, "q4f32_1", "q0f16", "q0f32"])
def test_arrays_are_those_of_the_format(tmp_path: Path, quantization: str | None) -> None:
    export_mlc(folder_with_tokenizer(tmp_path / "m"), tmp_path / "mlc", quantization=quantization)
    expected = records(stacks(weights(SMALL)), quantization or "q4f16_1")
    found = read_by_description(tmp_path / "mlc")
    assert found.keys() == expected.keys()
    for name, array in expected.items():
        stored = array.astype(ml_dtypes.bfloat16) if array.dtype == np.float32 else array
        assert found[name].tobytes() == np.ascontiguousarray(stored).tobytes(), name
        assert found[name].shape == array.shape


def test_configuration_and_what_reads_it(tmp_path: Path) -> None:
    warnings = export_mlc(folder_with_tokenizer(tmp_path / "m"), tmp_path / "mlc", context_length=128)
    assert warnings == []
    written = json.loads((tmp_path / "mlc" / "mlc-chat-config.json").read_text())
    expected = {
        "version": "0.1.0", "model_type": "llama", "quantization": "q4f16_1", "vocab_size": 272,
        "context_window_size": 128, "sliding_window_size": -1, "attention_sink_size": -1, "bos_token_id": 1,
        "tokenizer_files": ["tokenizer.json", "tokenizer_config.json"],
        "tokenizer_info": {
            "token_postproc_method": "byte_level", "prepend_space_in_encode": False, "strip_space_in_decode": False,
        },
    }  # fmt: skip
    assert expected.items() <= written.items()
    again = open_checkpoint(tmp_path / "mlc")
    original = open_checkpoint(tmp_path / "m")
    for name in ("hidden_size", "num_key_value_heads", "head_dim", "rms_norm_eps", "vocab_size", "rope_theta"):
        assert again.config[name] == original.config[name]
    assert again.names() == original.names()


def test_qwen_has_its_own_name_and_biases(tmp_path: Path) -> None:
    """Its checkpoints have biases on q, k and v."""
    model = SMALL | {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2"}
    tensors = {n: v for n, v in weights(SMALL | {"attention_bias": True}).items() if "o_proj.bias" not in n}
    write_huggingface(tmp_path / "m", model, tensors)
    assert export_mlc(tmp_path / "m", tmp_path / "mlc")
    found = read_by_description(tmp_path / "mlc")
    assert "model.layers.0.self_attn.c_attn.q_weight" in found
    bias = [tensors[f"model.layers.0.self_attn.{part}_proj.bias"] for part in "qkv"]
    np.testing.assert_array_equal(
        found["model.layers.0.self_attn.c_attn.bias"], np.concatenate(bias).astype(np.float16)
    )


SPACED = "{% for m in messages %}{{ m.role ~ ': ' ~ m.content ~ '\n' }}{% endfor %}{% if add_generation_prompt %}{{ 'assistant:' }}{% endif %}"  # noqa: E501
THINKS = CHATML.replace("{{ '<|im_start|>assistant\n' }}", "{{ '<|im_start|>assistant\n<think>\n' }}")
FOUND: dict[str, tuple[str, bool]] = {
    "chatml with a default": (CHATML, True),
    "llama 3, nothing without a system": (LLAMA3, False),
    "roles in front": (SPACED, False),
    "an opened thought": (THINKS, True),
}


@pytest.mark.parametrize("name", FOUND)
def test_chat_templates_that_are_strings_around_messages(name: str) -> None:
    source, same_without_system = FOUND[name]
    found = conv_template_of(
        source, special_tokens=TOKENS, prefix=("<s>", 1), stop_token_ids=[2], stop_strings=["User:"]
    )
    assert found.same_without_system == same_without_system
    assert found.conv_template["stop_str"] == ["User:"]
    conversation = [*MESSAGES, {"role": "assistant", "content": "x y"}, {"role": "user", "content": "z  \n w"}]
    expected = _compile_jinja_template(source).render(messages=conversation, add_generation_prompt=True, **TOKENS)
    prefix = "<s>" if found.conv_template["system_prefix_token_ids"] else ""
    assert prefix + as_prompt(found.conv_template, conversation, None) == expected
    again = jinja_template(read_conversation(found.conv_template), prefix)
    assert _compile_jinja_template(again).render(messages=conversation, add_generation_prompt=True) == expected


@pytest.mark.parametrize(
    "source",
    [
        LLAMA2,
        "{{ messages[-1].content }}",
        "{% for m in messages %}{{ m.content ~ m.content }}{% endfor %}",
        "{% for m in messages %}{{ loop.index ~ m.content ~ '|' }}{% endfor %}{{ 'a' if add_generation_prompt }}",
        "{{ raise_exception('no') }}",
        "{% for m in messages %}",
    ],
)
def test_chat_templates_that_do_more(source: str) -> None:
    """LLAMA2's puts the system message into the first turn and strips what is said."""
    with pytest.raises(NomoatError, match="conv_template") as caught:
        conv_template_of(source, special_tokens=TOKENS, prefix=None, stop_token_ids=[], stop_strings=[])
    assert caught.value.code == "unsupported"


def test_without_a_template_the_text_is_plain(tmp_path: Path) -> None:
    warnings = export_mlc(folder_with_tokenizer(tmp_path / "m", template=None), tmp_path / "mlc")
    assert len(warnings) == 1 and "chat template" in warnings[0]
    found = json.loads((tmp_path / "mlc" / "mlc-chat-config.json").read_text())["conv_template"]
    assert as_prompt(found, [{"role": "user", "content": "hi"}], None) == "hi"


@pytest.mark.parametrize(
    ("change", "quantization", "code"),
    [
        ({}, "q4", "invalid_request"),
        ({"architectures": ["GPTNeoXForCausalLM"]}, None, "unsupported"),
        ({"attention_bias": True}, None, "unsupported"),
    ],
)
def test_what_mlc_has_not(tmp_path: Path, change: dict[str, Any], quantization: str | None, code: str) -> None:
    model = SMALL | change
    write_huggingface(tmp_path / "m", model, weights(SMALL | {"attention_bias": model["attention_bias"]}))
    with pytest.raises(NomoatError) as caught:
        export_mlc(tmp_path / "m", tmp_path / "mlc", quantization=quantization)
    assert caught.value.code == code
    assert not (tmp_path / "mlc").exists()
