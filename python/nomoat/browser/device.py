"""Which device a model runs on: what a caller may ask for, and what the runtime reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Device(StrEnum):
    """What a caller may ask for."""

    AUTO = "auto"  # WebGPU where the browser has a GPU, else wasm
    WEBGPU = "webgpu"  # also on the software adapter
    WASM = "wasm"  # the CPU


@dataclass(frozen=True)
class DeviceInfo:
    """What a loaded model runs on: the runtime's DeviceInfo."""

    device: str  # "webgpu" or "wasm"
    adapter: str
    software: bool
    threads: int | None  # None on WebGPU
    weight_bytes_per_token: int  # bytes of weights that one decode step reads
    doubts: str | None  # what is not used although it is there, and why

    @classmethod
    def from_wire(cls, wire: Mapping[str, Any]) -> DeviceInfo:
        return cls(
            device=wire["device"],
            adapter=wire["adapter"],
            software=wire["software"],
            threads=wire["threads"],
            weight_bytes_per_token=wire["weightBytesPerToken"],
            doubts=wire["doubts"],
        )

    def describe(self) -> str:
        """ "webgpu on google swiftshader (software)", "wasm, relaxed SIMD, 2 threads"."""
        if self.threads is None:
            return f"{self.device} on {self.adapter}"
        return f"{self.adapter}, {self.threads} thread{'' if self.threads == 1 else 's'}"
