"""The ways in which an adapter's package can lie, as changes to a copy of a good one (broken_packages.py)."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.hostile.broken_packages import (
    INTEGRITY,
    INVALID,
    MISSING,
    TOO_BIG,
    Change,
    Lie,
    edit_json,
    flip_bit,
    manifest,
    replace,
    set_path,
    shard,
    sign,
    truncate_shard_and_sign,
    weights_index,
)

WRONG_BASE = frozenset({"invalid_request"})
Record = dict[str, Any]


def records(edit: Callable[[list[Record]], None]) -> Change:
    """Changes the first shard's list of arrays."""
    return weights_index(lambda index: edit(index["records"][0]["records"]))


def rename(old: str, new: str) -> Change:
    """In the name of the first array that has ``old`` in it."""

    def edit(found: list[Record]) -> None:
        record = next(record for record in found if old in record["name"])
        record["name"] = record["name"].replace(old, new)

    return records(edit)


def rewrite(edit: Callable[[dict[str, np.ndarray]], None]) -> Change:
    """Other arrays, in a package that is consistent in itself."""

    def change(package: Path) -> None:
        index = json.loads((package / "weights" / "tensor-cache.json").read_text())
        (entry,) = index["records"]
        path = package / "weights" / entry["dataPath"]
        data = path.read_bytes()
        arrays = {
            record["name"]: np.frombuffer(data[record["byteOffset"] :][: record["nbytes"]], record["dtype"])
            .reshape(record["shape"]).copy()
            for record in entry["records"]
        }  # fmt: skip
        edit(arrays)
        written, entry["records"] = b"", []
        for name, array in arrays.items():
            entry["records"].append(
                {
                    "name": name, "shape": list(array.shape), "dtype": str(array.dtype), "format": "raw",
                    "nbytes": array.nbytes, "byteOffset": len(written),
                }
            )  # fmt: skip
            written += array.tobytes()
        entry["nbytes"] = len(written)
        path.write_bytes(written)
        edit_json(package, "weights/tensor-cache.json", lambda value: value.update(index))
        sign(package)

    return change


def first(arrays: dict[str, Any], which: str) -> str:
    """Of A, of q8, the integers come first."""
    return next(name for name in arrays if f".lora_{which}." in f"{name}.")


def number(which: str, value: float) -> Change:
    """One number of the first tensor."""

    def edit(arrays: dict[str, np.ndarray]) -> None:
        arrays[first(arrays, which)].reshape(-1)[5] = value

    return rewrite(edit)


def without(which: str) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        del arrays[first(arrays, which)]

    return rewrite(edit)


def every_file(**fields: object) -> Change:
    def edit(root: dict[str, Any]) -> None:
        for file in root["files"]:
            file.update(fields)

    return manifest(edit)


def every_scale(value: float) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        for name, array in arrays.items():
            if name.endswith(".lora_scale.weight"):
                array[:] = value

    return rewrite(edit)


def reshaped(which: str, change: Callable[[np.ndarray], np.ndarray]) -> Change:
    def edit(arrays: dict[str, np.ndarray]) -> None:
        name = first(arrays, which)
        arrays[name] = np.ascontiguousarray(change(arrays[name]))

    return rewrite(edit)


def of_rank(rank: int) -> Change:
    """The first tensor has this rank, in all of its arrays alike."""

    def edit(arrays: dict[str, np.ndarray]) -> None:
        a, groups, b, scale = (first(arrays, which) for which in ("a", "a.q_scale", "b", "scale"))
        parts = len(arrays[scale]) // (2 * len(arrays[b]))
        for name, rows in ((a, parts * rank), (groups, parts * rank), (b, rank // 2), (scale, parts * rank)):
            arrays[name] = np.zeros((rows, *arrays[name].shape[1:]), arrays[name].dtype)

    return rewrite(edit)


def huge(package: Path) -> None:
    """What the index and the manifest say, without the bytes: nothing may be allocated for it."""

    def edit(index: dict[str, Any]) -> None:
        entry = index["records"][0]
        arrays = {record["name"]: record for record in entry["records"]}
        parts = arrays[first(arrays, "scale")]["shape"][0] // (2 * arrays[first(arrays, "b")]["shape"][0])
        start = 0
        for name, record in arrays.items():
            rows = 2048 if name.endswith("_b.weight") else 4096 * parts
            record["shape"] = [rows, *record["shape"][1:]]
            record["nbytes"] = int(np.prod(record["shape"])) * np.dtype(record["dtype"]).itemsize
            record["byteOffset"], start = start, start + record["nbytes"]
        entry["nbytes"] = start

    edit_json(package, "weights/tensor-cache.json", edit)
    index = json.loads((package / "weights" / "tensor-cache.json").read_text())
    sign(package)
    path = f"weights/{index['records'][0]['dataPath']}"

    def claim(root: dict[str, Any]) -> None:
        next(file for file in root["files"] if file["path"] == path)["nbytes"] = index["records"][0]["nbytes"]

    edit_json(package, "nomoat.json", claim)


ADAPTER_LIES: tuple[Lie, ...] = (
    Lie("adapter_manifest_missing", lambda package: (package / "nomoat.json").unlink(), MISSING),
    Lie("adapter_manifest_not_json", replace("nomoat.json", b"{", signed=False), INVALID),
    Lie("adapter_of_no_kind", manifest(lambda m: m.pop("kind")), INVALID),
    Lie("adapter_of_another_kind", manifest(set_path("kind", value="model")), INVALID),
    Lie("adapter_of_no_base", manifest(lambda m: m.pop("base")), INVALID),
    Lie("adapter_with_a_program", manifest(set_path("program", value="program/program.json")), INVALID),
    Lie("adapter_with_a_tokenizer", manifest(set_path("tokenizer", "tokenizer", value="tokenizer.json")), INVALID),
    Lie("adapter_without_weights", manifest(set_path("weights", value=None)), INVALID),
    Lie("adapter_weights_elsewhere", manifest(set_path("weights", value="../weights/tensor-cache.json")), INVALID),
    *(
        Lie(f"adapter_path_{i}", manifest(set_path("files", 0, "path", value=path)), INVALID)
        for i, path in enumerate(
            ("../secret.bin", "/etc/passwd", "weights/../../secret", "weights\\..\\x", "https://x.example/a", "")
        )
    ),
    Lie("adapter_file_twice", manifest(lambda m: m["files"].append(dict(m["files"][0]))), INVALID),
    Lie("adapter_id_with_path", manifest(set_path("id", value="../good")), INVALID),
    Lie("adapter_base_hash_malformed", manifest(set_path("base", "weights_sha256", value="00")), INVALID),
    Lie("adapter_base_hash_of_another", manifest(set_path("base", "weights_sha256", value="0" * 64)), WRONG_BASE),
    Lie(
        "adapter_base_source_of_another",
        manifest(lambda m: m["base"].update(source="another", quantization="f16", weights_sha256="0" * 64)),
        WRONG_BASE,
    ),
    Lie("adapter_wrong_hash", every_file(sha256="0" * 64), INTEGRITY),
    Lie("adapter_16_GiB", every_file(nbytes=1 << 34), TOO_BIG | INTEGRITY),
    #
    Lie("adapter_truncated", shard(lambda data: data[:-1]), INTEGRITY | {"network"}),
    Lie("adapter_truncated_and_signed", truncate_shard_and_sign, INVALID),
    Lie("adapter_bit_flipped", shard(flip_bit), INTEGRITY),
    Lie("adapter_shard_missing", lambda p: sorted((p / "weights").glob("*.bin"))[0].unlink(), MISSING),
    Lie("adapter_index_not_json", replace("weights/tensor-cache.json", b"["), INVALID),
    Lie("adapter_index_outside", weights_index(set_path("records", 0, "dataPath", value="../../good/x.bin")), INVALID),
    Lie("adapter_index_empty", weights_index(set_path("records", value=[])), INVALID),
    Lie("adapter_size_of_an_array", records(lambda found: found[0].update(nbytes=found[0]["nbytes"] + 2)), INVALID),
    Lie("adapter_offset_of_an_array", records(lambda found: found[1].update(byteOffset=0)), INVALID),
    Lie("adapter_shape_of_2_60", records(lambda found: found[0].update(shape=[1 << 60])), INVALID),
    Lie("adapter_array_twice", records(lambda found: found[1].update(name=found[0]["name"])), INVALID),
    Lie("adapter_of_an_unknown_layer", rename("layers.0.", "layers.99."), INVALID),
    Lie("adapter_of_a_prototype", rename("model.layers.0.", "__proto__."), INVALID),
    Lie("adapter_of_the_embedding", rename("model.layers.0.self_attn.qkv_proj", "model.embed_tokens"), INVALID),
    Lie("adapter_of_a_norm", rename("self_attn.qkv_proj", "input_layernorm"), INVALID),
    Lie("adapter_of_other_names", rename("lora_a", "lora_c"), INVALID),
    *(Lie(f"adapter_without_{which}", without(which), INVALID) for which in ("a", "a.q_scale", "b", "scale")),
    *(
        Lie(f"adapter_in_{name}", manifest(set_path("quantization", value=name)), INVALID)
        for name in ("f16", "f32", "q4", "constructor")
    ),
    Lie("adapter_of_nothing", rewrite(lambda arrays: arrays.clear()), INVALID),
    #
    *(Lie(f"adapter_of_rank_{rank}", of_rank(rank), INVALID) for rank in (0, 2, 6, 4100)),
    Lie("adapter_a_of_another_rank", reshaped("a", lambda a: np.concatenate([a, a])), INVALID),
    Lie("adapter_b_of_another_rank", reshaped("b", lambda b: np.concatenate([b, b])), INVALID),
    Lie("adapter_scale_of_another_rank", reshaped("scale", lambda scale: scale[:-4]), INVALID),
    Lie("adapter_a_of_other_columns", reshaped("a", lambda a: a[:, :-4]), INVALID),
    Lie("adapter_b_of_other_rows", reshaped("b", lambda b: b[:, :-4]), INVALID),
    Lie("adapter_b_in_float32", reshaped("b", lambda b: b.astype(np.float32)), INVALID),
    Lie("adapter_huge", huge, TOO_BIG | INTEGRITY),
    #
    *(
        Lie(f"adapter_{name}_in_{which}", number(which, value), INVALID)
        for which in ("a.q_scale", "b", "scale")
        for name, value in (("nan", np.nan), ("infinity", -np.inf))
    ),
    Lie("adapter_3_in_b", number("b", 3.0), INVALID),
)
