"""A report as text: what was measured where, a line for each measurement, and all that failed or was left out.

Standard library only, and Python 3.8: this runs on machines where nothing is installed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tests.bench.webgpu.parts import line_of, lines_of

DECODE_HEADINGS = (
    "Model", "Context", "Sampler", "tok/s", "ms/token", "Share of reads", "JS ms/token", "Dispatches", "Submits",
    "Passes", "Bind groups", "Buffers", "Writes", "Maps",
)  # fmt: skip
PREFILL_HEADINGS = ("Model", "Tokens", "Chunk", "tok/s", "Dispatches")
KERNEL_HEADINGS = ("Model", "Context", "Kernel", "Calls", "µs each", "ms/token", "GB/s")
PARITY_HEADINGS = ("Adapter", "Kernels", "Cases", "Passed", "Failed", "Left out", "Largest error of tolerance")
Row = Sequence[str]
# Kernels of each function that the text lists; the JSON has all.
SLOWEST = 6


def report_text(report: Mapping[str, Any]) -> str:
    parts = report["parts"]
    blocks = [
        "\n".join(heading(report)),
        text_table(PARITY_HEADINGS, [row for part in parts for row in parity_rows(part)]),
        text_table(DECODE_HEADINGS, [row for part in parts for row in decode_rows(part)]),
        text_table(PREFILL_HEADINGS, [row for part in parts for row in prefill_rows(part)]),
        text_table(KERNEL_HEADINGS, [row for part in parts for row in kernel_rows(part)]),
        "\n".join(problems(report)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def heading(report: Mapping[str, Any]) -> list[str]:
    host = report["host"]
    changed = " with changes" if report["made"]["changed_files"] else ""
    lines = [
        f"nomoat {report['made']['commit']}{changed}, {report['date']}",
        f"{host['processor']}, {host['cores']} cores, {host['memory_gb']} GB, {host['system']}",
    ]
    if host.get("nvidia_smi"):
        lines.append(host["nvidia_smi"])
    devices = [line_of(part, "device") for part in report["parts"]]
    return lines + list(dict.fromkeys(adapter_text(device, report) for device in devices if device))


def adapter_text(device: Mapping[str, Any], report: Mapping[str, Any]) -> str:
    optional = [name for name in ("subgroups", "shader-f16", "timestamp-query") if name in device["features"]]
    return (
        f"{adapter_name(device)}: subgroups of {device['subgroup_min_size']} to {device['subgroup_max_size']}, "
        f"{', '.join(optional) or 'no optional feature'}, bindings of at most "
        f"{device['max_storage_buffer_binding_bytes'] >> 20} MiB; Node {device['node']}, Dawn {report['made']['dawn']}"
    )


def adapter_name(device: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (device["vendor"], device["architecture"], device["description"])))


def decode_rows(part: Mapping[str, Any]) -> list[Row]:
    rows: list[Row] = []
    for line in lines_of(part, "decode"):
        calls = line["calls_per_token"]
        counts = [
            calls[name] for name in ("dispatches", "submits", "passes", "bind_groups", "buffers", "writes", "maps")
        ]
        rows.append([
            part["name"], f"{line['context']:,}", line["sampler"], f"{line['tok_per_s']:,.1f}",
            f"{line['ms_per_token']:.3f}", share(part, line), f"{line['js_ms_per_token']:.3f}", *map(number, counts),
        ])  # fmt: skip
    return rows


def prefill_rows(part: Mapping[str, Any]) -> list[Row]:
    return [
        [
            part["name"], f"{line['tokens']:,}", str(line["chunk"]), f"{line['tok_per_s']:,.1f}",
            number(line["calls_per_prompt"]["dispatches"]),
        ]
        for line in lines_of(part, "prefill")
    ]  # fmt: skip


def kernel_rows(part: Mapping[str, Any]) -> list[Row]:
    return [
        [
            part["name"], f"{line['context']:,}", kernel["kernel"], str(kernel["calls"]), f"{kernel['us']:,.1f}",
            f"{kernel['ms_per_token']:.3f}", f"{kernel['gb_per_s']:,.1f}" if "gb_per_s" in kernel else "",
        ]
        for line in lines_of(part, "kernels")
        for kernel in line["kernels"][:SLOWEST]
    ]  # fmt: skip


def parity_rows(part: Mapping[str, Any]) -> list[Row]:
    device, result = line_of(part, "device"), line_of(part, "parity")
    if device is None or result is None:
        return []
    counts = [str(result[key]) for key in ("kernels", "cases", "passed", "failed", "left_out")]
    return [[f"{adapter_name(device)} ({part['name']})", *counts, f"{result['largest_error']:.2g}"]]


def share(part: Mapping[str, Any], line: Mapping[str, Any]) -> str:
    """Of the bandwidth that plain reads of the weights reached in the same process."""
    bandwidth = line_of(part, "bandwidth")
    return (
        f"{line['weight_gb_per_s'] / bandwidth['gb_per_s']:.0%} of {bandwidth['gb_per_s']:,.0f} GB/s"
        if bandwidth
        else "–"
    )


def problems(report: Mapping[str, Any]) -> list[str]:
    """A line for each thing that failed, was stopped or does not fit this device."""
    lines = [f"not run: {name}: {why}" for name, why in report.get("not_run", {}).items()]
    for part in report["parts"]:
        for line in part["lines"]:
            if line["kind"] in ("failed", "skipped"):
                where = " ".join(f"{line[key]}" for key in ("what", "context", "sampler", "case") if key in line)
                lines.append(f"{line['kind']}: {part['name']}: {where}: {line['message']}")
            if line["kind"] == "left_out":
                lines.append(f"left out: {part['name']}: {', '.join(line['kernels'])}: {line['reason']}")
        if part["ended"] == "limit":
            lines.append(f"stopped: {part['name']}: it took {part['seconds']:.0f} s, more than it may")
        elif part["ended"] != "ok" and not lines_of(part, "failed"):
            printed = " ".join(part["printed"].split())[-300:]
            lines.append(f"failed: {part['name']}: it ended with {part['ended']}: {printed or '(it printed nothing)'}")
    return lines


def passed(report: Mapping[str, Any]) -> bool:
    """Nothing failed and nothing was stopped; what does not fit a device is no failure."""
    return not any(line.startswith(("failed", "stopped", "not run")) for line in problems(report))


def number(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}".rstrip("0").rstrip(".") if digits else f"{value:.0f}"


def text_table(headings: Row, rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    widths = [max(len(row[i]) for row in (headings, *rows)) for i in range(len(headings))]
    lines = ["  ".join(cell.ljust(widths[i]) for i, cell in enumerate(row)) for row in (headings, *rows)]
    return "\n".join(line.rstrip() for line in lines)
