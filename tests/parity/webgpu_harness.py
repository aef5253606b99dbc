"""Runs one operator of a compiled program on WebGPU in headless Chromium, from Python.

    outputs = run_operator(program, modules, "matmul", {"x": x, "w": w, "out": zeros}, {"n": 4})

``program`` is program.json as a dict, ``modules`` maps a kernel's content hash to its WGSL text. Every
argument that the chosen kernel binds must be in ``arrays`` (outputs too: what they hold before the dispatch
is uploaded, so a test can poison them); what comes back is every argument bound ``read_write``, with the
shape and dtype it went in with. ``variant`` forces one variant by index; without it the first one that the
adapter can run is taken, as the runtime does.

One browser, one page and one GPUDevice serve the whole Python process; they live in a thread of their own,
because Playwright's synchronous API allows one instance per thread and other tests have theirs in the main
thread.
"""

from __future__ import annotations

import atexit
import queue
import struct
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
from nomoat.browser.chromium import Adapter, find_chromium, launch_arguments

from tests.limits import PROCESS_S, WAIT_MS, WAIT_S
from tests.patient_browser import patient

PAGE = Path(__file__).parent / "kernel_page"
Expression = int | str | list[Any]


def run_operator(
    program: Mapping[str, Any],
    modules: Mapping[str, str],
    operator: str,
    arrays: Mapping[str, np.ndarray],
    symbols: Mapping[str, int] | None = None,
    variant: int | None = None,
) -> dict[str, np.ndarray]:
    """The arrays bound read_write, after one dispatch. Raises WebGpuError with the browser's own words."""
    return run_operator_on_each(program, modules, operator, [arrays], symbols, variant)[0]


def run_operator_on_each(
    program: Mapping[str, Any],
    modules: Mapping[str, str],
    operator: str,
    array_sets: Sequence[Mapping[str, np.ndarray]],
    symbols: Mapping[str, int] | None = None,
    variant: int | None = None,
) -> list[dict[str, np.ndarray]]:
    """``run_operator`` on sets of arrays of the same shapes and dtypes, in one call of the page.

    Every set has buffers and a dispatch of its own. A call takes a hundredth of a second, a small dispatch hardly any.
    """
    page, symbols = shared_page(), symbols or {}
    chosen = _choose(program, operator, variant, page.adapter)
    kernel = program["kernels"][chosen["kernel"]]
    names = [binding["argument"] for binding in kernel["bindings"]]
    for arrays in array_sets:
        missing = [name for name in names if name not in arrays]
        if missing:
            raise KeyError(f"operator {operator} binds {names}, but arrays lacks {missing}")
    kinds = [[(arrays[name].shape, arrays[name].dtype) for name in names] for arrays in array_sets]
    if any(kind != kinds[0] for kind in kinds):
        raise ValueError(f"the sets of arrays for {operator} differ in shapes or dtypes")
    grid = [evaluate(extent, symbols) for extent in chosen["grid"]]
    if not all(1 <= extent <= 65535 for extent in grid):
        raise ValueError(f"grid of {operator} is {grid}; each extent must be in 1..65535")
    nbytes = [array_sets[0][name].nbytes for name in names]
    job = {
        "kernel_hash": chosen["kernel"],
        "kernel_name": kernel["name"],
        "entry_point": kernel["entry_point"],
        "wgsl": modules[chosen["kernel"]],
        "arguments": [{"access": b["access"], "nbytes": n} for b, n in zip(kernel["bindings"], nbytes, strict=True)],
        "uniform": _uniform_bytes(kernel["uniforms"], symbols),
        "grid": grid,
        "dispatches": len(array_sets),
    }
    inputs = b"".join(np.ascontiguousarray(arrays[name]).tobytes() for arrays in array_sets for name in names)
    output = page.run(job, inputs)
    written = [binding["argument"] for binding in kernel["bindings"] if binding["access"] == "read_write"]
    results = []
    at = 0
    for arrays in array_sets:
        result = {}
        for name in written:
            data = output[at : at + arrays[name].nbytes]
            result[name] = np.frombuffer(data, dtype=arrays[name].dtype).reshape(arrays[name].shape).copy()
            at += arrays[name].nbytes
        results.append(result)
    assert at == len(output)
    return results


def supported_variants(program: Mapping[str, Any], operator: str) -> list[int]:
    """Indices of the variants of an operator that this machine's adapter can run, in the program's order."""
    adapter = describe_adapter()
    variants = program["operators"][operator]["variants"]
    return [i for i, v in enumerate(variants) if _unsupported_reason(program, v, adapter) is None]


def describe_adapter() -> dict[str, Any]:
    """vendor, architecture, features, subgroup_min_size, subgroup_max_size and limits of the adapter."""
    return shared_page().adapter


class WebGpuError(RuntimeError):
    """The kernel could not be compiled or run; the message is the browser's."""


def evaluate(expression: Expression, symbols: Mapping[str, int]) -> int:
    """Value of an integer expression of program.schema.json: floor division and floor modulo."""
    if isinstance(expression, int):
        return expression
    if isinstance(expression, str):
        return symbols[expression]
    operator, left, right = expression[0], evaluate(expression[1], symbols), evaluate(expression[2], symbols)
    operations: dict[str, Callable[[int, int], int]] = {
        "+": lambda a, b: a + b,
        "-": lambda a, b: a - b,
        "*": lambda a, b: a * b,
        "//": lambda a, b: a // b,
        "%": lambda a, b: a % b,
        "min": min,
        "max": max,
    }
    return operations[operator](left, right)


def _choose(
    program: Mapping[str, Any], operator: str, variant: int | None, adapter: Mapping[str, Any]
) -> dict[str, Any]:
    variants = program["operators"][operator]["variants"]
    reasons = [_unsupported_reason(program, v, adapter) for v in variants]
    if variant is not None:
        if reasons[variant] is not None:
            raise ValueError(f"variant {variant} of {operator} cannot run on this adapter: {reasons[variant]}")
        return dict(variants[variant])
    for candidate, reason in zip(variants, reasons, strict=True):
        if reason is None:
            return dict(candidate)
    raise ValueError(f"no variant of {operator} can run on this adapter: {reasons}")


def _unsupported_reason(
    program: Mapping[str, Any], variant: Mapping[str, Any], adapter: Mapping[str, Any]
) -> str | None:
    kernel, limits, requires = program["kernels"][variant["kernel"]], adapter["limits"], variant["requires"]
    for feature in requires.get("features", []):
        if feature not in adapter["features"]:
            return f"needs the feature {feature}"
    if requires.get("subgroup_min_size", 1) > adapter["subgroup_min_size"]:
        return f"needs subgroups of at least {requires['subgroup_min_size']}"
    sizes = kernel["workgroup_size"]
    if sizes[0] * sizes[1] * sizes[2] > limits["maxComputeInvocationsPerWorkgroup"]:
        return f"needs workgroups of {sizes}"
    for size, axis in zip(sizes, "XYZ", strict=True):
        if size > limits[f"maxComputeWorkgroupSize{axis}"]:
            return f"needs workgroups of {sizes}"
    if kernel["workgroup_bytes"] > limits["maxComputeWorkgroupStorageSize"]:
        return f"needs {kernel['workgroup_bytes']} bytes of workgroup memory"
    if len(kernel["bindings"]) > limits["maxStorageBuffersPerShaderStage"]:
        return f"needs {len(kernel['bindings'])} storage buffers"
    return None


def _uniform_bytes(uniforms: list[dict[str, Any]], symbols: Mapping[str, int]) -> list[int] | None:
    """The uniform struct: 4-byte members in order, padded to 16 bytes; None where the kernel has none."""
    if not uniforms:
        return None
    formats = {"i32": "<i", "u32": "<I", "f32": "<f"}
    packed = b"".join(struct.pack(formats[u["type"]], evaluate(u["value"], symbols)) for u in uniforms)
    return list(packed + bytes(-len(packed) % 16))


@dataclass
class _Request:
    action: Callable[[Any], Any]
    future: Future[Any]


class KernelPage:
    """Owns the browser, its page and the small HTTP server beside it, until close()."""

    def __init__(self) -> None:
        self._input = b""
        self._output = b""
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self._requests: queue.Queue[_Request | None] = queue.Queue()
        self._thread = threading.Thread(target=self._browse, daemon=True)
        self._thread.start()

    @cached_property
    def adapter(self) -> dict[str, Any]:
        return dict(self._call(lambda page: page.evaluate("kernelPage.describe()")))

    def run(self, job: dict[str, Any], arrays: bytes) -> bytes:
        """The read_write arguments in the order of the bindings, dispatch after dispatch, as ``arrays`` holds all."""
        with self._lock:
            self._input, self._output = arrays, b""
            self._call(lambda page: page.evaluate("job => kernelPage.run(job)", job))
            return self._output

    def close(self) -> None:
        self._requests.put(None)
        self._thread.join(WAIT_S)
        self._server.shutdown()
        self._server.server_close()

    def _call(self, action: Callable[[Any], Any]) -> Any:
        if not self._thread.is_alive():
            raise WebGpuError("the browser thread has ended")
        future: Future[Any] = Future()
        self._requests.put(_Request(action, future))
        return future.result(PROCESS_S)

    def _browse(self) -> None:
        from playwright.sync_api import sync_playwright

        page: Any = None
        failure: Exception | None = None
        with sync_playwright() as playwright:
            try:
                browser = playwright.chromium.launch(
                    executable_path=find_chromium(), args=launch_arguments(Adapter.SOFTWARE), timeout=WAIT_MS
                )
                page = patient(browser).new_page()
                page.goto(f"http://127.0.0.1:{self._server.server_port}/index.html")
                page.wait_for_function("globalThis.kernelPage !== undefined")
            except Exception as error:
                failure = error
            while (request := self._requests.get()) is not None:
                try:
                    if failure is not None:
                        raise failure
                    request.future.set_result(request.action(page))
                except Exception as error:
                    request.future.set_exception(WebGpuError(str(error)))

    def _handler(owner) -> type[BaseHTTPRequestHandler]:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.lstrip("/")
                if name == "input":
                    self._send(owner._input, "application/octet-stream")
                elif name in ("index.html", "kernel_page.js"):
                    content_type = "text/html" if name.endswith("html") else "text/javascript"
                    self._send((PAGE / name).read_bytes(), content_type)
                else:
                    self.send_error(404)

            def do_POST(self) -> None:
                owner._output = self.rfile.read(int(self.headers["Content-Length"]))
                self._send(b"", "text/plain")

            def _send(self, body: bytes, content_type: str) -> None:
                self.send_response(200)
                self.send_header("Content-Type", content_type)
                self.send_header("Content-Length", str(len(body)))
                self.send_header("Cache-Control", "no-store")
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Silent: a line per array would bury pytest's report."""

        return Handler


_shared: KernelPage | None = None


def shared_page() -> KernelPage:
    """The page of this process, started at the first use and closed at exit."""
    global _shared
    if _shared is None:
        _shared = KernelPage()
        atexit.register(close_shared_page)
    return _shared


def close_shared_page() -> None:
    """Closes the browser of this process, if there is one; the next use starts another."""
    global _shared
    if _shared is not None:
        page, _shared = _shared, None
        page.close()
