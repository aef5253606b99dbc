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
    reads_wgsl: bool = False  # what is wrong shows only where the package's kernels run: on WebGPU


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


def set_path(*path: str | int, value: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        target: Any = root
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return edit


def nested_expression(depth: int) -> object:
    expression: object = 1
    for _ in range(depth):
        expression = ["+", expression, 0]
    return expression


def nested_repeat(root: dict[str, Any]) -> None:
    layers = root["plan"]["functions"]["decode"][1]
    root["plan"]["functions"]["decode"][1] = layers | {"items": [layers]}


def repeat(items: list[Any], end: object = "num_hidden_layers") -> dict[str, Any]:
    return {"repeat": "layer", "from": 0, "to": end, "items": items}


def scratch(**fields: object) -> Edit:
    """The first scratch buffer, which holds the residual stream."""
    return lambda root: root["plan"]["buffers"][0].update(fields)


def cache(**fields: object) -> Edit:
    return lambda root: root["plan"]["buffers"][-1]["items"][0].update(fields)


def tensor(**fields: object) -> Edit:
    """The embedding."""
    return lambda root: root["plan"]["tensors"][0].update(fields)


def layer_tensor(**fields: object) -> Edit:
    return lambda root: root["plan"]["tensors"][1]["items"][0].update(fields)


def step(op: str, part: str | None = None, /, function: str = "decode", **changes: object) -> Edit:
    """Changes the first step of ``op`` in ``function``, or its ``fields`` or ``arguments``."""

    def edit(root: dict[str, Any]) -> None:
        entries = root["plan"]["functions"][function]
        found = next(s for e in entries for s in e.get("items", [e]) if s["op"] == op)
        (found if part is None else found[part]).update(changes)

    return edit


def many_layers(times: int, of: str) -> Edit:
    """A small file with 1024 layers of ``times`` items in the list ``of``."""

    def edit(root: dict[str, Any]) -> None:
        root["model"]["num_hidden_layers"] = 1024
        plan = root["plan"]
        items = plan["functions"]["decode"] if of == "functions" else plan[of]
        items.append(repeat([items[0]] * times))

    return edit


def much_arithmetic(root: dict[str, Any]) -> None:
    """One step whose condition has 4096 numbers, in 1024 layers."""
    root["model"]["num_hidden_layers"] = 1024
    wide: object = 0
    for _ in range(12):
        wide = ["max", wide, wide]
    decode = root["plan"]["functions"]["decode"]
    decode.append(repeat([decode[0] | {"when": wide}]))


# A kernel of the package's own, and an operator that only it defines: the last step of decode, which does nothing.
OWN_WGSL = """\
@group(0) @binding(0) var<storage, read_write> x: array<f32>;
@compute @workgroup_size(1) fn main() { x[0] = x[0]; }
"""


def with_own_operator(wgsl: str = OWN_WGSL, *, name: str | None = None, edit: Edit = lambda root: None) -> Change:
    """A package whose decode ends with an operator of its own. ``name``: the hash that its kernel is kept under."""

    def change(package: Path) -> None:
        digest = name or sha256(wgsl.encode()).hexdigest()[:16]
        (package / "program" / f"{digest}.wgsl").write_text(wgsl)

        def add(root: dict[str, Any]) -> None:
            root["kernels"][digest] = {
                "name": "touch", "entry_point": "main", "workgroup_size": [1, 1, 1], "uniforms": [],
                "bindings": [{"argument": "x", "access": "read_write"}], "workgroup_bytes": 0,
            }  # fmt: skip
            root["own_operators"].append(
                {
                    "definition": {"op": "opaque", "name": "touch"}, "prefill": 0, "scratch": [],
                    "arguments": [{"name": "x", "access": "read_write"}],
                    "stages": [
                        {"name": "touch", "variants": [{"requires": {}, "kernel": digest, "grid": [1, 1, 1]}]}
                    ],
                }
            )  # fmt: skip
            root["plan"]["functions"]["decode"].append(json.loads(json.dumps(OPAQUE)))
            edit(root)

        def list_file(root: dict[str, Any]) -> None:
            entry = {"path": f"program/{digest}.wgsl", "nbytes": 0, "sha256": "0" * 64}
            root["files"] = sorted([*root["files"], entry], key=lambda file: file["path"])

        edit_json(package, "program/program.json", add)
        edit_json(package, "nomoat.json", list_file)
        sign(package)

    return change


def own_kernel(**changes: object) -> Change:
    return with_own_operator(edit=lambda root: next(iter(root["kernels"].values())).update(changes))


def own_variant(**changes: object) -> Change:
    return with_own_operator(edit=lambda root: root["own_operators"][0]["stages"][0]["variants"][0].update(changes))


def own_operator(**changes: object) -> Change:
    return with_own_operator(edit=lambda root: root["own_operators"][0].update(changes))


def own_kernel_missing(package: Path) -> None:
    with_own_operator()(package)
    next((package / "program").glob("*.wgsl")).unlink()


def q4_index(root: dict[str, Any]) -> int:
    return next(i for i, scheme in enumerate(root["schemes"]) if "group_size" in scheme)


def scheme_of(other: str) -> Edit:
    """The embedding under the scheme of another tensor: a good program, for other weights."""
    return lambda root: root["tensor_schemes"].update({"model.embed_tokens": root["tensor_schemes"][other]})


def opaque_on(array: str) -> Edit:
    return lambda root: root["plan"]["functions"]["decode"][-1]["arguments"].update(x=array)


def record(**fields: object) -> Edit:
    return lambda root: root["records"][0]["records"][1].update(fields)


def remove_record(root: dict[str, Any]) -> None:
    root["records"][0]["records"].pop()


HUGE = 1 << 30
DOWN_PROJ = "model.layers.{layer}.mlp.down_proj"
SAMPLER = {
    "op": "sample_greedy", "fields": {"vocab_size": "vocab_size"},
    "arguments": {"logits": "logits", "state": "state", "tokens": "tokens"},
}  # fmt: skip
OPAQUE = {"op": "opaque", "name": "touch", "fields": {}, "arguments": {"x": "x"}}
# Where no WGSL runs, an operator that only WGSL defines is refused for that.
OF_OWN_KERNELS = MISSING | INTEGRITY | {"unsupported_device"}


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
    Lie("manifest_architecture", manifest(set_path("architecture", value="Mamba ForCausalLM")), INVALID),
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
    # program.json
    Lie("program_not_json", replace("program/program.json", b"{"), INVALID),
    Lie("program_nested", replace("program/program.json", b"[" * 100_000), INVALID),
    *(Lie(f"program_version_{n}", program(set_path("version", value=n)), INVALID) for n in (1, 2, 4)),
    Lie("program_version_2_as_it_was", program(lambda p: p.update(version=2, operators={}, functions={})), INVALID),
    Lie("program_unknown_key", program(set_path("surprise", value=True)), INVALID),
    Lie("program_no_plan", program(lambda p: p.pop("plan")), INVALID),
    Lie("program_no_decode", program(lambda p: p["plan"]["functions"].pop("decode")), INVALID),
    Lie("program_page_size_zero", program(set_path("page_size", value=0)), INVALID),
    Lie("program_context_length", program(set_path("context_length", value=1 << 40)), INVALID),
    Lie("program_over_20000_values", program(set_path("plan", "constants", value=[0] * 20_001)), INVALID),
    # ... its configuration
    Lie("model_vocabulary", program(set_path("model", "vocab_size", value=HUGE)), TOO_BIG),
    Lie("model_zero_layers", program(set_path("model", "num_hidden_layers", value=0)), INVALID),
    Lie("model_a_million_layers", program(set_path("model", "num_hidden_layers", value=1 << 20)), INVALID),
    Lie("model_half_a_layer", program(set_path("model", "num_hidden_layers", value=3.5)), INVALID),
    Lie("model_one_layer_more", program(set_path("model", "num_hidden_layers", value=5)), INVALID),
    Lie("model_negative_heads", program(set_path("model", "num_attention_heads", value=-6)), INVALID),
    Lie("model_other_heads", program(set_path("model", "num_attention_heads", value=4)), INVALID),
    Lie("model_size_as_text", program(set_path("model", "hidden_size", value="96")), INVALID),
    Lie("model_size_as_fraction", program(set_path("model", "hidden_size", value=96.5)), INVALID),
    Lie("model_size_beyond_2_53", program(set_path("model", "hidden_size", value=1 << 60)), INVALID),
    Lie("model_odd_columns", program(set_path("model", "hidden_size", value=98)), INVALID),
    Lie("model_reserved_key", program(set_path("model", "n", value=1)), INVALID),
    Lie("model_over_64_KiB", program(set_path("model", "text", value="x" * (1 << 16))), INVALID),
    Lie("model_eps_of_2", program(set_path("model", "rms_norm_eps", value=2)), INVALID),
    Lie("model_tied_and_not", program(set_path("model", "tie_word_embeddings", value=False)), INVALID),
    Lie("layers_with_biases", program(set_path("layers", "qkv_bias", value=True)), INVALID),
    Lie("layers_too_few", program(set_path("layers", "rope_theta", value=[1.0, 1.0])), INVALID),
    Lie("layers_of_text", program(set_path("layers", "rope_theta", value="1")), INVALID),
    Lie("layers_of_null", program(set_path("layers", "rope_theta", value=[None] * 4)), INVALID),
    Lie("layers_65_attributes", program(set_path("layers", value={f"a{i}": 1 for i in range(65)})), INVALID),
    Lie("layers_scaling_zero", program(set_path("layers", "attention_scaling", value=0)), INVALID),
    # ... repeats and expressions
    Lie("repeat_beyond_the_layers", program(set_path("plan", "tensors", 1, "to", value=5)), INVALID),
    Lie("repeat_from_below", program(set_path("plan", "tensors", 1, "from", value=["-", 0, 1])), INVALID),
    Lie("repeat_backwards", program(set_path("plan", "tensors", 1, "to", value=["-", 0, 1])), INVALID),
    Lie("repeat_nested", program(nested_repeat), INVALID),
    Lie("repeat_over_heads", program(set_path("plan", "tensors", 1, "repeat", value="head")), INVALID),
    Lie("repeat_66560_steps", program(many_layers(65, "functions")), INVALID),
    Lie("repeat_66560_tensors", program(many_layers(65, "tensors")), INVALID),
    Lie("repeat_5120_buffers", program(many_layers(5, "buffers")), INVALID),
    Lie("repeat_much_arithmetic", program(much_arithmetic), INVALID),
    Lie("expression_unknown_symbol", program(scratch(shape=["m"])), INVALID),
    Lie("expression_constructor", program(scratch(shape=["constructor"])), INVALID),
    Lie("expression_unknown_operator", program(scratch(shape=[["**", "n", 2]])), INVALID),
    Lie("expression_division_by_zero", program(scratch(shape=[["//", 16, ["-", "n", "prefill_chunk"]]])), INVALID),
    Lie("expression_deep", program(scratch(shape=[nested_expression(400)])), INVALID),
    Lie("expression_over_53_bits", program(scratch(shape=[["*", HUGE, ["*", HUGE, HUGE]]])), INVALID),
    Lie("expression_layer_outside", program(scratch(shape=["n", "layer"])), INVALID),
    Lie("expression_n_in_a_weight", program(tensor(shape=["vocab_size", "n"])), INVALID),
    # ... tensors, schemes, constants
    *(
        Lie(f"tensor_name_{i}", program(layer_tensor(name=name)), INVALID)
        for i, name in enumerate(("../../x", "{layer", "{head}", "{layer.nothing}", "__proto__/{layer}", "x" * 201, ""))
    ),
    Lie("tensor_name_without_layer", program(layer_tensor(name="norm")), INVALID),
    Lie("tensor_twice", program(lambda p: p["plan"]["tensors"].append(dict(p["plan"]["tensors"][0]))), INVALID),
    Lie("tensor_unlike_its_sources", program(tensor(shape=[500, 96])), INVALID),
    Lie("tensor_unlike_its_steps", program(tensor(shape=[512, 48])), INVALID),
    Lie("tensor_huge", program(tensor(shape=[HUGE, HUGE])), TOO_BIG),
    Lie("tensor_absent", program(tensor(when=0)), INVALID),
    Lie("scheme_index", program(set_path("tensor_schemes", "model.embed_tokens", value=7)), INVALID),
    Lie("scheme_missing", program(lambda p: p["tensor_schemes"].pop("model.embed_tokens")), INVALID),
    Lie("scheme_unknown_tensor", program(set_path("tensor_schemes", "lm_head", value=0)), INVALID),
    Lie("scheme_list_too_short", program(set_path("tensor_schemes", DOWN_PROJ, value=[0, 0])), INVALID),
    Lie("scheme_null", program(set_path("tensor_schemes", DOWN_PROJ, value=[0, 0, None, 0])), INVALID),
    Lie("scheme_groups_of_a_norm", program(lambda p: p["tensor_schemes"].update({"model.norm": q4_index(p)})), INVALID),
    Lie("scheme_other_than_the_weights", program(scheme_of(DOWN_PROJ)), INVALID),
    Lie("scheme_3_bits", program(lambda p: p["schemes"][0].update(bits=3)), INVALID),
    Lie("constant_base64", program(set_path("constants", 0, "data", value="!!!!")), INVALID),
    Lie("constant_short", program(set_path("constants", 0, "data", value="AAAA")), INVALID),
    Lie("constant_missing", program(set_path("constants", value=[])), INVALID),
    Lie("constant_twice", program(lambda p: p["constants"].append(dict(p["constants"][0]))), INVALID),
    # ... buffers
    Lie("buffer_missing", program(lambda p: p["plan"]["buffers"].pop(0)), INVALID),
    Lie("buffer_twice", program(lambda p: p["plan"]["buffers"].append(dict(p["plan"]["buffers"][0]))), INVALID),
    Lie("buffer_with_a_fixed_name", program(scratch(name="logits")), INVALID),
    Lie("buffer_named_like_a_weight", program(scratch(name="model.norm.weight")), INVALID),
    Lie("buffer_huge", program(scratch(shape=[HUGE, HUGE])), TOO_BIG),
    Lie("buffer_huge_product", program(scratch(shape=[HUGE] * 5)), TOO_BIG),
    Lie("buffer_negative", program(scratch(shape=[["-", 0, 16]])), INVALID),
    Lie("buffer_zero", program(scratch(shape=[["-", "n", "n"]])), INVALID),
    Lie("buffer_too_small", program(scratch(shape=["hidden_size"])), INVALID),
    Lie("buffer_of_integers", program(scratch(dtype="int32")), INVALID),
    Lie("buffer_of_kind_input", program(scratch(kind="input")), INVALID),
    Lie("buffer_of_kv_pages", program(scratch(shape=["kv_pages", "hidden_size"])), INVALID),
    Lie("cache_without_pages", program(cache(shape=[16, 2, "page_size", "head_dim"])), INVALID),
    Lie("cache_of_other_heads", program(cache(shape=["kv_pages", 4, "page_size", "head_dim"])), INVALID),
    Lie("cache_of_float16", program(cache(dtype="float16")), INVALID),
    Lie("cache_shared_by_accident", program(cache(name="kv.v.{layer}")), INVALID),
    # ... steps
    Lie("step_unknown_operator", program(step("attention", op="nothing")), INVALID),
    Lie("step_prototype", program(step("attention", op="__proto__")), INVALID),
    Lie("step_constructor", program(step("attention", op="constructor")), INVALID),
    Lie("step_without_fields", program(step("attention", fields={})), INVALID),
    Lie("step_unknown_field", program(step("attention", "fields", widow=64)), INVALID),
    Lie("step_field_out_of_range", program(step("attention", "fields", heads=4096)), INVALID),
    Lie("step_field_null", program(step("attention", "fields", heads=None)), INVALID),
    Lie("step_heads_that_do_not_divide", program(step("attention", "fields", kv_heads=4)), INVALID),
    Lie("step_other_pages", program(step("attention", "fields", page_size=8)), INVALID),
    Lie("step_boolean_of_2", program(step("linear", "fields", bias=["+", 1, 1])), INVALID),
    Lie("step_rows_beyond", program(step("linear", "fields", rows=["+", 160, 4])), INVALID),
    Lie("step_without_arguments", program(step("attention", arguments={})), INVALID),
    Lie("step_unknown_argument", program(step("attention", "arguments", mask="x")), INVALID),
    Lie("step_unknown_buffer", program(step("attention", "arguments", q="nothing")), INVALID),
    Lie("step_argument_prototype", program(step("attention", "arguments", q="__proto__")), INVALID),
    Lie("step_matrix_that_is_a_buffer", program(step("linear", "arguments", w="x")), INVALID),
    Lie("step_matrix_of_another_shape", program(step("linear", "arguments", w="model.embed_tokens")), INVALID),
    Lie("step_vector_that_is_a_matrix", program(step("linear", "arguments", gain="model.embed_tokens")), INVALID),
    Lie("step_absent_tensor", program(step("embed", "arguments", w="lm_head")), INVALID),
    Lie("step_writes_a_weight", program(step("attention", "arguments", out="model.norm.weight")), INVALID),
    Lie("step_writes_an_input", program(step("linear", "arguments", out="sampling")), INVALID),
    Lie("step_reads_what_it_writes", program(step("attention", "arguments", out="q")), INVALID),
    Lie("step_activations_that_are_a_cache", program(step("attention", "arguments", q="kv.k.{layer}")), INVALID),
    Lie("step_one_cache_twice", program(step("rope_append", "arguments", k_pages="kv.v.{layer}")), INVALID),
    Lie("step_cache_that_is_scratch", program(step("attention", "arguments", v_pages="x")), INVALID),
    Lie("step_another_state", program(step("attention", "arguments", state="tokens")), INVALID),
    Lie("step_token_ids_from_elsewhere", program(step("embed", "arguments", token_ids="block_table")), INVALID),
    Lie("step_norm_in_prefill", program(step("linear", "fields", function="prefill", norm_eps=0.1)), INVALID),
    Lie("step_sampler_in_decode", program(lambda p: p["plan"]["functions"]["decode"].append(SAMPLER)), INVALID),
    Lie("step_opaque_without_kernels", program(lambda p: p["plan"]["functions"]["decode"].append(OPAQUE)), INVALID),
    Lie("function_named_sample", program(lambda p: p["plan"]["functions"].update(sample=[])), INVALID),
    # ... kernels of the package's own
    *(
        Lie(f"own_{name}", change, OF_OWN_KERNELS, reads_wgsl=True)
        for name, change in {
            "kernel_missing": own_kernel_missing,
            "kernel_garbage": with_own_operator("this is no WGSL"),
            "kernel_renamed": with_own_operator(name="0" * 16),
            "entry_point": own_kernel(entry_point="nothing"),
            "workgroup": own_kernel(workgroup_size=[1024, 1024, 1024]),
        }.items()
    ),
    Lie("own_kernel_unknown", own_variant(kernel="f" * 16), INVALID),
    Lie("own_kernel_no_bindings", own_kernel(bindings=[]), INVALID),
    Lie("own_kernel_binds_nothing", own_kernel(bindings=[{"argument": "y", "access": "read"}]), INVALID),
    Lie("own_unknown_feature", own_variant(requires={"features": ["x"]}), INVALID),
    Lie("own_needs_a_feature", own_variant(requires={"features": ["subgroups"]}), INVALID),
    Lie("own_grid_zero", own_variant(grid=[0, 1, 1]), INVALID),
    Lie("own_grid_negative", own_variant(grid=[-4, 1, 1]), INVALID),
    Lie("own_grid_too_wide", own_variant(grid=[65536, 1, 1]), INVALID),
    Lie("own_grid_text", own_variant(grid=["many", 1, 1]), INVALID),
    Lie("own_no_stage", own_operator(stages=[]), INVALID),
    Lie("own_no_arguments", own_operator(arguments=[]), INVALID),
    Lie("own_writes_a_weight", with_own_operator(edit=opaque_on("model.norm.weight")), INVALID),
    Lie("own_writes_an_input", with_own_operator(edit=opaque_on("sampling")), INVALID),
    Lie("own_on_nothing", with_own_operator(edit=opaque_on("nothing")), INVALID),
    Lie(
        "own_for_what_no_step_has",
        own_operator(definition={"op": "rms_norm", "columns": 4, "eps": 1e-5, "residual": False}),
        INVALID,
    ),
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
