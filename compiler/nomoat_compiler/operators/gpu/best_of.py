"""The best of what a workgroup's invocations have found: the largest uint32 key, of equal ones the lowest index."""

from __future__ import annotations

from tvm.script.ir_builder import tirx as T

from .emit import Register, Thread, barrier, bind, store
from .operator import Expr

THREADS = 256
GROUP = 16  # of threads, which one thread joins; GROUP * GROUP == THREADS


class Best:
    """``consider`` each candidate, then ``join`` once; afterwards thread 0 has the best of the workgroup."""

    def __init__(self) -> None:
        self.key = Register("uint32")
        self.index = Register("int32")
        self.reset()
        self._keys = T.alloc_buffer((THREADS,), "uint32", scope="shared")  # (THREADS,) of each invocation
        self._indices = T.alloc_buffer((THREADS,), "int32", scope="shared")  # (THREADS,)

    def reset(self) -> None:
        self.key.set(T.uint32(0))
        self.index.set(T.int32(0x7FFFFFFF))

    def consider(self, key: Expr, index: Expr) -> None:
        larger = key > self.key.get()
        tie = T.And(key == self.key.get(), index < self.index.get())
        with T.If(T.Or(larger, tie)), T.Then():
            self.key.set(key)
            self.index.set(index)

    def join(self, thread: Thread) -> None:
        """Every invocation of the workgroup must come here. Two steps of GROUP, each by fewer invocations."""
        for members in (GROUP, 1):
            store(self._keys, self.key.get(), thread.index)
            store(self._indices, self.index.get(), thread.index)
            barrier()
            # In the first step thread t joins t, t + 16, t + 32 ...; in the second thread 0 joins 0 to 15.
            with T.If(thread.index < members), T.Then(), T.serial(GROUP) as other:
                at = bind(thread.index + other * members)
                self.consider(bind(self._keys[at]), bind(self._indices[at]))
            barrier()
