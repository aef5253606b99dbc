"""Every way in which a plan can lie is refused with invalid_package, soon, and by a message that names the place.

Needs nothing. tests/hostile does the same through the runtime.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.instance import instantiate
from small_program import small_program

Edit = Callable[[dict[str, Any]], None]
SCHEME_8 = {"bits": 8, "group_size": 32, "scale_dtype": "float16", "zero": 128}


@cache
def _program() -> dict[str, Any]:
    return small_program()


@pytest.fixture
def program() -> dict[str, Any]:
    return copy.deepcopy(_program())


def at(*path: str | int, value: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        target: Any = root
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return edit


def drop(*path: str | int) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        target: Any = root
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return edit


def append(*path: str | int, value: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        target: Any = root
        for key in path:
            target = target[key]
        target.append(value)

    return edit


def tensor(**changes: object) -> Edit:
    """The embedding, which is outside of the repeats."""
    return lambda root: root["plan"]["tensors"][0].update(changes)


def layer_tensor(index: int, **changes: object) -> Edit:
    return lambda root: root["plan"]["tensors"][1]["items"][index].update(changes)


def scratch(**changes: object) -> Edit:
    return lambda root: root["plan"]["buffers"][0].update(changes)


def cache_buffer(**changes: object) -> Edit:
    return lambda root: root["plan"]["buffers"][-1]["items"][0].update(changes)


def step(op: str, part: str | None = None, /, function: str = "decode", **changes: object) -> Edit:
    """Changes the first step of ``op`` in ``function``, or its ``fields`` or ``arguments``."""

    def edit(root: dict[str, Any]) -> None:
        entries = root["plan"]["functions"][function]
        found = next(s for e in entries for s in e.get("items", [e]) if s["op"] == op)
        (found if part is None else found[part]).update(changes)

    return edit


def without(op: str, part: str, name: str) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        entries = root["plan"]["functions"]["decode"]
        del next(s for e in entries for s in e.get("items", [e]) if s["op"] == op)[part][name]

    return edit


def nested(depth: int) -> object:
    expression: object = 1
    for _ in range(depth):
        expression = ["+", expression, 0]
    return expression


def repeat(items: list[object], first: object = 0, end: object = "num_hidden_layers") -> dict[str, object]:
    return {"repeat": "layer", "from": first, "to": end, "items": items}


def many_steps(root: dict[str, Any]) -> None:
    """65 steps in 1024 layers: below the limits of the file, above that of a function."""
    root["model"]["num_hidden_layers"] = 1024
    item = root["plan"]["functions"]["decode"][0]
    root["plan"]["functions"]["more"] = [repeat([item] * 65)]


def much_work(root: dict[str, Any]) -> None:
    """Few steps, each of them with a great deal of arithmetic in it."""
    root["model"]["num_hidden_layers"] = 1024
    wide: object = 0
    for _ in range(12):
        wide = ["max", wide, wide]  # 2^12 numbers
    item = root["plan"]["functions"]["decode"][0] | {"when": wide}
    root["plan"]["functions"]["more"] = [repeat([item])]


def many_values(root: dict[str, Any]) -> None:
    root["plan"]["constants"] = [0] * 20_001


def constants_of_32_mib(root: dict[str, Any]) -> None:
    root["plan"]["constants"].append({"name": "big", "dtype": "float32", "shape": [1 << 23]})


def opaque(**changes: object) -> Edit:
    def edit(root: dict[str, Any]) -> None:
        call = {"op": "opaque", "name": "mine", "fields": {}, "arguments": {"a": "x"}}
        root["plan"]["functions"]["decode"].append(call | changes)

    return edit


def own(**changes: Any) -> Edit:
    """A kernel of the package's for rms_norm in prefill, with changes; those of ``kernel`` and ``variant`` within."""

    def edit(root: dict[str, Any]) -> None:
        kernel: dict[str, Any] = {
            "name": "k", "entry_point": "main", "workgroup_size": [1, 1, 1], "uniforms": [], "workgroup_bytes": 0,
            "bindings": [{"argument": "x", "access": "read"}, {"argument": "out", "access": "read_write"}],
        }  # fmt: skip
        variant = {"requires": {}, "kernel": "0" * 16, "grid": ["n", 1, 1]} | changes.get("variant", {})
        entry: dict[str, Any] = {
            "definition": {"op": "rms_norm", "columns": 64, "eps": 1e-5, "residual": False}, "prefill": 1,
            "scratch": [], "stages": [{"name": "s", "variants": [variant]}],
        }  # fmt: skip
        root["kernels"]["0" * 16] = kernel | changes.get("kernel", {})
        root["own_operators"].append(entry | changes.get("entry", {}))

    return edit


HUGE = 1 << 30
EVIL_NAMES = ["", "a b", "a/b", "x" * 201, "__proto__\n", "{layer", "{lay}", "{layer.nothing}", "é"]
# name -> (change, what the message says)
LIES: dict[str, tuple[Edit, str]] = {
    # The file
    "format": (at("format", value="other"), "format"),
    "version 1": (at("version", value=1), "compile the model again"),
    "version 2": (at("version", value=2), "compile the model again"),
    "version 4": (at("version", value=4), "version"),
    "version as text": (at("version", value="3"), "version"),
    "unknown key": (at("surprise", value=1), "surprise"),
    "no plan": (drop("plan"), "plan"),
    "encode beside decode": (
        lambda root: root["plan"]["functions"].update(encode=root["plan"]["functions"]["prefill"]), "functions",
    ),
    "output of n values": (scratch(kind="output", shape=["n", "hidden_size"]), "'n'"),
    "no decode": (drop("plan", "functions", "decode"), "decode"),
    "plan of too many values": (many_values, "20000"),
    "context_length 0": (at("context_length", value=0), "context_length"),
    "context_length beyond all": (at("context_length", value=1 << 40), "context_length"),
    "prefill_chunk 0": (at("prefill_chunk", value=0), "prefill_chunk"),
    "prefill_chunk as fraction": (at("prefill_chunk", value=1.5), "prefill_chunk"),
    "page_size 257": (at("page_size", value=257), "page_size"),
    # The configuration
    "no layers": (at("model", "num_hidden_layers", value=0), "num_hidden_layers"),
    "1025 layers": (at("model", "num_hidden_layers", value=1025), "num_hidden_layers"),
    "layers as fraction": (at("model", "num_hidden_layers", value=2.5), "num_hidden_layers"),
    "layers as truth": (at("model", "num_hidden_layers", value=True), "num_hidden_layers"),
    "no vocabulary": (drop("model", "vocab_size"), "vocab_size"),
    "huge vocabulary": (at("model", "vocab_size", value=1 << 40), "vocab_size"),
    "model over 64 KiB": (at("model", "text", value="x" * (64 << 10)), "bytes"),
    "model key that is reserved": (at("model", "n", value=1), "reserved"),
    "model key that is layer": (at("model", "layer", value=1), "reserved"),
    "model key with a point": (at("model", "layer.x", value=1), "model"),
    "number beyond 2^53": (at("model", "hidden_size", value=1 << 54), "2^53"),
    "infinite number": (at("model", "hidden_size", value=float("inf")), "finite"),
    "negative size": (at("model", "hidden_size", value=-64), "1 to"),
    "zero size": (at("model", "intermediate_size", value=0), "1 to"),
    "size as fraction": (at("model", "hidden_size", value=64.5), "needs an integer"),
    "size as text": (at("model", "hidden_size", value="64"), "no symbol"),
    "list too short": (at("layers", "rope_theta", value=[1.0]), "1 values for 2 layers"),
    "list too long": (at("layers", "rope_theta", value=[1.0] * 3), "3 values for 2 layers"),
    "attribute as text": (at("layers", "rope_theta", value="1"), "rope_theta"),
    "attribute as null": (at("layers", "rope_theta", value=[None, 1.0]), "rope_theta"),
    "65 attributes": (at("layers", value={f"a{i}": 1 for i in range(65)}), "layers"),
    "attribute that is no name": (at("layers", "a.b", value=1), "layers"),
    # Repeats
    "repeat to more than there are": (at("plan", "tensors", 1, "to", value=3), "2 layers"),
    "repeat from below 0": (at("plan", "tensors", 1, "from", value=["-", 0, 1]), "2 layers"),
    "repeat backwards": (at("plan", "tensors", 1, "from", value=["+", "num_hidden_layers", 1]), "2 layers"),
    "repeat over something else": (at("plan", "tensors", 1, "repeat", value="head"), "repeat"),
    "repeat of nothing": (at("plan", "tensors", 1, "items", value=[]), "items"),
    "nested repeat": (
        lambda root: root["plan"]["tensors"].append(repeat([repeat([root["plan"]["tensors"][0]])])), "schema",
    ),
    "repeat by a layer": (at("plan", "tensors", 1, "to", value="layer"), "outside of a repeat"),
    "too many steps": (many_steps, "65536"),
    "too much work": (much_work, "values"),
    "too many tensors": (
        lambda root: (
            root["model"].update(num_hidden_layers=1024),
            root["plan"]["tensors"].append(repeat([root["plan"]["tensors"][0] | {"name": "t"}] * 65)),
        )[0], "65536",
    ),
    # Expressions
    "unknown symbol": (scratch(shape=["m"]), "'m'"),
    "symbol of Object": (scratch(shape=["constructor"]), "constructor"),
    "symbol of the runtime": (tensor(shape=["vocab_size", "n"]), "'n'"),
    "kv_pages in scratch": (scratch(shape=["kv_pages", 64]), "kv_pages"),
    "state_slots in scratch": (scratch(shape=["state_slots", 64]), "state_slots"),
    "layer outside of a repeat": (scratch(shape=["layer"]), "outside of a repeat"),
    "unknown operation": (scratch(shape=[["**", 2, 3]]), "shape"),
    "two operands missing": (scratch(shape=[["+", 1]]), "shape"),
    "operation that is a number": (scratch(shape=[[1, 2, 3]]), "shape"),
    "deep expression": (scratch(shape=[nested(25)]), "24"),
    "division by zero": (scratch(shape=[["//", 16, ["-", "hidden_size", 64]]]), "zero"),
    "modulo by zero of n": (scratch(shape=[["%", 16, ["-", "n", "prefill_chunk"]]]), "zero"),
    "overflow": (scratch(shape=[["*", HUGE, ["*", HUGE, HUGE]]]), "53 bits"),
    "overflow with n": (scratch(shape=[["*", ["*", "n", HUGE], ["*", HUGE, 4096]]]), "53 bits"),
    "literal beyond 32 bits": (scratch(shape=[1 << 33]), "shape"),
    "literal as fraction": (scratch(shape=[1.5]), "shape"),
    "literal as truth": (scratch(shape=[True]), "shape"),
    "max_layers in a tensor": (tensor(shape=["vocab_size", ["max_layers", 64]]), "shape"),
    "max_layers in max_layers": (scratch(shape=[["max_layers", ["max_layers", 64]]]), "shape"),
    "max_layers of n": (scratch(shape=[["max_layers", "n"]]), "'n'"),
    # Names
    **{f"name {name!r}": (layer_tensor(0, name=name), "name") for name in EVIL_NAMES},
    "fraction in a name": (
        lambda root: (at("layers", "half", value=0.5)(root), layer_tensor(0, name="a{layer.half}")(root))[0], "integer",
    ),
    "negative number in a name": (
        lambda root: (at("layers", "back", value=-1)(root), layer_tensor(0, name="a{layer.back}")(root))[0], "name",
    ),
    "tensor twice": (
        lambda root: root["plan"]["tensors"].append(dict(root["plan"]["tensors"][0])), "stands in the plan",
    ),
    "tensor twice by a constant template": (layer_tensor(0, name="norm"), "lacks"),
    "tensor named like a buffer": (scratch(name="model.norm"), "twice"),
    "buffer twice": (lambda root: root["plan"]["buffers"].append(root["plan"]["buffers"][0]), "twice"),
    "buffer with a fixed name": (scratch(name="logits"), "twice"),
    "buffer named like a stored array": (scratch(name="model.norm.weight"), "twice"),
    "cache twice by a constant template": (cache_buffer(name="kv"), "twice"),
    "constant named like a buffer": (
        append("plan", "constants", value={"name": "x", "dtype": "float32", "shape": [1]}), "lacks x",
    ),
    "function named like a sampler": (
        lambda root: root["plan"]["functions"].update(sample=root["plan"]["functions"]["decode"]), "sample",
    ),
    "function that is no name": (
        lambda root: root["plan"]["functions"].update({"__proto__": root["plan"]["functions"]["decode"]}), "proto",
    ),
    # Tensors and schemes
    "rows unlike its sources": (tensor(shape=[["+", "vocab_size", 1], "hidden_size"]), "sources have 300"),
    "source of no rows": (
        lambda root: root["plan"]["tensors"][0]["sources"].append({"name": "more", "rows": 0}), "1 to",
    ),
    "no source": (tensor(sources=[]), "sources"),
    "unknown kind": (tensor(kind="conv"), "kind"),
    "three dimensions": (tensor(shape=["vocab_size", 8, 8]), "shape"),
    "parameter of 2^40 values": (
        lambda root: (
            root["model"].update(hidden_size=HUGE),
            root["plan"].update(functions={"prefill": [], "decode": []}, buffers=[]),
        )[0], "bytes",
    ),
    "scheme index beyond": (at("tensor_schemes", "model.embed_tokens", value=2), "there are 2 schemes"),
    "scheme index negative": (at("tensor_schemes", "model.embed_tokens", value=-1), "tensor_schemes"),
    "scheme index as text": (at("tensor_schemes", "model.embed_tokens", value="0"), "tensor_schemes"),
    "scheme of an unknown tensor": (at("tensor_schemes", "lm_head", value=0), "no tensor"),
    "scheme missing": (drop("tensor_schemes", "model.embed_tokens"), "lacks"),
    "schemes of too few layers": (at("tensor_schemes", "model.layers.{layer}.mlp.down_proj", value=[0]), "2 indices"),
    "schemes where there is one tensor": (at("tensor_schemes", "model.embed_tokens", value=[0]), "indices or be one"),
    "null scheme of a tensor": (
        at("tensor_schemes", "model.layers.{layer}.mlp.down_proj", value=[0, None]), "null exactly",
    ),
    "groups for a vector": (at("tensor_schemes", "model.norm", value=0), "no matrix"),
    "unknown bits": (at("schemes", 0, "bits", value=2), "schema"),
    "unknown dtype": (at("schemes", 1, "dtype", value="float8"), "schema"),
    # Constants
    "constant not base64": (at("constants", 0, "data", value="!!!!"), "base64"),
    "constant too short": (at("constants", 0, "data", value="AAAA"), "3 bytes"),
    "constant missing": (at("constants", value=[]), "lacks rope.inv_freq"),
    "constant twice": (lambda root: root["constants"].append(root["constants"][0]), "twice"),
    "constant too many": (append("constants", value={"name": "more", "data": ""}), "more"),
    "constants of 32 MiB": (constants_of_32_mib, "bytes"),
    "65 constants": (
        append("plan", "constants", value=repeat([{"name": "c", "dtype": "float32", "shape": [1]}] * 32)), "64",
    ),
    # Buffers
    "buffer of no values": (scratch(shape=[["-", "n", "prefill_chunk"]]), "dimension of 0"),
    "buffer of negative size": (scratch(shape=[["-", 0, "n"]]), "dimension of -"),
    "buffer over 2^40 bytes": (scratch(shape=[HUGE, HUGE]), "2^40"),
    "buffer of six dimensions": (scratch(shape=[1] * 6), "shape"),
    "buffer of an input kind": (scratch(kind="input"), "kind"),
    "cache without kv_pages": (cache_buffer(shape=[1, 2, "page_size", 16]), "kv_pages"),
    "cache with kv_pages twice": (cache_buffer(shape=["kv_pages", "kv_pages", "page_size", 16]), "kv_pages"),
    "cache with kv_pages inside": (cache_buffer(shape=[["*", "kv_pages", 2], 2, "page_size", 16]), "kv_pages"),
    "cache over n": (cache_buffer(shape=["kv_pages", "n", "page_size", 16]), "'n'"),
    "4097 buffers": (
        lambda root: (
            root["model"].update(num_hidden_layers=1024),
            root["plan"]["buffers"].append(repeat([root["plan"]["buffers"][0]] * 5)),
        )[0], "4096",
    ),
    "buffer absent by when": (scratch(when=0), "names x"),
    # Steps
    "unknown operator": (step("attention", op="softmax"), "schema"),
    "operator of Object": (step("attention", op="constructor"), "schema"),
    "operator that is a sampler": (
        append("plan", "functions", "decode", value={
            "op": "sample_greedy", "fields": {"vocab_size": "vocab_size"},
            "arguments": {"logits": "logits", "state": "state", "tokens": "tokens"},
        }), "function of its own",
    ),
    "field missing": (without("linear", "fields", "gated"), "schema"),
    "field unknown": (step("linear", "fields", surprise=1), "schema"),
    "field out of range": (step("attention", "fields", heads=1025), "heads"),
    "field that is odd": (step("attention", "fields", head_dim=["+", "head_dim", 1]), "head_dim"),
    "columns left over": (at("model", "hidden_size", value=66), "columns"),
    "field null": (step("rms_norm", "fields", function="prefill", eps=None), "schema"),
    "number as expression": (step("rms_norm", "fields", function="prefill", eps=["+", 0, 1]), "schema"),
    "number as a symbol of text": (step("rms_norm", "fields", function="prefill", eps="architecture"), "no symbol"),
    "number out of range": (at("model", "rms_norm_eps", value=2), "eps"),
    "number that is not positive": (at("layers", "attention_scaling", value=0), "attention_scaling"),
    "boolean of 2": (step("linear", "fields", bias=["+", 1, 1]), "bias must be 0 or 1"),
    "scheme in fields": (step("linear", "fields", scheme=SCHEME_8), "schema"),
    "rule: heads": (step("attention", "fields", kv_heads=3), "multiple of kv_heads"),
    "rule: a norm in prefill": (step("linear", "fields", function="prefill", norm_eps="rms_norm_eps"), "one token"),
    "rule: gate rows that are odd": (step("linear", "fields", gated=True, rows=129), "equally many"),
    "pages of another size": (step("attention", "fields", page_size=8), "pages of 8"),
    "argument missing": (without("attention", "arguments", "q"), "schema"),
    "optional argument missing": (without("linear", "arguments", "gain"), "does not give gain"),
    "argument unknown": (step("attention", "arguments", mask="x"), "schema"),
    "argument names nothing": (step("attention", "arguments", q="nothing"), "names nothing"),
    "argument names __proto__": (step("attention", "arguments", q="__proto__"), "__proto__"),
    "matrix that is a buffer": (step("linear", "arguments", w="x"), "must name a tensor"),
    "matrix that is a stored array": (step("linear", "arguments", w="model.norm.weight"), "must name a tensor"),
    "matrix of another shape": (step("linear", "arguments", w="model.embed_tokens"), "shape"),
    "matrix that is a vector": (step("linear", "arguments", w="model.norm"), "shape"),
    "vector that is a matrix": (step("linear", "arguments", gain="model.embed_tokens"), "shape"),
    "tensor that is absent": (
        lambda root: root["plan"]["functions"]["decode"][-2].update(when=1), "no lm_head",
    ),
    "activations that are a cache": (step("attention", "arguments", q="kv.k.{layer}"), "float32 buffer"),
    "activations that are integers": (step("attention", "arguments", q="token_counts"), "float32 buffer"),
    "activations that are a constant": (step("attention", "arguments", q="rope.inv_freq"), "float32 buffer"),
    "activations that are too small": (scratch(shape=[64]), "needs"),
    "activations too small in prefill only": (scratch(shape=["hidden_size"]), "needs"),
    "a weight that is written": (step("attention", "arguments", out="model.norm"), "no buffer"),
    "an input that is written": (step("linear", "arguments", out="sampling"), "input"),
    "written and read at once": (step("attention", "arguments", out="q"), "twice"),
    "caches that are one": (step("rope_append", "arguments", k_pages="kv.v.{layer}"), "twice"),
    "cache of another layout": (cache_buffer(shape=["kv_pages", 4, "page_size", 16]), "kv_cache"),
    "cache that is scratch": (step("attention", "arguments", k_pages="x"), "kv_cache"),
    "frequencies of another length": (
        lambda root: (
            root["plan"]["constants"][0].update(shape=[1]), root["constants"][0].update(data="AAAAAA=="),
        )[0], "shape [8]",
    ),
    "frequencies that are a buffer": (step("rope_append", "arguments", inv_freq="x"), "frequencies|constant"),
    "state that is another buffer": (step("attention", "arguments", state="tokens"), "must be state"),
    "token ids from elsewhere": (step("embed", "arguments", token_ids="tokens"), "must be state"),
    "token ids of decode in prefill": (step("embed", "arguments", function="prefill", token_ids="state"), "prompt_ids"),
    "logits of another size": (
        lambda root: root["plan"]["functions"]["decode"][0]["arguments"].update(out="logits"), "logits|needs",
    ),
    # Own kernels
    "opaque without kernels": (opaque(), "own_operators has no"),
    "opaque without a name": (
        append("plan", "functions", "decode", value={"op": "opaque", "fields": {}, "arguments": {"a": "x"}}), "schema",
    ),
    "own kernels for nothing": (own(entry={"prefill": 0}), "no step of its phase"),
    "own kernels twice": (lambda root: (own()(root), own()(root))[0], "twice"),
    "own kernel unknown": (own(variant={"kernel": "f" * 16}), "not in kernels"),
    "own kernel binds what is not there": (own(kernel={"bindings": [{"argument": "y", "access": "read"}]}), "binds y"),
    "own kernel writes a weight": (
        own(kernel={"bindings": [{"argument": "gain", "access": "read_write"}]}), "only reads",
    ),
    "own kernel without bindings": (own(kernel={"bindings": []}), "schema"),
    "own variant needs a feature": (own(variant={"requires": {"features": ["subgroups"]}}), "no feature"),
    "own variant of an unknown feature": (own(variant={"requires": {"features": ["x"]}}), "schema"),
    "own stages missing": (own(entry={"stages": []}), "schema"),
}  # fmt: skip


def test_the_program_is_good_without_a_lie(program: dict[str, Any]) -> None:
    instantiate(program)
    own()(program)
    instantiate(program)


@pytest.mark.parametrize("lie", LIES)
def test_a_plan_that_lies(program: dict[str, Any], lie: str) -> None:
    change, said = LIES[lie]
    change(program)
    with pytest.raises(NomoatError) as caught:
        instantiate(program)
    error = caught.value
    assert error.code == "invalid_package", error.message
    assert any(words in error.message for words in said.split("|")), error.message
    assert len(error.message) < 1000
