"""The weight down to which tokens are kept, found by its bits from histograms in workgroup memory.

A weight in [0, 1] is 31 bits that order like it. A histogram has a bin for each value of the next eleven, or ten, of
them among the weights that share the bits found so far; the bin in which the count (or the sum) of everything from the
top down reaches what is asked for has the next bits. A bin's sum is made of integers: with n weights of mantissas m
(their bits below the bin's) it is n * lowest + unit * sum(m), where m has up to 20 bits and is added in two halves, so
that 2^22 of them fit into 32 bits.
"""

from __future__ import annotations

from typing import Any

from tvm.script.ir_builder import tirx as T

from ..gpu.best_of import GROUP, THREADS
from ..gpu.counters import Counters
from ..gpu.emit import Register, Thread, barrier, bind, f32, store
from ..gpu.operator import Expr

BINS = 1024
COUNTERS = 3 * BINS  # how many, the upper halves of their mantissas, the lower ones
FIRST_SHIFT = 20
BITS = 10
LEVELS = 3
PER_THREAD = BINS // THREADS


class Threshold:
    """``low``: the bits of the least weight that is kept, as far as they are known; the same in every invocation.

    Every method is called by all invocations of the workgroup, except ``count``.
    """

    def __init__(self, counters: Counters, thread: Thread) -> None:
        self.low = Register("uint32", initial=T.uint32(0))
        self._counters, self._thread = counters, thread
        self._kept = Register("uint32", initial=T.uint32(0))  # by the filter before: nothing below it counts
        self._above = Register(initial=f32(0))  # the count, or sum, of the weights above the bin of ``low``
        self._enough = Register(initial=f32(0))
        self._sums = T.alloc_buffer((THREADS,), "float32", scope="shared")  # (THREADS,) of an invocation's bins
        self._groups = T.alloc_buffer((GROUP,), "float32", scope="shared")  # (GROUP,) of GROUP invocations
        self._bin = T.alloc_buffer((1,), "int32", scope="shared")
        self._passed = T.alloc_buffer((1,), "float32", scope="shared")

    def count(self, index: Expr, bits: Expr, counted: Expr) -> None:
        """Adds a weight to bin ``index`` of the first histogram."""
        self._add(index, T.bitwise_and(bits, T.uint32((1 << FIRST_SHIFT) - 1)), counted)

    def keep(self) -> None:
        """Begins the next filter, of what this one keeps."""
        self._kept.set(self.low.get())
        self._above.set(f32(0))

    def refine(self, kept_bits: Any, length: Expr, first: Expr, top_k: Expr, top_p: Expr, counted: Expr) -> None:
        """Levels from ``first`` on, of the list of the weights that may be kept."""
        with T.serial(LEVELS) as level, T.If(level >= first), T.Then():
            for part in range(COUNTERS // THREADS):
                self._counters.clear(bind(part * THREADS + self._thread.index))
            barrier()
            shift = bind(_shift(level))
            prefix = bind(T.shift_right(self.low.get(), shift + T.uint32(BITS)))
            with T.serial(bind(T.shift_right(length + (THREADS - 1), 8))) as step:
                place = bind(step * THREADS + self._thread.index)
                with T.If(place < length), T.Then():
                    bits = bind(kept_bits[place])
                    same = T.Or(level == 0, T.shift_right(bits, shift + T.uint32(BITS)) == prefix)
                    with T.If(T.And(bits >= self._kept.get(), same)), T.Then():
                        index = T.shift_right(bits, shift)
                        # The first one has a bit more, of which the highest is 0.
                        index = T.bitwise_and(index, T.uint32(BINS - 1))
                        mantissa = T.bitwise_and(bits, T.shift_left(T.uint32(1), shift) - T.uint32(1))
                        self._add(T.Cast("int32", index), bind(mantissa), counted)
            barrier()
            self.find(level, top_k, top_p, counted)

    def find(self, level: Expr, top_k: Expr, top_p: Expr, counted: Expr) -> None:
        """Sets the next bits of ``low``; where rounding leaves even all weights short, it stays."""
        thread = self._thread
        shift = bind(_shift(level))
        base = bind(T.Select(level == 0, T.uint32(0), self.low.get()))
        measures = [self._measure(bind(thread.index * PER_THREAD + k), base, shift, counted) for k in range(PER_THREAD)]
        own = measures[0]
        for measure in measures[1:]:
            own = bind(own + measure)
        store(self._sums, own, thread.index)
        with T.If(thread.index == 0), T.Then():
            store(self._bin, T.int32(-1), 0)
        barrier()
        with T.If(thread.index < GROUP), T.Then():
            total = Register(initial=f32(0))
            with T.serial(GROUP) as k:
                total.add(self._sums[thread.index * GROUP + k])
            store(self._groups, total.get(), thread.index)
        barrier()
        above, total = Register(initial=f32(0)), Register(initial=f32(0))
        group = bind(T.shift_right(thread.index, 4))
        with T.serial(GROUP) as k:
            sum_of_group = bind(self._groups[k])
            total.add(sum_of_group)
            with T.If(k > group), T.Then():
                above.add(sum_of_group)
        with T.serial(GROUP) as k:
            other = bind(group * GROUP + k)
            with T.If(other > thread.index), T.Then():
                above.add(self._sums[other])
        with T.If(level == 0), T.Then():
            self._enough.set(T.Select(counted, top_k, total.get() * top_p))
        running = Register(initial=self._above.get() + above.get())
        for k in reversed(range(PER_THREAD)):
            before = bind(running.get())
            running.add(measures[k])
            reached = T.And(before < self._enough.get(), running.get() >= self._enough.get())
            with T.If(reached), T.Then():
                store(self._bin, thread.index * PER_THREAD + k, 0)
                store(self._passed, before, 0)
        barrier()
        found = bind(self._bin[0])
        with T.If(found >= 0), T.Then():
            self.low.set(T.max(base + T.shift_left(T.Cast("uint32", found), shift), self._kept.get()))
            self._above.set(self._passed[0])
        barrier()

    def _add(self, index: Expr, mantissa: Expr, counted: Expr) -> None:
        at = bind(index)
        T.evaluate(self._counters.add(at, T.uint32(1)))
        with T.If(T.Not(counted)), T.Then():
            T.evaluate(self._counters.add(at + BINS, T.shift_right(mantissa, T.uint32(BITS))))
            T.evaluate(self._counters.add(at + 2 * BINS, T.bitwise_and(mantissa, T.uint32(BINS - 1))))

    def _measure(self, index: Expr, base: Expr, shift: Expr, counted: Expr) -> Expr:
        """The count, or the sum, of a bin."""
        count = T.Cast("float32", self._counters.value(index))
        upper = T.Cast("float32", self._counters.value(index + BINS))
        lower = T.Cast("float32", self._counters.value(index + 2 * BINS))
        lowest_bits = bind(base + T.shift_left(T.Cast("uint32", index), shift))
        lowest = T.reinterpret("float32", lowest_bits)
        exponent = T.reinterpret("float32", T.bitwise_and(lowest_bits, T.uint32(0x7F800000)))
        unit = bind(exponent * f32(2.0**-23))
        total = count * lowest + upper * (unit * f32(BINS)) + lower * unit
        return bind(T.Select(counted, count, T.Select(count > f32(0), total, f32(0))))


def _shift(level: Expr) -> Expr:
    """How many bits lie below those of a level."""
    last = T.Select(level == 1, T.uint32(FIRST_SHIFT - BITS), T.uint32(0))
    return T.Select(level == 0, T.uint32(FIRST_SHIFT), last)
