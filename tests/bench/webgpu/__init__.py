"""The WebGPU device measured in Node with Dawn, on whatever GPU there is, with weights that nobody trained.

python -m tests.bench.webgpu measures here; python -m tests.bench.webgpu.bundle makes a folder that measures on a
machine where nothing is installed. parts.py, table.py and gpu/ run there too, and so import the standard library only.
"""
