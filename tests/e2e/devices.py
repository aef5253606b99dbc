"""On which devices the end-to-end tests run models.

Where what a model computes is the subject, a test runs on each device (``on_each_device``). Elsewhere the device does
not matter, and one is enough: the last of the list, which is the fast one. NOMOAT_TEST_DEVICES=webgpu runs everything
on WebGPU alone.
"""

from __future__ import annotations

import os

import pytest

DEVICES = os.environ.get("NOMOAT_TEST_DEVICES", "webgpu,wasm").split(",")
ONE_DEVICE = DEVICES[-1]
# One module at a time, so that the module's browser is started once and the tests of one device follow each other.
on_each_device = pytest.mark.parametrize("device", DEVICES, scope="module")

# How the device's name stands in what people read.
SHOWN = {"webgpu": "swiftshader", "wasm": "wasm"}


def needs(device: str) -> None:
    """Skips a test that is about ``device`` where the tests are not to run on it."""
    if device not in DEVICES:
        pytest.skip(f"NOMOAT_TEST_DEVICES leaves out {device}")
