#!/bin/bash
# Kernel parity and the WebGPU benchmark on this machine's GPU; needs bash, Python 3.8 and a Vulkan driver, nothing else.
# The table is printed last and lies in $OUT with the JSON. Ends within eight minutes, whatever a driver does.
here=$(cd "$(dirname "$0")" && pwd)
export OUT=${OUT:-out} PYTHONPATH=$here PYTHONDONTWRITEBYTECODE=1
# run.py ends by itself; this is for a Python that a driver holds.
exec timeout --kill-after=5 470 python3 -m tests.bench.webgpu.gpu.run "$here"
