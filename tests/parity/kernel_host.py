"""What runs WGSL kernels for the parity tests: a page of Chromium (chromium_host.py) or Node with Dawn (dawn_host.py).

Both run kernel_runner/kernels.js, whose ``runJob`` says what a job is.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Protocol

RUNNER = Path(__file__).parent / "kernel_runner"
# No kernel of a test takes a second on a quiet machine; a driver that hangs is told apart from a slow one.
CALL_TIMEOUT_S = 300


class WebGpuError(RuntimeError):
    """The kernel could not be compiled or run; the message is that of the WebGPU implementation."""


class KernelHost(Protocol):
    """One GPUDevice, until close()."""

    @property
    def adapter(self) -> dict[str, Any]:
        """vendor, architecture, description, features, subgroup_min_size, subgroup_max_size and limits."""

    @property
    def alive(self) -> bool:
        """False once the process behind it has ended; a call then raises WebGpuError."""

    def run(self, job: dict[str, Any], arrays: bytes) -> bytes:
        """The read_write arguments in the order of the bindings, dispatch after dispatch, as ``arrays`` holds all.

        Raises WebGpuError with the implementation's words.
        """

    def close(self) -> None: ...
