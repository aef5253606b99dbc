"""Proves the command line: help against goldens, exit codes, errors as one line or JSON, inspect. Needs nothing.

The browser's part is in tests/e2e/test_cli.py. UPDATE_GOLDEN=1 rewrites the goldens of tests/golden/help.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest
import typer.main
from nomoat.cli import app
from package_folder import write_package
from typer.testing import CliRunner

GOLDEN = Path(__file__).parents[2] / "tests" / "golden" / "help"
TINY_LLAMA = Path(__file__).parents[2] / "tests" / "fixtures" / "tiny_llama"
COMMANDS = ["bench", "chat", "compile", "embed", "generate", "inspect", "serve", "verify"]
runner = CliRunner()


def help_text(name: str) -> str:
    """What --help says, without the layout, which is typer's and changes with its version."""
    group = typer.main.get_command(app)
    command = group.commands[name]  # type: ignore[attr-defined]
    lines = [f"nomoat {name}: {' '.join((command.help or '').split())}"]
    for parameter in command.params:
        names = " ".join(parameter.opts) if parameter.param_type_name == "option" else parameter.metavar
        default = "" if parameter.default in (None, False, ()) else f" (default {parameter.default})"
        lines.append(f"  {names}: {parameter.help or 'Show this message and exit.'}{default}")
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("name", COMMANDS)
def test_help_is_as_reviewed(name: str) -> None:
    golden = GOLDEN / f"{name}.txt"
    text = help_text(name)
    if os.environ.get("UPDATE_GOLDEN"):
        golden.parent.mkdir(parents=True, exist_ok=True)
        golden.write_text(text)
    assert text == golden.read_text()


def test_every_command_is_listed_and_shows_its_help() -> None:
    assert sorted(typer.main.get_command(app).commands) == COMMANDS  # type: ignore[attr-defined]
    assert runner.invoke(app, ["--help"]).exit_code == 0
    for name in COMMANDS:
        result = runner.invoke(app, [name, "--help"])
        assert result.exit_code == 0
        assert name in result.output


@pytest.mark.parametrize("value", ["0", "-1", "1.5", "nan"])
def test_top_p_says_what_it_takes(value: str) -> None:
    result = runner.invoke(app, ["generate", "DIR", "hi", "--top-p", value])
    assert result.exit_code == 2
    if value in ("0", "-1"):
        assert "--temperature 0" in " ".join(result.output.replace("│", " ").split())


def test_an_mlc_folder_has_no_program() -> None:
    result = runner.invoke(app, ["compile", "MODEL", "-o", "DIR", "--format", "mlc", "--program-only"])
    assert result.exit_code == 2
    assert "no program" in " ".join(result.output.replace("│", " ").split())


def test_version() -> None:
    result = runner.invoke(app, ["--version"])
    assert result.exit_code == 0
    assert result.stdout.startswith("nomoat ")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["inspect"],
        ["nonsense"],
        ["compile", "model"],  # no --output
        ["compile", "model", "-o", "x", "--quantization", "q3"],
        ["generate", "x", "hello", "--max-tokens", "0"],
        ["generate", "x", "hello", "--device", "cpu"],
        ["generate", "x", "hello", "--adapter", "imaginary"],
        ["generate", "x", "hello", "--threads", "0"],
        ["generate", "x", "hello", "--device", "webgpu", "--threads", "2"],
        ["generate", "x", "hello", "--adapter", "software", "--threads", "2"],
        ["verify", "x", "--checkpoint", "y", "--device", "wasm", "--adapter", "software"],
        ["bench", "x", "--tokens", "1"],
        ["bench", "x", "--runs", "0"],
        ["bench", "x", "--runs", "33"],
        ["bench", "x", "--prompt-tokens", "0"],
        ["inspect", "x", "--unknown"],
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str]) -> None:
    assert runner.invoke(app, arguments).exit_code == 2


def test_too_many_adapters_are_refused_before_a_browser_starts() -> None:
    result = runner.invoke(app, ["generate", "x", "hello", "--json", *(["--lora", "y"] * 17)])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["error"]["code"] == "invalid_request"


def test_compile_says_what_it_left_out(tmp_path: Path) -> None:
    """The tiny Llama with one added token more than its embedding has rows."""
    folder = tmp_path / "model"
    shutil.copytree(TINY_LLAMA, folder)
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    rows = json.loads((folder / "config.json").read_text())["vocab_size"]
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][0], "id": rows, "content": "[PAD]"})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    arguments = ["compile", str(folder), "--program-only", "-o"]
    result = runner.invoke(app, [*arguments, str(tmp_path / "a")], env={"COLUMNS": "500"})
    assert result.exit_code == 0
    assert result.stderr.startswith("Warning: 1 added token(s) have ids past the model's")
    result = runner.invoke(app, [*arguments, str(tmp_path / "b"), "--json"])
    (warning,) = json.loads(result.stdout)["warnings"]
    assert "'[PAD]'" in warning


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", "nowhere"],
        ["generate", "nowhere", "hello"],
        ["bench", "nowhere"],
        ["verify", "nowhere", "--checkpoint", "nowhere"],
        ["compile", "nowhere", "-o", "out"],
    ],
)
def test_a_failure_is_one_line_or_one_object(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = runner.invoke(app, arguments)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.strip().startswith("error model_not_found: ")
    assert len(result.stderr.strip().splitlines()) == 1

    result = runner.invoke(app, [*arguments, "--json"])
    assert result.exit_code == 1
    error = json.loads(result.stdout)["error"]
    assert set(error) == {"code", "message", "detail"}
    assert error["code"] == "model_not_found"
    assert result.stderr == ""


def test_debug_shows_the_traceback(tmp_path: Path) -> None:
    result = runner.invoke(app, ["inspect", str(tmp_path), "--debug"])
    assert result.exit_code == 1
    assert "Traceback" in result.stderr
    assert "Traceback" not in runner.invoke(app, ["inspect", str(tmp_path)]).output


def test_serve_names_a_port_in_use() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        result = runner.invoke(app, ["serve", "--port", str(taken.getsockname()[1])])
    assert result.exit_code == 1
    assert "invalid_request" in result.stderr
    assert "--port" in result.stderr


def test_serve_refuses_a_folder_that_is_no_package(tmp_path: Path) -> None:
    result = runner.invoke(app, ["serve", str(tmp_path)])
    assert result.exit_code == 1
    assert "model_not_found" in result.stderr


def test_inspect_figures(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "small")
    result = runner.invoke(app, ["inspect", str(folder), "--json", "--context", "33"])
    assert result.exit_code == 0
    inspection = json.loads(result.stdout)
    assert inspection["dispatches_per_decode_token"] == 3  # embed, linear, sample_greedy
    assert inspection["dispatches_per_prefill_chunk"] == 1
    assert inspection["bits_per_weight"] == 32
    assert inspection["tensors"] == [
        {"name": "model.embed_tokens", "count": 1, "shape": [32, 16], "scheme": "float32", "nbytes": 2048}
    ]
    operators = {operator["name"]: operator for operator in inspection["operators"]}
    assert operators.keys() == {"embed_0", "linear_0", "sample_greedy_0", "sample_0", "mask_logits_0"}
    figures = ("decode_dispatches", "prefill_dispatches", "own_kernels")
    assert [operators["embed_0"][figure] for figure in figures] == [1, 1, 1]
    assert operators["linear_0"]["definition"]["rows"] == 32
    # 33 tokens take 3 pages: K and V of 3 * 16 * 8 floats. Beside it 8 * 2 * 16 floats of hidden, and what every
    # program has: state 8, prompt_ids 8, block_table 4, sampling 8, token_counts 32, logits 32, tokens 64, and
    # token_mask 1, which is rounded up to 4.
    scratch_bytes = 4 * (8 * 2 * 16 + 8 + 8 + 4 + 8 + 32 + 32 + 4 + 64)
    assert inspection["memory"] == {
        "context_length": 33,
        "weights_bytes": 2048,
        "kv_cache_bytes": 2 * 3 * 16 * 8 * 4,
        "recurrent_state_bytes": 0,
        "scratch_bytes": scratch_bytes,
        "total_bytes": 2048 + 3072 + scratch_bytes,
    }
    assert runner.invoke(app, ["inspect", str(folder)]).exit_code == 0


def test_inspect_refuses_a_context_beyond_the_program(tmp_path: Path) -> None:
    result = runner.invoke(app, ["inspect", str(write_package(tmp_path / "small")), "--context", "65"])
    assert result.exit_code == 1
    assert "invalid_request" in result.stderr


def test_inspect_refuses_a_package_that_lies(tmp_path: Path) -> None:
    folder = write_package(tmp_path / "small")
    manifest = json.loads((folder / "nomoat.json").read_text())
    (folder / "nomoat.json").write_text(json.dumps(manifest | {"version": 2}))
    result = runner.invoke(app, ["inspect", str(folder), "--json"])
    assert json.loads(result.stdout)["error"]["code"] == "invalid_package"
