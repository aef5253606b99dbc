"""From a TIR kernel to host and device halves, stopping before TVM's own calling convention.

TVM's default pipeline ends in MakePackedAPI, which needs TVM's runtime. Stopping after SplitHostDevice leaves in each
host function the one statement we export: call_ffi_kernel(kernel, buffers, scalars, extents). Our kernels are written
as straight loops over explicit threads, so the block, schedule and cross-thread passes have nothing to do and are
left out; barriers are written in the kernels.
"""

from __future__ import annotations

from typing import Any

import tvm
from tvm import s_tir, tirx


def lower_kernels(functions: dict[str, Any], target: Any) -> tvm.IRModule:
    """Lowers TIR functions for ``target``: for each name a host function and ``<name>_kernel`` on the device."""
    module = tvm.IRModule(functions)
    module = tirx.transform.BindTarget(target)(module)
    s, t = s_tir.transform, tirx.transform
    with target:
        return tvm.ir.transform.Sequential(
            [
                s.LowerOpaqueBlock(),
                t.FlattenBuffer(),
                t.NarrowDataType(32),
                t.StorageRewrite(),
                t.RemoveNoOp(),
                t.AnnotateEntryFunc(),
                t.SplitHostDevice(),
            ]
        )(module)
