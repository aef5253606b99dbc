"""Built-in chat templates against prompts written by hand, and what --chat-template accepts. Needs Jinja2."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import jinja2
import pytest
from jinja2.sandbox import ImmutableSandboxedEnvironment
from nomoat_compiler.chat_templates import built_in_templates, choose_chat_template
from nomoat_compiler.errors import NomoatError, NomoatWarning

ALPACA = "Below is an instruction that describes a task. Write a response that appropriately completes the request.\n\n"
VICUNA = (
    "A chat between a curious user and an artificial intelligence assistant. "
    "The assistant gives helpful, detailed, and polite answers to the user's questions. "
)
GUANACO = VICUNA.replace("curious user", "curious human")[:-1]
# The prompt of Hi → Hello! → Bye, and that of a system message S and Hi.
PROMPTS = {
    "alpaca": (
        f"<s>{ALPACA}### Instruction:\nHi\n\n### Response:\nHello!</s>\n\n### Instruction:\nBye\n\n### Response:\n",
        "<s>S\n\n### Instruction:\nHi\n\n### Response:\n",
    ),
    "chatml": (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nHello!<|im_end|>\n<|im_start|>user\nBye<|im_end|>\n"
        "<|im_start|>assistant\n",
        "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    ),
    "dolly": (
        f"{ALPACA}### Instruction:\nHi\n\n### Response:\nHello!\n\n### End\n\n### Instruction:\nBye\n\n### Response:\n",
        "S\n\n### Instruction:\nHi\n\n### Response:\n",
    ),
    "gemma": (
        "<s><start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\nHello!<end_of_turn>\n"
        "<start_of_turn>user\nBye<end_of_turn>\n<start_of_turn>model\n",
        "<s><start_of_turn>user\nS\n\nHi<end_of_turn>\n<start_of_turn>model\n",
    ),
    "guanaco": (
        f"<s>{GUANACO}\n### Human: Hi\n### Assistant: Hello!\n### Human: Bye\n### Assistant:",
        "<s>S\n### Human: Hi\n### Assistant:",
    ),
    "koala": ("<s>BEGINNING OF CONVERSATION: USER: Hi GPT: Hello!</s>USER: Bye GPT:", None),
    "llama2": (
        "<s>[INST] Hi [/INST] Hello! </s><s>[INST] Bye [/INST]",
        "<s>[INST] <<SYS>>\nS\n<</SYS>>\n\nHi [/INST]",
    ),
    "llama3": (
        "<s><|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|>"
        "<|start_header_id|>assistant<|end_header_id|>\n\nHello!<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nBye<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
        "<s><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|>"
        "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    "mistral": ("<s>[INST] Hi [/INST] Hello!</s>[INST] Bye [/INST]", "<s>[INST] S\n\nHi [/INST]"),
    "openassistant": (
        "<|prompter|>Hi</s><|assistant|>Hello!</s><|prompter|>Bye</s><|assistant|>",
        "<|system|>S</s><|prompter|>Hi</s><|assistant|>",
    ),
    "phi3": (
        "<|user|>\nHi<|end|>\n<|assistant|>\nHello!<|end|>\n<|user|>\nBye<|end|>\n<|assistant|>\n",
        "<|system|>\nS<|end|>\n<|user|>\nHi<|end|>\n<|assistant|>\n",
    ),
    "redpajama": ("<human>: Hi\n<bot>: Hello!\n<human>: Bye\n<bot>:", "S\n<human>: Hi\n<bot>:"),
    "stablelm": ("<|USER|>Hi<|ASSISTANT|>Hello!<|USER|>Bye<|ASSISTANT|>", "<|SYSTEM|>S<|USER|>Hi<|ASSISTANT|>"),
    "vicuna": (f"<s>{VICUNA}USER: Hi ASSISTANT: Hello!</s>USER: Bye ASSISTANT:", "<s>S USER: Hi ASSISTANT:"),
    "zephyr": (
        "<|user|>\nHi</s>\n<|assistant|>\nHello!</s>\n<|user|>\nBye</s>\n<|assistant|>\n",
        "<|system|>\nS</s>\n<|user|>\nHi</s>\n<|assistant|>\n",
    ),
}
TURNS = [("user", "Hi"), ("assistant", "Hello!"), ("user", "Bye")]


def render(source: str, turns: list[tuple[str, str]]) -> str | None:
    """None where the template refuses the roles."""

    def refuse(message: str) -> None:
        raise jinja2.TemplateError(message)

    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True)
    environment.globals["raise_exception"] = refuse
    messages = [{"role": role, "content": content} for role, content in turns]
    try:
        return environment.from_string(source).render(
            messages=messages, bos_token="<s>", eos_token="</s>", add_generation_prompt=True
        )
    except jinja2.TemplateError:
        return None


def test_every_template_has_a_prompt_and_a_source() -> None:
    assert list(PROMPTS) == list(built_in_templates())
    for path in built_in_templates().values():
        assert path.read_text().startswith("{#- ")


@pytest.mark.parametrize("name", PROMPTS)
def test_prompts(name: str) -> None:
    source = built_in_templates()[name].read_text()
    assert (render(source, TURNS), render(source, [("system", "S"), ("user", "Hi")])) == PROMPTS[name]
    assert render(source, [("user", "Hi"), ("narrator", "x")]) is None or name in ("chatml", "llama3")


def package(template: object = None) -> dict[str, bytes]:
    config = {} if template is None else {"chat_template": template}
    files = {"tokenizer.json": b"{}", "tokenizer_config.json": json.dumps(config).encode()}
    return files | ({"chat_template.jinja": template.encode()} if isinstance(template, str) else {})


def test_without_a_choice_nothing_changes() -> None:
    files = package("own")
    assert choose_chat_template(files, None) == files
    assert choose_chat_template({}, None) == {}


def test_no_template_is_told_with_the_names_to_choose_from() -> None:
    with pytest.warns(NomoatWarning, match=r"--chat-template .*alpaca, chatml, .*zephyr"):
        choose_chat_template(package(), None)


def test_named_templates_without_a_default_are_told() -> None:
    with pytest.warns(NomoatWarning, match=r"names chat templates \(rag\).* rag of the checkpoint; alpaca, "):
        choose_chat_template(package([{"name": "rag", "template": "R"}]), None)


def test_choices(tmp_path: Path) -> None:
    file = tmp_path / "mine.jinja"
    file.write_bytes(b"a\r\nb")
    named = [{"name": "rag", "template": "R"}, {"name": "chatml", "template": "own chatml"}]
    for template, chosen, expected in (
        (None, "alpaca", built_in_templates()["alpaca"].read_text()),
        ("own", "alpaca", built_in_templates()["alpaca"].read_text()),
        (named, "rag", "R"),
        (named, "chatml", "own chatml"),
        ([*named, {"name": "default", "template": "D"}], "rag", "R"),
        ([*named, {"name": "default", "template": "D"}], "default", "D"),
        (None, str(file), "a\nb"),
    ):
        files = choose_chat_template(package(template), chosen)
        assert files["chat_template.jinja"].decode() == expected
        assert json.loads(files["tokenizer_config.json"])["chat_template"] == expected


@pytest.mark.parametrize("content", [None, b"\xff", b"x" * ((1 << 20) + 1)])
def test_choices_that_are_none(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "t.jinja"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(NomoatError, match=r"jinja") as caught:
        choose_chat_template(package(), str(file))
    assert caught.value.code == "invalid_request"


def test_a_wrong_name_lists_the_right_ones() -> None:
    named = [{"name": "rag", "template": "R"}]
    with pytest.raises(NomoatError, match=r"'nope'.* rag of the checkpoint; alpaca, .*zephyr"):
        choose_chat_template(package(named), "nope")
    with pytest.raises(NomoatError, match="tokenizer"), warnings.catch_warnings():
        choose_chat_template({}, "alpaca")
