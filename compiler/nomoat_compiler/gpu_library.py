"""Builds the GPU library: the WGSL of every operator, storage format and variant, and the record of what they are.

    python -m nomoat_compiler.gpu_library FOLDER [--record FILE] [--check FILE]

FOLDER/kernels.json maps the content hash of each text to the text. The same sources and the same version of TVM give
the same bytes. The record (TypeScript) says of every operator which stages and variants there are, when each fits and
how it is launched; it is kept in the repository, the texts are not.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .errors import NomoatError
from .expression import Expression, evaluate
from .operators.catalog import OPERATORS, gpu_operator
from .operators.definition import definition_symbols
from .operators.gpu.operator import Stage
from .targets.webgpu import CompiledVariant, compile_variant, content_hash, specialise

Json = dict[str, Any]
MAX_GZIP_BYTES = 150_000


@cache
def compiled(op: str, stage: int, variant: int) -> CompiledVariant:
    """One kernel of the library, lowered at the first call of this process."""
    operator = gpu_operator(op)
    return compile_variant(operator.stages[stage].variants[variant], operator, OPERATORS[op])


def fitting(stage: Stage, symbols: Mapping[str, Any]) -> Iterator[int]:
    """Indices of the variants of ``stage`` that compute a definition, best first; the last one needs no feature."""
    for index, variant in enumerate(stage.variants):
        if evaluate(variant.when, symbols):
            yield index
            if not variant.features:
                return


def build_library() -> tuple[dict[str, str], Json]:
    """Every text by its hash, and the operators of the record."""
    places = [
        (op, s, v)
        for op in OPERATORS
        for s, stage in enumerate(gpu_operator(op).stages)
        for v in range(len(stage.variants))
    ]
    with ProcessPoolExecutor() as pool:
        kernels = dict(zip(places, pool.map(compiled, *zip(*places, strict=True), chunksize=8), strict=True))
    texts = {kernel.record["kernel"]: kernel.wgsl for kernel in kernels.values()}
    operators = {}
    for op in OPERATORS:
        operator = gpu_operator(op)
        operators[op] = {
            "scratch": [{"name": s.name, "dtype": s.dtype, "length": s.length} for s in operator.scratch],
            "stages": [
                {"name": stage.name, "variants": [kernels[op, s, v].record for v in range(len(stage.variants))]}
                for s, stage in enumerate(operator.stages)
            ],
        }
    return texts, operators


def own_kernels(definition: Mapping[str, Any], prefill: bool) -> tuple[Json, dict[str, Json], dict[str, str]]:
    """The library's kernels for one definition with its constants filled in, as a package brings them.

    The entry of ``own_operators``, and by content hash the entries of ``kernels`` and the WGSL texts.
    ``unsupported`` where the library has none.
    """
    op = definition["op"]
    operator = gpu_operator(op)
    symbols = definition_symbols(definition, prefill=prefill)
    if "rows" in definition:
        symbols |= whole(definition["rows"])
    kernels: dict[str, Json] = {}
    texts: dict[str, str] = {}
    stages = []
    for s, stage in enumerate(operator.stages):
        variants = []
        for v in fitting(stage, symbols):
            kernel = compiled(op, s, v)
            text = specialise(kernel.wgsl, constant_values(kernel.record, symbols))
            digest = content_hash(text)
            texts[digest] = text
            launch = ("name", "entry_point", "workgroup_size", "bindings", "uniforms", "workgroup_bytes")
            kernels[digest] = {key: kernel.record[key] for key in launch}
            grid = [bound(extent, symbols) for extent in kernel.record["grid"]]
            variants.append({"requires": kernel.record["requires"], "kernel": digest, "grid": grid})
        if not variants:
            raise NomoatError(
                "unsupported",
                f"The library has no GPU kernel for {stage.name} of {json.dumps(definition)}.",
                operator=op,
            )
        stages.append({"name": stage.name, "variants": variants})
    scratch = [{"name": s.name, "dtype": s.dtype, "length": evaluate(s.length, symbols)} for s in operator.scratch]
    entry = {"definition": dict(definition), "prefill": int(prefill), "scratch": scratch, "stages": stages}
    return entry, kernels, texts


def whole(rows: int) -> dict[str, int]:
    """The symbols of a matrix that is bound whole."""
    return {"first_row": 0, "all_rows": rows}


def constant_values(record: Json, symbols: Mapping[str, Any]) -> dict[str, Any]:
    """The overridable constants of a variant for one definition."""
    return {constant["name"]: evaluate(constant["value"], symbols) for constant in record["constants"]}


def bound(expression: Expression, symbols: Mapping[str, Any]) -> Expression:
    """``expression`` with every symbol but n replaced by its value, and what is then constant computed."""
    if isinstance(expression, str) and expression != "n":
        return evaluate(expression, symbols)
    if not isinstance(expression, list):
        return expression
    operator, left, right = expression
    left, right = bound(left, symbols), bound(right, symbols)
    if isinstance(left, int) and isinstance(right, int):
        return evaluate([operator, left, right], {})
    return [operator, left, right]


def library_text(texts: Mapping[str, str]) -> str:
    """kernels.json: in the order of the record, so that neighbours resemble each other and compress."""
    return json.dumps(texts, indent=0) + "\n"


def record(texts: Mapping[str, str], operators: Json) -> Json:
    """What the runtime must know of the library, and what identifies it."""
    data = library_text(texts).encode()
    return {
        "made_with": {"apache-tvm": version("apache-tvm")},
        "nbytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "operators": operators,
    }


def record_text(contents: Json) -> str:
    """The record as a TypeScript module. Values that occur more than once are written once, as constants."""
    uses: dict[str, int] = {}

    def count(value: Any) -> str:
        key = json.dumps(value)
        if isinstance(value, list | dict):
            uses[key] = uses.get(key, 0) + 1
            if uses[key] == 1:
                for child in value.values() if isinstance(value, dict) else value:
                    count(child)
        return key

    count(contents)
    names: dict[str, str] = {}
    lines = ["// Generated by python -m nomoat_compiler.gpu_library. Do not edit."]

    def written(value: Any) -> str:
        key = json.dumps(value)
        if not isinstance(value, list | dict):
            return key
        if key in names:
            return names[key]
        if isinstance(value, dict):
            text = (
                "{"
                + ", ".join(
                    f"{name if name.isidentifier() else json.dumps(name)}: {written(child)}"
                    for name, child in value.items()
                )
                + "}"
            )
        else:
            text = "[" + ", ".join(written(child) for child in value) + "]"
        if uses[key] > 1 and len(text) > 5:
            names[key] = f"_{len(names)}"
            lines.append(f"const {names[key]} = {text} as const;")
            return names[key]
        return text

    parts = {name: written(value) for name, value in contents.items() if name != "operators"}
    operators = {op: written(value) for op, value in contents["operators"].items()}
    lines.append("export const GPU_LIBRARY = {")
    lines += [f"  {name}: {text}," for name, text in parts.items()]
    lines += ["  operators: {", *(f"    {op}: {text}," for op, text in operators.items()), "  },", "} as const;"]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m nomoat_compiler.gpu_library")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path, help="write the record there")
    parser.add_argument("--check", type=Path, help="compare with this record; exit 1 where they differ")
    given = parser.parse_args(arguments)
    texts, operators = build_library()
    data = library_text(texts)
    compressed = len(gzip.compress(data.encode()))
    if compressed > MAX_GZIP_BYTES:
        print(f"the kernels have {compressed} bytes gzipped; the limit is {MAX_GZIP_BYTES}", file=sys.stderr)
        return 1
    text = record_text(record(texts, operators))
    if given.check and not (given.check.exists() and given.check.read_text() == text):
        print(f"{given.check} does not match the kernels: run `make docs` and commit it", file=sys.stderr)
        return 1
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "kernels.json").write_text(data)
    if given.record:
        given.record.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
