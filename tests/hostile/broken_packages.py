"""The ways in which a package can lie, as changes to a copy of a good one.

A change to anything but nomoat.json is followed by ``sign``: sizes and hashes are made right again, so that the lie
reaches the reader that has to see through it. Where the hash is the lie, it is not.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

Change = Callable[[Path], None]
Edit = Callable[[dict[str, Any]], None]
INVALID = frozenset({"invalid_package"})
# A size that is well-formed but beyond any device may be refused as either.
TOO_BIG = frozenset({"invalid_package", "out_of_memory", "unsupported_device", "storage_quota"})
INTEGRITY = frozenset({"integrity"})
MISSING = frozenset({"network", "model_not_found", "integrity", "invalid_package"})


@dataclass(frozen=True)
class Lie:
    name: str
    change: Change
    codes: frozenset[str]


def sign(package: Path) -> None:
    """Makes the sizes and hashes in nomoat.json those of the files."""
    manifest = json.loads((package / "nomoat.json").read_text())
    for file in manifest["files"]:
        data = (package / file["path"]).read_bytes()
        file["nbytes"], file["sha256"] = len(data), sha256(data).hexdigest()
    (package / "nomoat.json").write_text(json.dumps(manifest))


def edit_json(package: Path, path: str, edit: Edit) -> None:
    value = json.loads((package / path).read_text())
    edit(value)
    (package / path).write_text(json.dumps(value))


def manifest(edit: Edit) -> Change:
    return lambda package: edit_json(package, "nomoat.json", edit)


def program(edit: Edit) -> Change:
    def change(package: Path) -> None:
        edit_json(package, "program/program.json", edit)
        sign(package)

    return change


def weights_index(edit: Edit) -> Change:
    def change(package: Path) -> None:
        edit_json(package, "weights/tensor-cache.json", edit)
        sign(package)

    return change


def replace(path: str, data: bytes, signed: bool = True) -> Change:
    def change(package: Path) -> None:
        (package / path).write_bytes(data)
        if signed:
            sign(package)

    return change


def shard(edit: Callable[[bytearray], bytearray]) -> Change:
    """The first shard's bytes, with the manifest left as it was."""

    def change(package: Path) -> None:
        path = sorted((package / "weights").glob("params_shard_*.bin"))[0]
        path.write_bytes(edit(bytearray(path.read_bytes())))

    return change


def flip_bit(data: bytearray) -> bytearray:
    data[len(data) // 2] ^= 0x10
    return data


def truncate_shard_and_sign(package: Path) -> None:
    shard(lambda data: data[:-64])(package)
    sign(package)


def first_wgsl(package: Path) -> Path:
    return sorted((package / "program").glob("*.wgsl"))[0]


def replace_wgsl(text: str) -> Change:
    """Another text under the same name, whose hash the manifest knows and the name contradicts."""

    def change(package: Path) -> None:
        first_wgsl(package).write_text(text)
        sign(package)

    return change


def set_path(*path: str | int, value: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        target: Any = root
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return edit


def first_kernel(key: str, value: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        root["kernels"][sorted(root["kernels"])[0]][key] = value

    return edit


def first_operator(change: Callable[[dict[str, Any]], None]) -> Edit:
    return lambda root: change(root["operators"][root["functions"]["decode"][0]["operator"]])


def every_grid(grid: list[object]) -> Edit:
    def change(operator: dict[str, Any]) -> None:
        for variant in operator["variants"]:
            variant["grid"] = grid

    return first_operator(change)


def nested_expression(depth: int) -> object:
    expression: object = 1
    for _ in range(depth):
        expression = ["+", expression, 0]
    return expression


def buffer(name: str, **fields: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        next(b for b in root["buffers"] if b["name"] == name).update(fields)

    return edit


def scratch(**fields: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        next(b for b in root["buffers"] if b["kind"] == "scratch").update(fields)

    return edit


def record(**fields: object) -> Edit:
    return lambda root: root["records"][0]["records"][1].update(fields)


def remove_record(root: dict[str, Any]) -> None:
    root["records"][0]["records"].pop()


HUGE = 1 << 30
OPERATOR_LIES: dict[str, Edit] = {
    "unknown_kernel": lambda operator: operator["variants"][-1].update(kernel="f" * 16),
    "no_variant": lambda operator: operator.update(variants=[]),
    "unknown_feature": lambda operator: operator["variants"][0].update(requires={"features": ["x"]}),
}
WORKGROUP = [1024, 1024, 1024]


def truncate_manifest(package: Path) -> None:
    path = package / "nomoat.json"
    path.write_bytes(path.read_bytes()[:-40])


def duplicate_record(root: dict[str, Any]) -> None:
    records = root["records"][0]["records"]
    records.append(dict(records[0]))


def tokenizer_with_foreign_ids(package: Path) -> None:
    """Token ids beyond vocab_size: an embedding row that is not there."""
    edit_json(package, "tokenizer.json", lambda root: root["model"]["vocab"].update(the=1 << 20))
    sign(package)


LIES = [
    # nomoat.json
    Lie("manifest_missing", lambda package: (package / "nomoat.json").unlink(), MISSING),
    Lie("manifest_empty", replace("nomoat.json", b"", signed=False), INVALID),
    Lie("manifest_not_json", replace("nomoat.json", b"<!doctype html>", signed=False), INVALID),
    Lie("manifest_not_utf8", replace("nomoat.json", b'{"format": "\xff\xfe"}', signed=False), INVALID),
    Lie("manifest_truncated", truncate_manifest, INVALID),
    Lie("manifest_a_list", replace("nomoat.json", b"[]", signed=False), INVALID),
    Lie("manifest_nested", replace("nomoat.json", b"[" * 100_000, signed=False), INVALID),
    Lie("manifest_over_32_MiB", replace("nomoat.json", b" " * (33 << 20) + b"{}", signed=False), INVALID),
    Lie("manifest_version_2", manifest(set_path("version", value=2)), INVALID),
    Lie("manifest_context_length", manifest(set_path("context_length", value=511)), INVALID),
    Lie("manifest_quantization", manifest(set_path("quantization", value="f16")), INVALID),
    Lie("manifest_version_text", manifest(set_path("version", value="1")), INVALID),
    Lie("manifest_format", manifest(set_path("format", value="other")), INVALID),
    Lie("manifest_architecture", manifest(set_path("architecture", value="MambaForCausalLM")), INVALID),
    Lie("manifest_unknown_key", manifest(set_path("surprise", value=1)), INVALID),
    Lie("manifest_id_with_path", manifest(set_path("id", value="../../other")), INVALID),
    Lie("manifest_path_outside", manifest(set_path("files", 0, "path", value="../secret.bin")), INVALID),
    Lie("manifest_path_absolute", manifest(set_path("files", 0, "path", value="/etc/passwd")), INVALID),
    Lie("manifest_path_is_url", manifest(set_path("files", 0, "path", value="https://x.example/a")), INVALID),
    Lie("manifest_negative_size", manifest(set_path("files", 0, "nbytes", value=-1)), INVALID),
    Lie("manifest_fractional_size", manifest(set_path("files", 0, "nbytes", value=1.5)), INVALID),
    Lie("manifest_huge_size", manifest(set_path("files", 0, "nbytes", value=1 << 53)), TOO_BIG),
    Lie("manifest_16_GiB_file", manifest(set_path("files", 0, "nbytes", value=1 << 34)), TOO_BIG | INTEGRITY),
    Lie("manifest_file_twice", manifest(lambda m: m["files"].append(dict(m["files"][0]))), INVALID),
    Lie("manifest_no_program", manifest(lambda m: m.update(files=m["files"][:1])), INVALID),
    Lie("manifest_wrong_hash", manifest(set_path("files", 0, "sha256", value="0" * 64)), INTEGRITY),
    # Files that are not what the manifest says
    Lie("shard_truncated", shard(lambda data: data[:-1]), INTEGRITY | {"network"}),
    Lie("shard_longer", shard(lambda data: data + b"\0"), INTEGRITY | {"network"}),
    Lie("shard_empty", shard(lambda _: bytearray()), INTEGRITY | {"network"}),
    Lie("shard_bit_flipped", shard(flip_bit), INTEGRITY),
    Lie("shard_missing", lambda p: sorted((p / "weights").glob("*.bin"))[0].unlink(), MISSING),
    Lie("kernel_missing", lambda p: first_wgsl(p).unlink(), MISSING),
    # program.json
    Lie("program_not_json", replace("program/program.json", b"{"), INVALID),
    Lie("program_nested", replace("program/program.json", b"[" * 100_000), INVALID),
    Lie("program_version_1", program(set_path("version", value=1)), INVALID),
    Lie("program_architecture", program(set_path("model", "architecture", value="MambaForCausalLM")), INVALID),
    Lie("program_unknown_key", program(set_path("surprise", value=True)), INVALID),
    Lie("program_no_decode", program(lambda p: p["functions"].pop("decode")), INVALID),
    Lie("program_vocabulary", program(set_path("model", "vocab_size", value=HUGE)), TOO_BIG),
    Lie("program_zero_layers", program(set_path("model", "num_hidden_layers", value=0)), INVALID),
    Lie("program_negative_heads", program(set_path("model", "num_attention_heads", value=-6)), INVALID),
    Lie("program_unknown_operator", program(set_path("functions", "decode", 0, "operator", value="nothing")), INVALID),
    Lie("program_prototype", program(set_path("functions", "decode", 0, "operator", value="__proto__")), INVALID),
    Lie("program_constructor", program(set_path("functions", "decode", 0, "operator", value="constructor")), INVALID),
    Lie("program_unknown_buffer", program(lambda p: p["buffers"].pop()), INVALID),
    Lie("program_buffer_twice", program(lambda p: p["buffers"].append(dict(p["buffers"][0]))), INVALID),
    Lie("program_huge_buffer", program(scratch(shape=[HUGE, HUGE])), TOO_BIG),
    Lie("program_huge_product", program(scratch(shape=[HUGE] * 5)), TOO_BIG),
    Lie("program_negative_buffer", program(scratch(shape=[["-", 0, 16]])), INVALID),
    Lie("program_zero_buffer", program(scratch(shape=[["-", "n", "n"]])), INVALID),
    Lie("program_division_by_zero", program(scratch(shape=[["//", 16, ["-", "n", "n"]]])), INVALID),
    Lie("program_unknown_symbol", program(scratch(shape=["m"])), INVALID),
    Lie("program_deep_expression", program(scratch(shape=[nested_expression(400)])), INVALID),
    Lie("program_state_too_small", program(buffer("state", shape=[2])), INVALID),
    Lie("program_logits_too_small", program(buffer("logits", shape=[16])), INVALID),
    Lie("program_tokens_wrong_dtype", program(buffer("tokens", dtype="float16")), INVALID),
    Lie("program_grid_zero", program(every_grid([0, 1, 1])), INVALID),
    Lie("program_grid_negative", program(every_grid([-4, 1, 1])), INVALID),
    Lie("program_grid_too_wide", program(every_grid([65536, 1, 1])), INVALID),
    Lie("program_grid_text", program(every_grid(["many", 1, 1])), INVALID),
    *(Lie(f"program_{name}", program(first_operator(edit)), INVALID) for name, edit in OPERATOR_LIES.items()),
    Lie("program_entry_point", program(first_kernel("entry_point", "nothing")), INVALID | {"unsupported_device"}),
    Lie("program_workgroup", program(first_kernel("workgroup_size", WORKGROUP)), INVALID | {"unsupported_device"}),
    Lie("program_no_bindings", program(first_kernel("bindings", [])), INVALID),
    Lie("program_huge_parameter", program(lambda p: p["parameters"][0].update(shape=[HUGE, HUGE])), TOO_BIG),
    Lie("program_parameter_bytes", program(lambda p: p["parameters"][0].update(nbytes=4)), INVALID),
    Lie("program_parameter_twice", program(lambda p: p["parameters"].append(dict(p["parameters"][0]))), INVALID),
    Lie("program_constant_base64", program(set_path("constants", 0, "data", value="!!!!")), INVALID),
    Lie("program_constant_short", program(set_path("constants", 0, "data", value="AAAA")), INVALID),
    Lie("program_page_size_zero", program(set_path("page_size", value=0)), INVALID),
    Lie("program_context_length", program(set_path("context_length", value=1 << 40)), INVALID),
    Lie("kernel_garbage", replace_wgsl("this is no WGSL"), INVALID | INTEGRITY),
    Lie("kernel_renamed", replace_wgsl("@compute @workgroup_size(1) fn main() {}"), INVALID | INTEGRITY),
    # tensor-cache.json
    Lie("index_not_json", replace("weights/tensor-cache.json", b"null"), INVALID),
    Lie("index_missing_record", weights_index(remove_record), INVALID),
    Lie("index_negative_offset", weights_index(record(byteOffset=-16)), INVALID),
    Lie("index_fractional_offset", weights_index(record(byteOffset=0.5)), INVALID),
    Lie("index_offset_beyond", weights_index(record(byteOffset=1 << 40)), INVALID),
    Lie("index_negative_size", weights_index(record(nbytes=-4)), INVALID),
    Lie("index_wrong_size", weights_index(record(nbytes=4)), INVALID),
    Lie("index_wrong_shape", weights_index(record(shape=[HUGE, HUGE])), INVALID),
    Lie("index_wrong_dtype", weights_index(record(dtype="float64")), INVALID),
    Lie("index_path_outside", weights_index(set_path("records", 0, "dataPath", value="../../other.bin")), INVALID),
    Lie("index_unknown_shard", weights_index(set_path("records", 0, "dataPath", value="params_shard_77.bin")), INVALID),
    Lie("index_shard_size", weights_index(set_path("records", 0, "nbytes", value=1)), INVALID),
    Lie("index_record_twice", weights_index(duplicate_record), INVALID),
    Lie("shard_truncated_and_signed", truncate_shard_and_sign, INVALID),
    # Tokenizer
    Lie("tokenizer_not_json", replace("tokenizer.json", b"\0\0\0"), INVALID),
    Lie("tokenizer_empty", replace("tokenizer.json", b"{}"), INVALID),
    Lie("tokenizer_ids_beyond", tokenizer_with_foreign_ids, INVALID),
    Lie("generation_config_list", replace("generation_config.json", b"[]"), INVALID),
]  # fmt: skip
