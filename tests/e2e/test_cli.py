"""The commands as a person types them, each in its own process: compile, generate, verify, serve. Needs Chromium."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tokenizers import Tokenizer

from tests.conftest import PackageOf
from tests.e2e.devices import SHOWN, needs, on_each_device
from tests.e2e.nomoat_process import nomoat, nomoat_json
from tests.fixtures.families import write_family
from tests.fixtures.packages import PackageTensors
from tests.limits import WAIT_S

pytestmark = pytest.mark.browser
PROMPT = "What is the capital of France?"
KEYS = {
    "prompt_ids", "generated_ids", "text", "finish_reason", "device", "adapter", "threads", "load_ms",
    "ttft_ms", "prefill_tok_per_s", "decode_tok_per_s",
}  # fmt: skip


def on(device: str) -> tuple[str, ...]:
    """The options that run a model on ``device``, the same on every machine."""
    return ("--device", device, "--adapter", "software") if device == "webgpu" else ("--device", device)


def generate_json(device: str, package: Path, prompt: str, *options: str) -> dict[str, Any]:
    generated = nomoat_json("generate", package, prompt, *on(device), *options)
    assert set(generated) == KEYS
    assert generated["device"] == device
    return generated


@on_each_device
def test_generate_json_is_the_greedy_answer_of_the_reference(
    tiny_package: PackageOf, tiny_checkpoint: Path, device: str
) -> None:
    package = tiny_package("f32")
    generated = generate_json(device, package, PROMPT, "--max-tokens", "12", "--temperature", "0")
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    rendered = f"<|im_start|>user\n{PROMPT}<|im_end|>\n<|im_start|>assistant\n"
    prompt_ids = tokenizer.encode(rendered, add_special_tokens=False).ids
    assert generated["prompt_ids"] == prompt_ids

    reference = PackageTensors(package).interpreter()
    token_ids = [*prompt_ids, *generated["generated_ids"]]
    best = reference.decode(token_ids[:-1])[len(prompt_ids) - 1 :].argmax(axis=-1)
    assert generated["generated_ids"] == best.tolist()
    assert generated["text"] == tokenizer.decode(best.tolist(), skip_special_tokens=True)
    if device == "webgpu":
        assert "swiftshader" in generated["adapter"]
        assert generated["threads"] is None
    else:
        assert generated["threads"] >= 1
    for name in ("load_ms", "ttft_ms", "prefill_tok_per_s", "decode_tok_per_s"):
        assert generated[name] > 0


def test_generate_streams_the_same_text_to_stdout(tiny_package: PackageOf, device: str) -> None:
    options = ("--max-tokens", "12", "--temperature", "0")
    result = nomoat("generate", tiny_package("f32"), "-", *on(device), *options, stdin=PROMPT)
    assert result.returncode == 0
    assert result.stdout == f"{generate_json(device, tiny_package('f32'), PROMPT, *options)['text']}\n"
    assert "tok/s" in result.stderr
    assert SHOWN[device] in result.stderr


def test_generate_raw_uses_no_template(tiny_package: PackageOf, tiny_checkpoint: Path, device: str) -> None:
    generated = generate_json(device, tiny_package("f32"), "Once upon", "--raw", "--max-tokens", "4")
    tokenizer = Tokenizer.from_file(str(tiny_checkpoint / "tokenizer.json"))
    assert generated["prompt_ids"] == tokenizer.encode("Once upon").ids


@on_each_device
def test_generate_same_seed_same_text_and_length(endless_package: Path, device: str) -> None:
    options = ("--max-tokens", "16", "--temperature", "1.2", "--seed", "7")
    first = generate_json(device, endless_package, PROMPT, *options)
    assert first["generated_ids"] == generate_json(device, endless_package, PROMPT, *options)["generated_ids"]
    assert len(first["generated_ids"]) == 16
    assert first["finish_reason"] == "length"


def test_generate_stops_before_a_stop_string(endless_package: Path, device: str) -> None:
    options = ("--max-tokens", "24", "--temperature", "0")
    text = str(generate_json(device, endless_package, PROMPT, *options)["text"])
    stop = text[4:6]
    stopped = generate_json(device, endless_package, PROMPT, *options, "--stop", stop)
    assert stopped["text"] == text[: text.index(stop)]
    assert stopped["finish_reason"] == "stop"


def test_errors_of_the_engine_reach_the_terminal(tiny_package: PackageOf, device: str) -> None:
    result = nomoat("generate", tiny_package("f32"), "word " * 2000, "--json", *on(device))
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "context_overflow"


def test_a_changed_shard_is_refused(tiny_package: PackageOf, tmp_path: Path, device: str) -> None:
    package = tmp_path / "changed"
    shutil.copytree(tiny_package("f32"), package)
    shard = next((package / "weights").glob("*.bin"))
    data = bytearray(shard.read_bytes())
    data[1000] ^= 1
    shard.write_bytes(data)
    result = nomoat("generate", package, PROMPT, *on(device))
    assert result.returncode == 1
    assert result.stderr.startswith("error integrity: ")
    assert len(result.stderr.strip().splitlines()) == 1


def test_without_a_gpu_the_hardware_adapter_is_an_error(tiny_package: PackageOf) -> None:
    if any(Path("/dev/dri").glob("renderD*")) or Path("/dev/nvidia0").exists():
        pytest.skip("this machine has a GPU")
    result = nomoat("generate", tiny_package("f32"), PROMPT, "--adapter", "hardware", "--json")
    assert result.returncode == 1
    assert json.loads(result.stdout)["error"]["code"] == "unsupported_device"


def test_naming_an_adapter_means_webgpu(tiny_package: PackageOf) -> None:
    needs("webgpu")
    options = ("--adapter", "software", "--max-tokens", "2")
    assert nomoat_json("generate", tiny_package("f32"), PROMPT, *options)["device"] == "webgpu"


@on_each_device
def test_compile_then_verify(tiny_checkpoint: Path, tmp_path: Path, device: str) -> None:
    package = tmp_path / "package"
    compiled = nomoat("compile", tiny_checkpoint, "-o", package, "--quantization", "q4", "--json")
    assert compiled.returncode == 0, compiled.stderr
    report = json.loads(compiled.stdout)
    inspected = json.loads(nomoat("inspect", package, "--json").stdout)
    assert inspected["id"] == report["id"]
    assert inspected["parameter_count"] == report["parameter_count"]
    # The budget of the design: six dispatches per layer and four per token beside them.
    assert inspected["dispatches_per_decode_token"] <= 6 * 4 + 4

    verification = nomoat_json("verify", package, "--checkpoint", tiny_checkpoint, "--tokens", "6", *on(device))
    execution, limits = verification["execution"], verification["tolerances"]["execution"]
    assert verification["passed"] is True
    assert verification["device"] == device
    assert verification["weights_equal_checkpoint"] is False
    assert verification["checkpoint_read_by"].startswith("transformers ")
    assert verification["quantization"]["mean_kl"] > execution["mean_kl"]
    if device == "webgpu":
        assert execution["max_logit_error"] < 1e-3
        assert execution["greedy_agreed"] == execution["decided_positions"] > 0
        assert limits["min_logit_correlation"] is None
    else:
        # Activations were rounded to 8 bits: seen, and small.
        assert execution["max_logit_error"] > 1e-3
        assert execution["logit_correlation"] >= limits["min_logit_correlation"]
        assert limits["max_logit_error"] is None


def test_embed_and_verify_an_encoder(family_package: Callable[[str, str], Path], tmp_path: Path, device: str) -> None:
    package = family_package("bert", "f32")
    texts = ["Once upon a time", "the sea", "Once upon a time"]
    embedded = nomoat_json("embed", package, *texts, *on(device))
    assert set(embedded) == {"embeddings", "prompt_tokens", "device", "adapter", "threads", "load_ms"}
    assert embedded["device"] == device
    rows = np.array(embedded["embeddings"])
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-5)
    np.testing.assert_array_equal(rows[0], rows[2])
    shown = nomoat("embed", package, "-", *on(device), stdin="Once upon a time\nthe sea\n")
    assert f"{rows[0] @ rows[1]:.4f}" in shown.stdout
    refused = nomoat("generate", package, "x", *on(device))
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "call embed" in refused.stderr
    assert "per text" in nomoat("inspect", package).stdout

    checkpoint = write_family(tmp_path / "bert", "bert")
    verification = nomoat_json("verify", package, "--checkpoint", checkpoint, *on(device))
    assert verification["passed"] is True
    assert verification["texts"] == 3
    assert verification["checkpoint_read_by"].startswith("transformers ")
    assert verification["quantization"]["min_cosine"] >= verification["tolerances"]["quantization"]["min_cosine"]
    other = write_family(tmp_path / "other", "bert", seed=1)
    failed = nomoat("verify", package, "--checkpoint", other, *on(device))
    assert failed.returncode == 1
    assert "failed: the least cosine to the embeddings of the checkpoint" in failed.stdout


def test_verify_fails_against_another_checkpoint(
    tiny_package: PackageOf, tiny_checkpoint: Path, tmp_path: Path, device: str
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_checkpoint, other)
    weights = load_file(other / "model.safetensors")
    name = "model.layers.1.mlp.down_proj.weight"
    weights[name] = -weights[name].astype(np.float32)
    save_file(weights, other / "model.safetensors")
    result = nomoat("verify", tiny_package("f32"), "--checkpoint", other, "--tokens", "6", *on(device))
    assert result.returncode == 1
    assert "failed: mean KL to the checkpoint" in " ".join(result.stdout.split())


def test_verify_refuses_a_checkpoint_of_another_shape(
    tiny_package: PackageOf, tiny_checkpoint: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_checkpoint, other)
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps(config | {"rms_norm_eps": 1e-3}))
    result = nomoat("verify", tiny_package("f32"), "--checkpoint", other, "--json")
    assert result.returncode == 1
    error = json.loads(result.stdout)["error"]
    assert error["code"] == "invalid_request"
    assert "rms_norm_eps" in error["message"]


@on_each_device
def test_an_interrupt_ends_a_running_generation(endless_package: Path, device: str) -> None:
    command = [sys.executable, "-m", "nomoat", "generate", str(endless_package), PROMPT, "--max-tokens", "12000"]
    command += on(device)
    # A group of its own, to which the interrupt goes as from a terminal: to Python and to Playwright's driver.
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What runs in the background ignores interrupts, and so would all that it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    ) as process:
        try:
            assert process.stdout is not None and process.stdout.read(1) != ""
            os.killpg(process.pid, signal.SIGINT)
            _, errors = process.communicate(timeout=WAIT_S)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 130
    assert errors.strip() == "Interrupted."


def test_serve_answers_over_http_and_ends_on_interrupt(tiny_package: PackageOf) -> None:
    command = [sys.executable, "-m", "nomoat", "serve", str(tiny_package("f32")), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stderr is not None
        try:
            base_url, welcome = announced(process)
            with urlopen(f"{base_url}/models", timeout=WAIT_S) as response:
                registry = json.load(response)
            url = registry["models"][0]["url"]
            with urlopen(f"{url}nomoat.json", timeout=WAIT_S) as response:
                manifest = json.load(response)
            shard = next(file for file in manifest["files"] if file["path"].endswith(".bin"))
            request = Request(f"{url}{shard['path']}", headers={"Range": "bytes=16-31"})
            with urlopen(request, timeout=WAIT_S) as part:
                assert part.status == 206
                assert part.headers["ETag"] == f'"{shard["sha256"]}"'
                assert part.read() == (tiny_package("f32") / shard["path"]).read_bytes()[16:32]
        finally:
            process.send_signal(signal.SIGINT)
            # Not communicate(), which knows nothing of what ``announced`` has read ahead.
            rest, errors = process.stdout.read(), process.stderr.read()
            process.wait(WAIT_S)
    assert url.startswith(f"{base_url}/")
    assert manifest["id"] in welcome + rest
    assert "Traceback" not in errors


def announced(process: subprocess.Popen[str]) -> tuple[str, str]:
    """The address that a server says it listens on, and what it printed up to there. It listens already."""
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        if found := re.search(r"http://127\.0\.0\.1:\d+", line):
            return found[0], printed
    raise AssertionError(f"no address in {printed!r}")
