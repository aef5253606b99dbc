"""Runs kernels in Node with Dawn (the npm package webgpu), on the Vulkan driver that the environment names."""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import tempfile
import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from tests.parity.kernel_host import CALL_TIMEOUT_S, RUNNER, WebGpuError

# Of what the process printed, an error quotes the end.
QUOTED_CHARACTERS = 2000


class KernelProcess:
    """A KernelHost that owns one Node process and its pipes. Frames are described in kernel_runner/process.js.

    ``environment`` is added to that of this process; ``withheld`` names features that the device must not have,
    ``limits`` those that it has less of than the adapter. Raises WebGpuError where there is no such device.
    """

    def __init__(
        self, environment: Mapping[str, str], withheld: Sequence[str] = (), limits: Mapping[str, int] | None = None
    ) -> None:
        node = shutil.which("node")
        if node is None:
            raise WebGpuError("node is not on PATH, and the kernels run in Node 20 or later")
        wanted = json.dumps({"withheld": list(withheld), "limits": dict(limits or {})})
        self._lock = threading.Lock()
        self._printed = tempfile.TemporaryFile()  # noqa: SIM115 -- it lives as long as the process
        replies, sender = os.pipe()
        self._process = subprocess.Popen(
            [node, str(RUNNER / "process.js"), wanted, str(sender)],
            stdin=subprocess.PIPE,
            stdout=self._printed,
            stderr=subprocess.STDOUT,
            pass_fds=(sender,),
            env={**os.environ, **environment},
        )
        os.close(sender)
        self._replies = os.fdopen(replies, "rb")
        try:
            self.adapter: dict[str, Any] = self._exchange(b"")[0]
        except WebGpuError:
            self.close()
            raise

    @property
    def process_id(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def run(self, job: dict[str, Any], arrays: bytes) -> bytes:
        text = json.dumps(job).encode()
        with self._lock:
            return self._exchange(struct.pack("<II", len(text), len(arrays)) + text + arrays)[1]

    def close(self) -> None:
        """The end of its input ends the process; one that does not heed it is killed."""
        with suppress(BrokenPipeError):
            self._stdin.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        self._kill()
        self._replies.close()
        self._printed.close()

    @property
    def _stdin(self) -> Any:
        return self._process.stdin

    def _exchange(self, request: bytes) -> tuple[Any, bytes]:
        """The value and the arrays of the next reply, after ``request`` was sent."""
        watchdog = threading.Timer(CALL_TIMEOUT_S, self._kill)
        watchdog.start()
        try:
            self._stdin.write(request)
            self._stdin.flush()
            text_bytes, array_bytes = struct.unpack("<II", self._read(8))
            reply, arrays = json.loads(self._read(text_bytes)), self._read(array_bytes)
        except (BrokenPipeError, EOFError):
            raise WebGpuError(self._last_words()) from None
        except BaseException:
            # The reply to this request would be taken for the one to the next.
            self._kill()
            raise
        finally:
            watchdog.cancel()
        if "error" in reply:
            raise WebGpuError(reply["error"])
        return reply["value"], arrays

    def _read(self, count: int) -> bytes:
        data = self._replies.read(count)
        if len(data) < count:
            raise EOFError
        return data

    def _kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def _last_words(self) -> str:
        """Why the process has ended. One that closed its pipes is ending, or is made to."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=10)
        self._kill()
        self._printed.seek(0)
        printed = self._printed.read().decode(errors="replace").strip()[-QUOTED_CHARACTERS:]
        code = self._process.returncode
        how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
        return f"the Node process that runs kernels {how}; it printed:\n{printed or '(nothing)'}"
