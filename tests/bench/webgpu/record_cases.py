"""Records what the kernel tests of tests/parity run, with what they expect, as a file of cases (case_file.py).

    python -m tests.bench.webgpu.record_cases CASES.json [TEST_FILE ...]

The tests run as they are, on an adapter that claims every feature and wide subgroups, so that they ask for all
variants. Jobs that the software adapter behind it can run do run, and their outputs are checked as always. The others,
kernels for 32 lanes for instance, get outputs that nothing else has; where a test compares such an array, its
expectation is recorded and believed. What no comparison names is recorded as it came out of a test that passed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.bench.webgpu.case_file import Case, Expected, write_cases
from tests.parity import webgpu_harness
from tests.parity.adapters import SWIFTSHADER, SoftwareAdapter, running
from tests.parity.kernel_host import KernelHost
from tests.parity.vulkan_driver import Unavailable, find_swiftshader

TESTS = Path(__file__).parents[2] / "parity"
# Of a test's adapters the one that compiles fastest; the tests prove elsewhere what it cannot run.
ADAPTER = SWIFTSHADER
WIDEST_SUBGROUP = 128
# Of a job with many sets of arrays: the first ones say as much as all.
MOST_SETS = 12
# Another GPU's exp and log differ by a few units in the last place.
MEASURED_TOLERANCE = 1e-5


def main(path: Path, files: list[str]) -> int:
    driver = find_swiftshader()
    if isinstance(driver, Unavailable):
        raise SystemExit(driver.reason)
    recorder = Recorder(running(ADAPTER))
    files = files or sorted(str(file) for file in TESTS.glob("test_kernel*.py"))
    code = pytest.main(["-q", "-x", "-p", "no:cacheprovider", *files], plugins=[recorder])
    cases = recorder.cases()
    if code != 0 or not cases:
        raise SystemExit(f"the kernel tests ended with code {int(code)} and {len(cases)} cases")
    write_cases(path, cases)
    kernels = len({case.job["kernel_hash"] for case in cases})
    print(f"{len(cases)} cases of {kernels} kernels; {recorder.unknown} outputs had no known value")
    return 0


class Recorder:
    """A KernelHost in front of another, and the plugin of pytest that puts it there."""

    def __init__(self, host: KernelHost) -> None:
        self._host = host
        self.adapter: dict[str, Any] = {
            **host.adapter,
            "features": sorted({*host.adapter["features"], "subgroups", "shader-f16"}),
            "subgroup_min_size": WIDEST_SUBGROUP,
            "subgroup_max_size": WIDEST_SUBGROUP,
        }
        self.alive = True
        self.unknown = 0
        self._test = ""
        self._recorded: dict[str, _Recorded] = {}
        self._of_this_test: list[_Recorded] = []
        # Bytes of an output -> where they came from; kernels that agree to the last bit share an entry.
        self._by_output: dict[bytes, list[tuple[_Recorded, int]]] = {}
        self._made_up: set[bytes] = set()

    def run(self, job: dict[str, Any], arrays: bytes) -> bytes:
        sets = _split(arrays, [argument["nbytes"] for argument in job["arguments"]] * job["dispatches"])
        size = len(job["arguments"])
        inputs = [tuple(sets[i * size : (i + 1) * size]) for i in range(job["dispatches"])]
        # What comes after a kernel that did not run has no inputs that mean anything.
        made_up = any(values in self._made_up for values in sets)
        runs = not made_up and self._has(job["requires"])
        written = [i for i, argument in enumerate(job["arguments"]) if argument["access"] == "read_write"]
        if runs:
            sizes = [job["arguments"][i]["nbytes"] for i in written] * job["dispatches"]
            outputs = _split(self._host.run(job, arrays), sizes)
        else:
            outputs = [_unlike_any(job, given, i) for given in inputs for i in written]
            self._made_up.update(outputs)
        for turn, given in enumerate(inputs):
            mine = outputs[turn * len(written) : (turn + 1) * len(written)]
            self._note(_Recorded(self._test, job, given, dict(zip(written, mine, strict=True)), runs), made_up, turn)
        return b"".join(outputs)

    def _note(self, recorded: _Recorded, made_up: bool, turn: int) -> None:
        if not made_up and turn < MOST_SETS:
            recorded = self._recorded.setdefault(recorded.key, recorded)
            self._of_this_test.append(recorded)
        for index, values in recorded.outputs.items():
            self._by_output.setdefault(values, []).append((recorded, index))

    def close(self) -> None:
        """The host behind this one belongs to adapters.py."""

    def cases(self) -> list[Case]:
        return [recorded.case() for recorded in self._recorded.values() if recorded.expected]

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        items[:] = [item for item in items if _adapter_name(item) in (None, ADAPTER.name)]

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Iterator[None]:
        self._test, self._of_this_test, self._by_output, self._made_up = item.name, [], {}, set()
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(webgpu_harness, "running", lambda adapter: self)
            patch.setattr(np.testing, "assert_allclose", self._compare(np.testing.assert_allclose, 1e-7))
            patch.setattr(np.testing, "assert_array_equal", self._compare(np.testing.assert_array_equal, 0))
            yield
        for recorded in self._of_this_test:
            self.unknown += recorded.believe_outputs()

    def _compare(self, original: Any, default_rtol: float) -> Any:
        def compare(actual: Any, desired: Any, *rest: Any, **options: Any) -> None:
            places = self._by_output.get(np.asarray(actual).tobytes(), [])
            for recorded, index in places:
                values = np.broadcast_to(desired, np.shape(actual)).astype(np.asarray(actual).dtype)
                rtol, atol = options.get("rtol", default_rtol), options.get("atol", 0)
                recorded.expected[index] = Expected(index, values, float(atol), float(rtol))
            if not places or all(recorded.runs for recorded, _ in places):
                original(actual, desired, *rest, **options)

        return compare

    def _has(self, requires: dict[str, Any]) -> bool:
        adapter = self._host.adapter
        missing = set(requires.get("features", ())) - set(adapter["features"])
        return not missing and requires.get("subgroup_min_size", 0) <= adapter["subgroup_min_size"]


class _Recorded:
    """One dispatch, and what is known of its outputs by index of the argument."""

    def __init__(
        self, test: str, job: dict[str, Any], inputs: tuple[bytes, ...], outputs: dict[int, bytes], runs: bool
    ) -> None:
        self.job, self.inputs, self.outputs, self.runs = {**job, "dispatches": 1}, inputs, outputs, runs
        self.expected: dict[int, Expected] = {}
        self._name = f"{test}: {job['kernel_name']}"

    @property
    def key(self) -> str:
        job = {key: value for key, value in self.job.items() if key != "wgsl"}
        return sha256(repr(sorted(job.items())).encode() + b"".join(self.inputs)).hexdigest()

    def believe_outputs(self) -> int:
        """Takes what a test that passed did not compare itself for right; how many outputs are not known even so."""
        unknown = self.outputs.keys() - self.expected.keys()
        if not self.runs:
            return len(unknown)
        for index in unknown:
            self.expected[index] = self._measured(index)
        return 0

    def _measured(self, index: int) -> Expected:
        values = np.frombuffer(self.outputs[index], self.job["arguments"][index]["dtype"])
        tolerance = MEASURED_TOLERANCE if np.issubdtype(values.dtype, np.floating) else 0
        return Expected(index, values, tolerance, tolerance)

    def case(self) -> Case:
        return Case(self._name, self.job, self.inputs, tuple(self.expected.values()))


def _adapter_name(item: pytest.Item) -> str | None:
    adapter = item.callspec.params.get("adapter") if hasattr(item, "callspec") else None
    return adapter.name if isinstance(adapter, SoftwareAdapter) else None


def _split(data: bytes, sizes: list[int]) -> list[bytes]:
    pieces = []
    at = 0
    for size in sizes:
        pieces.append(data[at : at + size])
        at += size
    assert at == len(data)
    return pieces


def _unlike_any(job: dict[str, Any], inputs: tuple[bytes, ...], index: int) -> bytes:
    """Bytes for an output that no kernel writes; the same for the same kernel by another text."""
    seed = sha256(f"{job['kernel_name']} {index}".encode() + b"".join(inputs)).digest()
    return np.random.default_rng(list(seed)).bytes(job["arguments"][index]["nbytes"])


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), sys.argv[2:]))
