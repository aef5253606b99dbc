"""Checkpoint in, package out: the order of the stages, and what the caller is told about them."""

from __future__ import annotations

import math
import re
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .adapter.merged import MergedCheckpoint
from .adapter.peft_folder import PeftFolder
from .assembly import Program, build_program, tensor_specs
from .chat_templates import choose_chat_template
from .checkpoint.checkpoint import Checkpoint
from .checkpoint.imatrix_file import read_imatrix
from .checkpoint.open import open_checkpoint
from .errors import NomoatError
from .models.model import Model
from .models.registry import read_model
from .program.canonical_json import canonical_json
from .program.manifest import MANIFEST_NAME, PackageFile, manifest_bytes, package_file
from .program.package import check_may_write, package_in_place
from .program.tensor_spec import TensorSpec
from .quantize.choose import choose_schemes, searches_scales
from .quantize.importance import importance_by_source
from .quantize.sources import StoredIn, check_sources
from .quantize.writer import INDEX_PATH, WEIGHTS_FOLDER, write_weights
from .scheme import Plain, Scheme
from .text_check import check_text_files

# A context of the model's full length is often 128k tokens, whose float32 KV cache no browser holds; 8192 takes most
# models whole and costs nothing unused, as the cache grows by pages. --context-length asks for more.
DEFAULT_CONTEXT_LENGTH = 8192
MAX_CONTEXT_LENGTH = 1_048_576
# llama.cpp's habit of naming the file after the block type.
BLOCK_TYPE_SUFFIX = re.compile(r"[.-](?:I?Q\d[A-Z0-9_]*|BF16|F16|F32)$", re.IGNORECASE)
OnProgress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CompileReport:
    """What a compile made and what it cost. Sizes in bytes; ``seconds`` by stage."""

    id: str
    source: str
    quantization: str
    context_length: int
    parameter_count: int
    kernel_count: int  # WGSL modules in the package; none unless own kernels were asked for
    program_bytes: int
    weights_bytes: int
    package_bytes: int
    bits_per_weight: float | None  # None for a program without weights
    schemes: dict[str, int]  # description of a scheme -> tensors that have it
    seconds: dict[str, float]
    peak_memory_bytes: int | None  # None where the system does not tell

    def to_json(self) -> dict[str, Any]:
        return asdict(self)


def compile_model(
    source: str | Path,
    output: str | Path,
    *,
    quantization: str | None = None,
    context_length: int | None = None,
    program_only: bool = False,
    own_kernels: bool = False,
    chat_template: str | None = None,
    merge: str | Path | None = None,
    bits_per_weight: float | None = None,
    imatrix: str | Path | None = None,
    on_progress: OnProgress | None = None,
) -> CompileReport:
    """Compiles ``source`` into the package folder ``output``, which appears complete or not at all.

    ``merge``: a PEFT adapter that is folded into the weights. ``bits_per_weight`` is the size of q4 (allocate.py), and
    ``imatrix`` llama.cpp's importance matrix, which weighs the error.
    ``program_only`` needs no weights but config.json. ``own_kernels`` puts the library's WGSL, specialised for this
    model, into the package. ``chat_template`` is the name of a template or a file. ``on_progress`` gets
    (stage, done, total) with the stages open, program (operators), weights (values), package (files). Errors:
    ``invalid_request`` for the arguments, and those of each stage.
    """
    progress = on_progress or (lambda stage, done, total: None)
    clock = _StageClock()
    folder = Path(output).expanduser().resolve()
    check_may_write(folder)  # Before minutes of work.
    progress("open", 0, 1)
    with ExitStack() as stack:
        checkpoint = stack.enter_context(closing(open_checkpoint(source, with_weights=not program_only)))
        has_weights = checkpoint.source_format != "config"
        model = read_model(checkpoint.config, StoredIn(checkpoint) if has_weights else None)
        context_length = choose_context_length(model, context_length)
        specs = tensor_specs(model)
        if merge is not None:
            checkpoint = stack.enter_context(closing(MergedCheckpoint(checkpoint, PeftFolder(Path(merge)), specs)))
        if has_weights:
            check_sources(specs, checkpoint)
        quantization, schemes = choose_schemes(specs, checkpoint, quantization, bits_per_weight)
        importance = {} if imatrix is None else _importance(Path(imatrix), specs, checkpoint, quantization)
        tokenizer_files = checkpoint.tokenizer_files()
        if chat_template is not None or not model.whole_texts:  # An encoder has no prompts.
            tokenizer_files = choose_chat_template(tokenizer_files, chat_template)
        check_text_files(tokenizer_files)
        progress("open", 1, 1)
        clock.lap("open")

        program = build_program(
            model, schemes, quantization=quantization, context_length=context_length, own_kernels=own_kernels,
            on_progress=lambda done, total: progress("program", done, total),
        )  # fmt: skip
        clock.lap("program")

        with package_in_place(folder) as package:
            files = _write_program(package, program)
            for name, data in tokenizer_files.items():
                (package / name).write_bytes(data)
                files.append(package_file(package, name))
            if not program_only:
                files += write_weights(
                    package, specs, checkpoint, schemes, quantization,
                    lambda done, total: progress("weights", done, total), importance=importance,
                )  # fmt: skip
            clock.lap("weights")
            identity = manifest_identity(checkpoint, quantization)
            manifest = identity | manifest_contents(
                model, specs, quantization, context_length, tokenizer_files, program_only
            )
            (package / MANIFEST_NAME).write_bytes(manifest_bytes(manifest, files))
            progress("package", len(files), len(files))
        clock.lap("package")
    return _report(manifest, files, specs, schemes, program, checkpoint.source, clock.seconds)


def _importance(
    path: Path, specs: Sequence[TensorSpec], checkpoint: Checkpoint, quantization: str
) -> dict[str, npt.NDArray[np.float32]]:
    """By source; ``invalid_request`` where there is nothing that it could change."""
    if not searches_scales(specs, checkpoint, quantization):
        raise NomoatError(
            "invalid_request",
            f"--imatrix weighs the error of matrices of floats in q4, and here are none (quantization {quantization}).",
        )
    return importance_by_source(read_imatrix(path.expanduser()), specs)


def choose_context_length(model: Model, asked: int | None) -> int:
    """The context length of the program; ``invalid_request`` for more than the model supports."""
    supported = min(model.supported_length, MAX_CONTEXT_LENGTH)
    if asked is None:
        return min(model.trained_length, supported, DEFAULT_CONTEXT_LENGTH)
    if not 1 <= asked <= supported:
        raise NomoatError(
            "invalid_request",
            f"The context length {asked} is not possible: this model supports 1 to {supported} tokens.",
            asked=asked,
            supported=supported,
        )
    return asked


def package_id(source: str, quantization: str) -> str:
    """``owner/SmolLM2-135M.Q4_1.gguf``, ``q4`` -> ``SmolLM2-135M-q4``: letters, digits, dot, dash and underscore."""
    cleaned = re.sub(r"[^A-Za-z0-9._-]+", "-", display_name(source))[:100].strip("-._")
    return f"{cleaned or 'model'}-{quantization}"


def display_name(source: str) -> str:
    """The model's name without owner, file type and block type."""
    base = source.rsplit("/", 1)[-1]
    if base.lower().endswith(".gguf"):
        base = BLOCK_TYPE_SUFFIX.sub("", base[: -len(".gguf")])
    return base[:200] or "model"


def _write_program(package: Path, program: Program) -> list[PackageFile]:
    folder = package / "program"
    folder.mkdir()
    for kernel_hash, wgsl in sorted(program.modules.items()):
        (folder / f"{kernel_hash}.wgsl").write_bytes(wgsl.encode("utf-8"))
    # With numbers as JavaScript writes them, since the importer of the runtime makes the same file.
    (folder / "program.json").write_bytes(canonical_json(program.json).encode("utf-8"))
    names = [f"program/{kernel_hash}.wgsl" for kernel_hash in sorted(program.modules)]
    return [package_file(package, name) for name in [*names, "program/program.json"]]


def manifest_identity(checkpoint: Checkpoint, quantization: str) -> dict[str, Any]:
    return {
        "format": "nomoat-package",
        "version": 1,
        "id": package_id(checkpoint.source, quantization),
        "name": display_name(checkpoint.source),
        "license": checkpoint.license,
        "provenance": {
            "source": checkpoint.source[:300],
            "source_format": checkpoint.source_format,
            **VERSIONS,
        },
    }


def manifest_contents(
    model: Model,
    specs: Sequence[TensorSpec],
    quantization: str,
    context_length: int,
    tokenizer_files: dict[str, bytes],
    program_only: bool,
) -> dict[str, Any]:
    def present(name: str) -> str | None:
        return name if name in tokenizer_files else None

    return {
        "architecture": model.architecture,
        "quantization": quantization,
        "context_length": context_length,
        "parameter_count": _parameter_count(specs),
        "program": "program/program.json",
        "weights": None if program_only else INDEX_PATH,
        "tokenizer": {
            "tokenizer": present("tokenizer.json"),
            "tokenizer_config": present("tokenizer_config.json"),
            "chat_template": present("chat_template.jinja"),
            "generation_config": present("generation_config.json"),
        },
    }


def _report(
    manifest: dict[str, Any],
    files: list[PackageFile],
    specs: Sequence[TensorSpec],
    schemes: dict[str, Scheme],
    program: Program,
    source: str,
    seconds: dict[str, float],
) -> CompileReport:
    weights_bytes = sum(file.nbytes for file in files if file.path.startswith(f"{WEIGHTS_FOLDER}/"))
    stored_bytes = sum(parameter["nbytes"] for parameter in program.instance.parameters)
    parameter_count = _parameter_count(specs)
    return CompileReport(
        id=manifest["id"],
        source=source,
        quantization=manifest["quantization"],
        context_length=manifest["context_length"],
        parameter_count=parameter_count,
        kernel_count=len(program.modules),
        program_bytes=sum(file.nbytes for file in files if file.path.startswith("program/")),
        weights_bytes=weights_bytes,
        package_bytes=sum(file.nbytes for file in files),
        bits_per_weight=None if manifest["weights"] is None else stored_bytes * 8 / parameter_count,
        schemes=dict(Counter(describe_scheme(schemes[spec.name]) for spec in specs)),
        seconds=seconds,
        peak_memory_bytes=peak_memory_bytes(),
    )


def describe_scheme(scheme: Scheme) -> str:
    """For people: ``4 bits, groups of 32, minimum, float16 scales``."""
    if isinstance(scheme, Plain):
        return scheme.dtype
    zero = scheme.codebook or ("minimum" if scheme.zero is None else f"zero {scheme.zero}")
    return f"{scheme.bits} bits, groups of {scheme.group_size}, {zero}, {scheme.scale_dtype} scales"


def peak_memory_bytes() -> int | None:
    """The most resident memory this process ever had."""
    status = Path("/proc/self/status")
    if status.exists():  # Not getrusage: its maximum is inherited from the process that started this one.
        match = re.search(r"^VmHWM:\s*(\d+) kB", status.read_text(), re.MULTILINE)
        return int(match[1]) * 1024 if match else None
    try:
        import resource  # Not on Windows.
    except ImportError:
        return None
    maximum = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return maximum if sys.platform == "darwin" else maximum * 1024


def _parameter_count(specs: Sequence[TensorSpec]) -> int:
    return sum(math.prod(spec.shape) for spec in specs)


def _version(distribution: str) -> str:
    try:
        return metadata.version(distribution)[:60]
    except metadata.PackageNotFoundError:
        return "unknown"


# Of what makes the program; provenance in the manifest.
VERSIONS = {"compiler": _version("nomoat"), "tvm": _version("apache-tvm")}


class _StageClock:
    """Seconds between laps."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, stage: str) -> None:
        now = time.perf_counter()
        self.seconds[stage] = round(now - self._last, 3)
        self._last = now
