"""What the arrays of a step must be, by the roles of its operator's arguments.

The same rules as the runtime's definition_rules.ts, which is the border that guards memory; here they keep our own
compiler honest and let ``nomoat inspect`` and ``verify`` trust what they read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..expression import evaluate, symbols_of
from ..operators.catalog import OPERATORS
from ..operators.declaration import Argument
from ..operators.definition import definition_symbols
from ..scheme import DTYPE_BYTES
from .scope import invalid

if TYPE_CHECKING:
    from .instance import Instance

MAX_BUFFER_BYTES = 1 << 40
FLOATS = ("float32", "float16", "bfloat16")
GROWING = {"kv_cache": "kv_pages", "recurrent_state": "state_slots"}


def check_buffer(buffer: Mapping[str, Any], instance: Instance) -> None:
    """A buffer that grows has its symbol as first dimension and nowhere else; every size is at least 1 and bounded."""
    name, shape, grows = buffer["name"], buffer["shape"], GROWING.get(buffer["kind"])
    # It grows by copying its old content to the front of a larger one.
    if grows is not None and (shape[0] != grows or any(grows in symbols_of(size) for size in shape[1:])):
        invalid(f"buffer {name} of kind {buffer['kind']} must have {grows} as its first dimension, and only there")
    nbytes = DTYPE_BYTES[buffer["dtype"]]
    for size in shape:
        value = instance.size(size, f"buffer {name}")
        if value < 1:
            invalid(f"buffer {name} has a dimension of {value}")
        nbytes *= value
        if nbytes > MAX_BUFFER_BYTES:
            invalid(f"buffer {name} has more than 2^40 bytes")
    if grows is not None and nbytes % 4:
        invalid(f"buffer {name} must grow by a multiple of 4 bytes, not {nbytes}")


def check_step(
    step: Mapping[str, Any], operator: Mapping[str, Any], instance: Instance, where: str, *, prefill: bool
) -> None:
    """``invalid_package`` where an argument is less than the definition reads or writes for the largest n."""
    definition, arguments = operator["definition"], step["arguments"]
    if definition["op"] == "opaque":
        return
    declaration = OPERATORS[definition["op"]]
    symbols = definition_symbols(definition, prefill=prefill)
    tokens = instance.prefill_chunk if prefill else 1
    if definition.get("page_size", instance.page_size) != instance.page_size:
        invalid(f"{where} has pages of {definition['page_size']} tokens, but the program's have {instance.page_size}")
    written: list[str] = []
    for argument in declaration.arguments:
        if argument.name not in arguments:
            continue
        place = f"{argument.name} of {where}"
        _check_argument(argument, arguments, symbols, instance, place, tokens, prefill=prefill)
        if argument.written:
            written.append(arguments[argument.name])
    for name in written:
        if list(arguments.values()).count(name) > 1:
            invalid(f"{where} gives {name} twice, once for writing")


def _check_argument(
    argument: Argument, arguments: Mapping[str, str], symbols: Mapping[str, Any], instance: Instance, place: str,
    tokens: int, *, prefill: bool,
) -> None:  # fmt: skip
    target = arguments[argument.name]
    array = instance.arrays[target]
    kind = array.get("kind")
    size = evaluate(argument.size, symbols)
    match argument.role:
        case "activations":
            if kind is None or kind in GROWING or array["dtype"] != "float32":
                invalid(f"{place} must be a float32 buffer that does not grow, not {target}")
            if argument.written and kind == "input":
                invalid(f"{place} is written, and {target} is an input")
            values = instance.buffer_values(array)
            if values < size * tokens:
                invalid(f"{place} needs {size * tokens} values, and {target} has {values}")
            # A part of an output would leave the rest of it as it was.
            if argument.written and kind == "output" and values != size * tokens:
                invalid(f"{place} writes {size * tokens} values, and {target} has {values}")
        case "embedding":
            if kind != "output" or array["dtype"] != "float32" or instance.buffer_values(array) != size:
                invalid(f"{place} must be a float32 output of {size} values, not {target}")
        case "vector":
            if array["shape"] != [size] or array["dtype"] not in FLOATS:
                invalid(f"{place} must have the shape [{size}], not that of {target}, {array['shape']}")
        case "matrix":
            columns = evaluate(argument.columns, symbols)
            shape = instance.tensor_shapes[target]
            if shape != [size, columns]:
                invalid(f"{place} must have the shape [{size}, {columns}], not that of {target}, {shape}")
            if "token_ids" in arguments and size != instance.vocab_size:
                invalid(f"{place} has {size} rows, but vocab_size is {instance.vocab_size}")
        case "frequencies":
            if kind is not None or array["dtype"] != "float32" or array["shape"] != [size]:
                invalid(f"{place} must be a float32 constant or tensor of shape [{size}], not {target}")
        case "cache":
            page = [symbols["kv_heads"], symbols["page_size"], symbols["head_dim"]]
            if kind != "kv_cache" or array["dtype"] != "float32" or array["shape"][1:] != page:
                invalid(f"{place} must be a float32 kv_cache with pages of {page}, not {target} of {array['shape']}")
        case "recurrent":
            if kind != "recurrent_state" or array["dtype"] != "float32" or array["shape"][1:] != [size]:
                invalid(f"{place} must be a float32 recurrent_state of [state_slots, {size}], not {target}")
        case "token_ids":
            expected = "prompt_ids" if prefill else "state"
            if target != expected:
                invalid(f"{place} must be {expected}, not {target}")
        case "fixed":
            if target != argument.name:
                invalid(f"{place} must be {argument.name}, not {target}")
