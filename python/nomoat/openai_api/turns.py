"""How many requests compute and how many wait; who comes later is told when to try again."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from nomoat.openai_api.errors import HttpError

# How much the newest duration counts in the estimate of the next.
NEWEST = 0.3


class Turns:
    """At most ``running`` requests at once and ``waiting`` behind them, in the order in which they came."""

    def __init__(self, running: int, waiting: int) -> None:
        self._slots = asyncio.Semaphore(running)
        self._running = running
        self._most = running + waiting
        self._inside = 0
        self._typical_s = 1.0

    @property
    def inside(self) -> int:
        """Requests that run or wait."""
        return self._inside

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Waits for a slot. Raises ``HttpError`` 429 where too many wait."""
        if self._inside >= self._most:
            retry_s = max(1, math.ceil(self._typical_s * (self._inside - self._running + 1) / self._running))
            raise HttpError(
                429,
                "rate_limit_error",
                "rate_limit_exceeded",
                f"{self._inside} requests run or wait, which is all that this server takes. Try again in {retry_s} s.",
                {"Retry-After": str(retry_s)},
            )
        self._inside += 1
        try:
            async with self._slots:
                start = time.monotonic()
                try:
                    yield
                finally:
                    self._typical_s += NEWEST * (time.monotonic() - start - self._typical_s)
        finally:
            self._inside -= 1
