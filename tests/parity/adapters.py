"""The WebGPU adapters that the kernels are tested on, as data, and the running one of each.

None needs a GPU. They differ in what real adapters differ in: the width of subgroups, optional features, limits.

    @each_adapter
    def test_kernel(adapter: SoftwareAdapter) -> None:
        ... run_operator(..., adapter=adapter)

A test with a parameter ``adapter`` is skipped where this machine cannot have that one (conftest.py).
"""

from __future__ import annotations

import atexit
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import pytest
from nomoat.browser import find_chromium
from nomoat_compiler.errors import NomoatError

from tests.parity.chromium_host import KernelPage
from tests.parity.dawn_host import KernelProcess
from tests.parity.kernel_host import KernelHost
from tests.parity.lavapipe import ROOT, find_lavapipe
from tests.parity.vulkan_driver import Unavailable, VulkanDriver, find_swiftshader

MIB = 1024 * 1024


@dataclass(frozen=True)
class SoftwareAdapter:
    """``driver``: SwiftShader or lavapipe under Dawn in Node, or SwiftShader inside Chromium.

    ``withheld`` are features that the device must not have, ``limits`` those that it has less of than the adapter.
    """

    name: str
    driver: Literal["swiftshader", "lavapipe", "chromium"]
    environment: Mapping[str, str] = field(default_factory=dict, hash=False)
    withheld: tuple[str, ...] = ()
    limits: Mapping[str, int] = field(default_factory=dict, hash=False)


def _lavapipe(
    name: str, lanes: int, withheld: tuple[str, ...] = (), limits: Mapping[str, int] | None = None
) -> SoftwareAdapter:
    """A subgroup is one vector of float32.

    NOTE: Mesa's cache of compiled shaders knows nothing of the width: where two widths share one, a kernel that does
    not ask for its subgroup's size runs with the machine code of the other width. So each width has its own.
    Compiling a matrix takes seconds, running it in a test hardly any, so LLVM does not optimize, which halves them.
    """
    environment = {
        "LP_NATIVE_VECTOR_WIDTH": str(lanes * 32),
        "MESA_SHADER_CACHE_DIR": str(ROOT / ".cache" / "lavapipe-shaders" / f"sg{lanes}"),
        "GALLIVM_PERF": "nopt",
    }
    return SoftwareAdapter(name, "lavapipe", environment, withheld, limits or {})


# What WebGPU guarantees, and phones often do not exceed.
GUARANTEED_LIMITS = {
    "maxStorageBufferBindingSize": 128 * MIB,
    "maxBufferSize": 256 * MIB,
    "maxStorageBuffersPerShaderStage": 8,
    # A device gets as many for compute as for the stages of drawing.
    "maxStorageBuffersInVertexStage": 8,
    "maxStorageBuffersInFragmentStage": 8,
    "maxComputeWorkgroupStorageSize": 16 * 1024,
    "maxComputeInvocationsPerWorkgroup": 256,
}

SWIFTSHADER = SoftwareAdapter("swiftshader", "swiftshader")  # subgroups of 4, no shader-f16
CHROMIUM = SoftwareAdapter("chromium", "chromium")
LAVAPIPE = [
    adapter
    for lanes in (4, 8, 16)
    for adapter in (
        _lavapipe(f"lavapipe-sg{lanes}", lanes, withheld=("shader-f16",)),
        _lavapipe(f"lavapipe-sg{lanes}-f16", lanes),
        _lavapipe(f"lavapipe-sg{lanes}-none", lanes, withheld=("shader-f16", "subgroups")),
    )
]
LAVAPIPE_128MIB = _lavapipe("lavapipe-128MiB", 8, limits=GUARANTEED_LIMITS)
EVERY_ADAPTER = (SWIFTSHADER, CHROMIUM, *LAVAPIPE, LAVAPIPE_128MIB)

# What kernels are tested on: each width of subgroups (4, 16 and 8), with shader-f16 and without, and the guaranteed
# limits. Lavapipe compiles for seconds, so no difference comes twice; NOMOAT_EVERY_KERNEL=1 has more combinations.
_FEW = ("swiftshader", "lavapipe-sg16", "lavapipe-128MiB")
_MANY = (*_FEW, "lavapipe-sg4", "lavapipe-sg8", "lavapipe-sg8-f16")
EVERY_KERNEL = bool(os.environ.get("NOMOAT_EVERY_KERNEL"))
_TESTED = _MANY if EVERY_KERNEL else _FEW
ADAPTERS = [adapter for adapter in EVERY_ADAPTER if adapter.name in _TESTED]


def _each_of(adapters: Sequence[SoftwareAdapter]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("adapter", adapters, ids=lambda adapter: adapter.name)


each_adapter = _each_of(ADAPTERS)
every_adapter = _each_of(EVERY_ADAPTER)  # for tests of the adapters themselves

_DRIVERS: dict[str, Callable[[], VulkanDriver | Unavailable]] = {
    "swiftshader": find_swiftshader,
    "lavapipe": find_lavapipe,
}
_running: dict[str, KernelHost] = {}


class AdapterUnavailable(RuntimeError):
    """This machine cannot have the adapter; the message says why."""


def running(adapter: SoftwareAdapter) -> KernelHost:
    """The one of this process, started at its first use, again where it has died, and closed at exit.

    Raises AdapterUnavailable, or WebGpuError where the adapter should be there and does not start.
    """
    host = _running.get(adapter.name)
    if host is not None and not host.alive:
        close(adapter)
        host = None
    if host is None:
        host = _running[adapter.name] = _start(adapter)
    return host


def reason_without(adapter: SoftwareAdapter) -> str | None:
    """Why this machine cannot have the adapter; None where it can. May fetch the driver."""
    if adapter.driver == "chromium":
        try:
            find_chromium()
        except NomoatError as error:
            return f"no browser: {error.message}"
        return None
    found = _DRIVERS[adapter.driver]()
    return found.reason if isinstance(found, Unavailable) else None


def close(adapter: SoftwareAdapter) -> None:
    """Ends the one that runs, if one does; the next use starts another."""
    host = _running.pop(adapter.name, None)
    if host is not None:
        host.close()


@atexit.register
def close_all() -> None:
    for adapter in EVERY_ADAPTER:
        close(adapter)


def _start(adapter: SoftwareAdapter) -> KernelHost:
    reason = reason_without(adapter)
    if reason is not None:
        raise AdapterUnavailable(reason)
    if adapter.driver == "chromium":
        return KernelPage()
    driver = _DRIVERS[adapter.driver]()
    assert isinstance(driver, VulkanDriver)
    return KernelProcess({**driver.environment(), **adapter.environment}, adapter.withheld, adapter.limits)
