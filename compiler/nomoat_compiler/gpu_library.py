"""Builds the GPU library: the WGSL of every operator, storage format and variant, and the record of what they are.

    python -m nomoat_compiler.gpu_library FOLDER [--record FILE] [--check FILE]

FOLDER/kernels.bin is gzipped JSON: {"operators": which stages and variants each one has, when a variant fits and how it
is launched; "kernels": each text by its content hash, in pieces (repetition.py); "known_answers": the cases by which
the runtime tries them on a new device}. The same sources and the same version of TVM give the same JSON. The record
(TypeScript) identifies it; the record is kept in the repository, the file is not.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from .errors import NomoatError
from .expression import Expression, evaluate
from .operators.catalog import OPERATORS, gpu_operator
from .operators.definition import call_symbols, definition_symbols
from .operators.gpu.operator import Stage
from .operators.known_answer import fits, known_answers
from .repetition import without_repetition
from .targets.webgpu import CompiledVariant, compile_variant, content_hash, specialise

Json = dict[str, Any]
MAX_GZIP_BYTES = 150_000
MOST_TOKENS = 1 << 30


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
                {
                    "name": stage.name,
                    "when": stage.when,
                    "variants": [kernels[op, s, v].record for v in range(len(stage.variants))],
                }
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
    # How many tokens a call has is nothing that a package's kernels may depend on.
    symbols = definition_symbols(definition, prefill=prefill) | call_symbols(MOST_TOKENS if prefill else 1)
    if "rows" in definition:
        symbols |= whole(definition["rows"])
    kernels: dict[str, Json] = {}
    texts: dict[str, str] = {}
    stages = []
    for s, stage in enumerate(operator.stages):
        if not evaluate(stage.when, symbols):
            continue
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
    named = {binding["argument"] for kernel in kernels.values() for binding in kernel["bindings"]}
    scratch = [
        {"name": s.name, "dtype": s.dtype, "length": bound(s.length, symbols)}
        for s in operator.scratch
        if s.name in named
    ]
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


def library_bytes(operators: Json, texts: Mapping[str, str], answers: Sequence[Json]) -> bytes:
    """The JSON: texts in the order of the operators, so that neighbours resemble each other and compress."""
    kernels = dict(zip(texts, without_repetition(list(texts.values())), strict=True))
    contents = {"operators": operators, "kernels": kernels, "known_answers": answers}
    return json.dumps(contents, separators=(",", ":")).encode()


def untried(operators: Json, answers: Sequence[Json]) -> list[str]:
    """Names of kernels that no known answer fits: the runtime could not trust them."""
    return [
        variant["name"]
        for op, operator in operators.items()
        for stage in operator["stages"]
        for variant in stage["variants"]
        if not any(answer["definition"]["op"] == op and fits(variant["when"], answer) for answer in answers)
    ]


def record_text(data: bytes) -> str:
    """What identifies the library, as a TypeScript module: ``data`` is the JSON."""
    record = {
        "made_with": {"apache-tvm": version("apache-tvm")},
        "nbytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    header = "// Generated by python -m nomoat_compiler.gpu_library. Do not edit."
    return f"{header}\nexport const GPU_LIBRARY = {json.dumps(record, indent=2)} as const;\n"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m nomoat_compiler.gpu_library")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--record", type=Path, help="write the record there")
    parser.add_argument("--check", type=Path, help="compare with this record; exit 1 where they differ")
    given = parser.parse_args(arguments)
    texts, operators = build_library()
    answers = known_answers()
    if names := untried(operators, answers):
        print(f"no known answer fits {', '.join(names)}: add cases to their reference.py", file=sys.stderr)
        return 1
    data = library_bytes(operators, texts, answers)
    compressed = gzip.compress(data, mtime=0)
    if len(compressed) > MAX_GZIP_BYTES:
        print(f"the kernels have {len(compressed)} bytes gzipped; the limit is {MAX_GZIP_BYTES}", file=sys.stderr)
        return 1
    text = record_text(data)
    if given.check and not (given.check.exists() and given.check.read_text() == text):
        print(f"{given.check} does not match the kernels: run `make docs` and commit it", file=sys.stderr)
        return 1
    given.folder.mkdir(parents=True, exist_ok=True)
    (given.folder / "kernels.bin").write_bytes(compressed)
    if given.record:
        given.record.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
