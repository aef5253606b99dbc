"""``nomoat inspect``: what a package holds and what it costs to run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer
from nomoat_compiler.program.package import read_package
from rich.console import Console
from rich.table import Table

from nomoat.cli.console import Debug, Json, out, print_json, reports_errors
from nomoat.cli.quantities import format_bytes, format_count
from nomoat.inspection import Inspection, describe_scheme, inspect_package


@reports_errors
def inspect_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    context: Annotated[
        int | None, typer.Option(min=1, help="Context length to state the memory for. Default: the longest.")
    ] = None,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Show the configuration, tensors, operators, dispatches and memory of the package DIR."""
    package = read_package(folder)
    inspection = inspect_package(package, context)
    if json_output:
        print_json(inspection.to_json())
        return
    console = out()
    print_summary(console, inspection)
    print_tensors(console, inspection)
    print_operators(console, inspection)


def print_summary(console: Console, inspection: Inspection) -> None:
    config, memory = inspection.config, inspection.memory
    decodes = inspection.dispatches_per_decode_token > 0
    rows = {
        "Model": f"{inspection.name} ({config['architecture']})",
        "License": inspection.license or "not stated",
        "Parameters": format_count(inspection.parameter_count),
        "Shape": describe_shape(config),
        "Context": f"{inspection.context_length} tokens, "
        + (f"prefill in chunks of {inspection.prefill_chunk}, " if decodes else "")
        + f"pages of {inspection.page_size}",
        "Quantization": f"{inspection.quantization}, {inspection.bits_per_weight:.2f} bits per weight",
        "Package": f"{format_bytes(inspection.package_bytes)} (program {format_bytes(inspection.program_bytes)})",
        "Dispatches": f"{inspection.dispatches_per_decode_token} per decoded token, "
        f"{inspection.dispatches_per_prefill_chunk} per prefill chunk"
        if decodes
        else f"{inspection.dispatches_per_prefill_chunk} per text",
        f"Memory at {memory.context_length} tokens": f"{format_bytes(memory.total_bytes)} = "
        f"weights {format_bytes(memory.weights_bytes)} + KV {format_bytes(memory.kv_cache_bytes)} "
        + (f"+ recurrent state {format_bytes(memory.recurrent_state_bytes)} " if memory.recurrent_state_bytes else "")
        + f"+ scratch {format_bytes(memory.scratch_bytes)}",
        "From": f"{inspection.provenance['source']} ({inspection.provenance['source_format']}), "
        f"nomoat {inspection.provenance['compiler']}, TVM {inspection.provenance['tvm']}",
    }
    table = Table(title=inspection.id, show_header=False, box=None, padding=(0, 2, 0, 0), title_justify="left")
    table.add_column(style="dim")
    table.add_column()
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)


def describe_shape(config: Mapping[str, Any]) -> str:
    """The sizes that the configuration has; which ones depends on the architecture."""
    names = {
        "num_hidden_layers": "layers", "hidden_size": "hidden", "intermediate_size": "intermediate",
        "num_attention_heads": "heads", "num_key_value_heads": "KV heads", "head_dim": "head_dim",
        "vocab_size": "vocabulary",
    }  # fmt: skip
    return ", ".join(f"{words} {config[name]}" for name, words in names.items() if name in config)


def print_tensors(console: Console, inspection: Inspection) -> None:
    table = Table(title="Tensors", box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column("Name", overflow="fold")
    table.add_column("Count", justify="right", no_wrap=True)
    table.add_column("Shape", no_wrap=True)
    table.add_column("Stored as", no_wrap=True)
    table.add_column("Size", justify="right", no_wrap=True)
    for group in inspection.tensors:
        shape = " × ".join(str(extent) for extent in group.shape)
        table.add_row(group.name, str(group.count), shape, group.scheme, format_bytes(group.nbytes))
    console.print()
    console.print(table)


def print_operators(console: Console, inspection: Inspection) -> None:
    table = Table(title="Operators", box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column("Name", no_wrap=True)
    table.add_column("Definition", overflow="fold")
    table.add_column("Kernels", no_wrap=True)
    for title in ("Per token", "Per chunk"):
        table.add_column(title, justify="right", no_wrap=True)
    for operator in sorted(inspection.operators, key=lambda o: (-o.decode_dispatches, -o.prefill_dispatches, o.name)):
        table.add_row(
            operator.name,
            describe_definition(operator.definition),
            f"{operator.own_kernels} own" if operator.own_kernels else "library",
            str(operator.decode_dispatches),
            str(operator.prefill_dispatches),
        )
    console.print()
    console.print(table)


def describe_definition(definition: Mapping[str, Any]) -> str:
    """``rows 576, columns 576, float16, residual``: what is null or false is left out, what is true is named."""
    words = []
    for name, value in definition.items():
        if name == "op" or value is None or value is False:
            continue
        if name == "scheme":
            words.append(describe_scheme(value))
        else:
            words.append(name if value is True else f"{name} {value}")
    return ", ".join(words)
