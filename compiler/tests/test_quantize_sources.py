"""Proves that each rule of a source gives the rows that NumPy gives, read in blocks of any size, and that what does not
fit a rule is refused. Needs nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from nomoat_compiler.checkpoint.checkpoint import StoredTensor
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.program.scope import Configuration
from nomoat_compiler.program.tensor_spec import Source, TensorSpec
from nomoat_compiler.program.tensors import plan_tensors
from nomoat_compiler.quantize import sources
from nomoat_compiler.quantize.sources import StoredIn, check_sources, read_tensor

RNG = np.random.default_rng(5)
STORED: dict[str, np.ndarray] = {
    "fused": RNG.standard_normal((24, 8)).astype(np.float32),  # 3 groups of 8 rows
    "vector": RNG.standard_normal(6).astype(np.float32),
    "taps": RNG.standard_normal((6, 3)).astype(np.float32),
    "table": RNG.standard_normal((5, 8)).astype(np.float32),
    "types": RNG.standard_normal((2, 8)).astype(np.float32),
}
GROUPS = STORED["fused"].reshape(3, 8, 8)
CASES: dict[str, tuple[TensorSpec, np.ndarray]] = {
    "blocks": (
        TensorSpec("t", "linear", (24, 8), (
            Source("fused", 12, first=0, block=4, stride=8),
            Source("fused", 6, first=4, block=2, stride=8),
            Source("fused", 6, first=6, block=2, stride=8),
        )),
        np.concatenate([GROUPS[:, a:b].reshape(-1, 8) for a, b in ((0, 4), (4, 6), (6, 8))]),
    ),
    "optional": (
        TensorSpec("t", "bias", (10,), (Source("vector", 6, optional=True), Source("absent", 4, optional=True))),
        np.concatenate([STORED["vector"], np.zeros(4, np.float32)]),
    ),
    "optional rows": (
        TensorSpec("t", "linear", (8, 8), (Source("absent", 3, optional=True), Source("table", 5))),
        np.concatenate([np.zeros((3, 8), np.float32), STORED["table"]]),
    ),
    "plus": (TensorSpec("t", "norm", (6,), (Source("vector", 6, plus=1.0),)), np.float32(1) + STORED["vector"]),
    "plus a row": (
        TensorSpec("t", "embedding", (5, 8), (Source("table", 5, plus_row_of="types"),)),
        STORED["table"] + STORED["types"][0],
    ),
    "columns": (TensorSpec("t", "norm", (18,), (Source("taps", 18, columns=3),)), STORED["taps"].reshape(-1)),
}  # fmt: skip


class Arrays:
    """A checkpoint that notes how much is read at once."""

    source, source_format, license, config = "memory", "safetensors", None, {}

    def __init__(self) -> None:
        self.most_rows = 0

    def names(self) -> list[str]:
        return sorted(STORED)

    def stored(self, name: str) -> StoredTensor:
        return StoredTensor(name, STORED[name].shape, "float32")

    def read(self, name: str, start: int = 0, stop: int | None = None) -> np.ndarray:
        rows = STORED[name][start:stop]
        self.most_rows = max(self.most_rows, len(rows))
        return rows


@pytest.mark.parametrize("rows", [1, 3, 5, 1000])
@pytest.mark.parametrize("name", CASES)
def test_a_rule_gives_its_rows(name: str, rows: int, monkeypatch: pytest.MonkeyPatch) -> None:
    spec, expected = CASES[name]
    width = spec.shape[1] if len(spec.shape) == 2 else 1
    monkeypatch.setattr(sources, "BLOCK_VALUES", rows * width)
    checkpoint: Any = Arrays()
    check_sources([spec], checkpoint)
    np.testing.assert_array_equal(read_tensor(spec, checkpoint), expected)
    assert checkpoint.most_rows <= rows


WRONG: dict[str, Source] = {
    "rows": Source("fused", 23),
    "stride": Source("fused", 12, first=0, block=4, stride=7),
    "columns": Source("taps", 24, columns=4),
    "row to add": Source("table", 5, plus_row_of="vector"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_tensor_of_another_shape_is_named(name: str) -> None:
    source = WRONG[name]
    shape = (source.rows,) if name == "columns" else (source.rows, 8)
    checkpoint: Any = Arrays()
    with pytest.raises(NomoatError, match=source.plus_row_of or source.name) as caught:
        check_sources([TensorSpec("t", "linear", shape, (source,))], checkpoint)
    assert caught.value.code == "invalid_checkpoint"


def test_equal_tensors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sources, "BLOCK_VALUES", 16)
    monkeypatch.setitem(STORED, "same", STORED["table"].copy())
    monkeypatch.setitem(STORED, "other", STORED["table"] + np.eye(5, 8, dtype=np.float32)[::-1] * 1e-6)
    checkpoint: Any = Arrays()
    stored = StoredIn(checkpoint)
    assert "table" in stored and "absent" not in stored
    assert stored.equal("table", "same")
    assert not stored.equal("table", "other")
    assert not stored.equal("table", "types")


LIES: dict[str, tuple[dict[str, Any], str]] = {
    "block without stride": ({"block": 2}, "together"),
    "first without block": ({"first": 2}, "together"),
    "a block past its stride": ({"block": 2, "stride": 3, "first": 2}, "at 2 of every 3"),
    "a block before its stride": ({"block": 2, "stride": 3, "first": -1}, "at -1"),
    "blocks that do not divide": ({"block": 3, "stride": 4}, "divide"),
    "columns that do not divide": ({"columns": 3}, "divide"),
    "columns of none": ({"columns": 0}, "from 1"),
}


@pytest.mark.parametrize(("rules", "message"), LIES.values(), ids=LIES)
def test_rules_that_lie(rules: dict[str, Any], message: str) -> None:
    item = {"name": "t", "kind": "norm", "shape": [8], "sources": [{"name": "s", "rows": 8, **rules}]}
    configuration = Configuration(
        {"num_hidden_layers": 1}, {}, context_length=1, prefill_chunk=1, page_size=16
    )  # fmt: skip
    with pytest.raises(NomoatError, match=message) as caught:
        plan_tensors({"tensors": [item]}, configuration)
    assert caught.value.code == "invalid_package"
