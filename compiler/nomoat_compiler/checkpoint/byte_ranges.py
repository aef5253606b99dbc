"""Reads byte ranges of a file into fresh buffers.

Not mmap: pages of a mapped file count as the process's memory for as long as the mapping lives, so a model of
several gigabytes would show (and under a memory limit would be) several gigabytes. See docs/decisions/0010.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..errors import NomoatError


class ByteRanges:
    """An open file; ``close`` gives the handle back. Not for several threads at once."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._file = path.open("rb", buffering=0)
        except OSError as error:
            raise NomoatError(
                "invalid_checkpoint", f"{path.name} cannot be opened: {error.strerror}.", file=path.name
            ) from error
        self.nbytes = path.stat().st_size

    def read(self, offset: int, nbytes: int) -> npt.NDArray[np.uint8]:
        """``nbytes`` bytes from ``offset`` as a writable uint8 array; ``invalid_checkpoint`` past the end."""
        if offset < 0 or nbytes < 0 or offset + nbytes > self.nbytes:
            raise NomoatError(
                "invalid_checkpoint",
                f"{self.path.name} has {self.nbytes} bytes, but bytes {offset} to {offset + nbytes} are needed: "
                "the file is truncated or its header lies. Download it again.",
                file=self.path.name,
            )
        buffer = np.empty(nbytes, np.uint8)
        view = buffer.data
        self._file.seek(offset)
        done = 0
        while done < nbytes:  # One call reads at most 2 GiB on Linux.
            count = self._file.readinto(view[done:])
            if not count:
                raise NomoatError(
                    "invalid_checkpoint", f"{self.path.name} became shorter while it was read.", file=self.path.name
                )
            done += count
        return buffer

    def close(self) -> None:
        self._file.close()
