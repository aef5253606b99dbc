"""What the peers need, made once: npm packages, a virtual environment, and the model in the format of each.

Everything lies in .cache/bench. Each step leaves a stamp that names what it was made from.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path

import numpy as np
from nomoat.demo.sample_model import find_gguf
from nomoat_compiler.checkpoint.open import open_checkpoint
from safetensors.numpy import save_file
from tokenizers import Tokenizer

from tests.fixtures.packages import ROOT
from tests.fixtures.smollm2 import CONFIG, gguf_tensors

PEERS = Path(__file__).parents[1] / "peers"
CACHE = ROOT / ".cache" / "bench"
VENV_PYTHON = CACHE / "venv" / "bin" / "python"
NODE_MODULES = CACHE / "peers" / "node_modules"
OUR_PAGE = CACHE / "nomoat-page"
# transformers.js finds a model as <base>/<name>/onnx/model_<dtype>.onnx.
ONNX_MODELS = CACHE / "models"
ONNX_MODEL = "smollm2"
OnStep = Callable[[str], None]


def install_npm(on_step: OnStep) -> None:
    """wllama and transformers.js. No install scripts: one of them would download a native runtime."""
    key = (PEERS / "package-lock.json").read_bytes()
    if fresh(NODE_MODULES / ".stamp", key):
        return
    on_step("npm packages of the peers")
    NODE_MODULES.parent.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PEERS / name, NODE_MODULES.parent)
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"], cwd=NODE_MODULES.parent)
    stamp(NODE_MODULES / ".stamp", key)


def install_venv(on_step: OnStep) -> None:
    """llama.cpp, ONNX and matplotlib. The environment also sees this one, for torch and transformers."""
    ours = sysconfig.get_path("purelib")
    key = (PEERS / "requirements.txt").read_bytes() + f"{sys.version} {ours}".encode()
    if fresh(CACHE / "venv" / ".stamp", key):
        return
    on_step("Python packages of the peers")
    shutil.rmtree(CACHE / "venv", ignore_errors=True)
    venv.create(CACHE / "venv", with_pip=True, symlinks=True)
    pip = [str(VENV_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary", ":all:"]
    run([*pip, "-r", str(PEERS / "requirements.txt")])
    asked = [str(VENV_PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    packages = Path(subprocess.run(asked, check=True, capture_output=True, text=True).stdout.strip())
    # Sorted last, so that what was installed here wins.
    (packages / "zz_nomoat.pth").write_text(f"{ours}\n")
    stamp(CACHE / "venv" / ".stamp", key)


def export_onnx(on_step: OnStep) -> dict[str, int]:
    """The files of dtype q8 and q4, with {file name: bytes of weights read per decoded token}.

    From the GGUF file's dequantized values, through ONNX Runtime's own model builder: the graphs with
    GroupQueryAttention and packed q, k and v that the hub hosts for transformers.js. Embedding and head are stored
    twice, as there: sharing them would transpose the head in every step.
    """
    folder = ONNX_MODELS / ONNX_MODEL
    sizes = folder / "bytes_per_token.json"
    script = PEERS / "quantize_onnx.py"
    key = script.read_bytes() + (PEERS / "requirements.txt").read_bytes() + str(find_gguf().stat().st_size).encode()
    if not fresh(folder / ".stamp", key):
        on_step("the model as ONNX, q8 and q4")
        shutil.rmtree(folder, ignore_errors=True)
        checkpoint, float32 = CACHE / "checkpoint", CACHE / "onnx-float32"
        write_checkpoint(checkpoint)
        options = ["hf_token=false", "shared_embeddings=false"]
        build = ["-m", "onnxruntime_genai.models.builder", "-i", str(checkpoint), "-o", str(float32)]
        build += ["-p", "fp32", "-e", "cpu", "-c", str(CACHE / "builder"), "--extra_options", *options]
        run([str(VENV_PYTHON), *build])
        (folder / "onnx").mkdir(parents=True)
        quantize = [str(VENV_PYTHON), str(script), str(float32 / "model.onnx"), str(folder / "onnx")]
        sizes.write_text(run(quantize).splitlines()[-1])
        for file in checkpoint.glob("*.json"):
            shutil.copy(file, folder)
        shutil.rmtree(checkpoint)
        shutil.rmtree(float32)
        stamp(folder / ".stamp", key)
    per_token: dict[str, int] = json.loads(sizes.read_text())
    return per_token


def write_checkpoint(folder: Path) -> None:
    """The GGUF file as a Hugging Face folder in float32, with the tokenizer that our compiler read from it."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {name: np.ascontiguousarray(values) for name, values in gguf_tensors(find_gguf())}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_act": "silu",
        "attention_bias": False,
        "rope_theta": CONFIG["rope_parameters"]["rope_theta"],  # type: ignore[index]
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 2,
        **CONFIG,
    }
    (folder / "config.json").write_text(json.dumps(config, indent=1))
    for name, content in open_checkpoint(find_gguf()).tokenizer_files().items():
        (folder / name).write_bytes(content)


def tokenizer(gguf: Path) -> Tokenizer:
    """The file's, to count tokens with."""
    return Tokenizer.from_str(open_checkpoint(gguf).tokenizer_files()["tokenizer.json"].decode())


def build_our_page(on_step: OnStep) -> None:
    """Our engine behind the same window.bench. Built every time: it takes a second, and must not be of yesterday."""
    on_step("our page")
    command = ["npx", "vite", "build", str(PEERS / "nomoat"), "--outDir", str(OUR_PAGE), "--emptyOutDir"]
    run([*command, "--logLevel", "error"])


def run(command: list[str], cwd: Path = ROOT) -> str:
    """Standard output; what a failing command wrote is in the error."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SystemExit(f"{' '.join(command[:4])} ... failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    return done.stdout


def fresh(path: Path, key: bytes) -> bool:
    return path.is_file() and path.read_text() == sha256(key).hexdigest()


def stamp(path: Path, key: bytes) -> None:
    path.write_text(sha256(key).hexdigest())
