"""How much an error in each column of a matrix matters: from an importance matrix, by the names of the checkpoint.

The error of a product is the sum of (error of a weight * its input)**2 in the mean, so a column counts as the mean
square of its input. A column that was never used still counts a little, or its weights could become anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from ..checkpoint.gguf_architectures import ARCHITECTURES, GgufArchitecture
from ..checkpoint.gguf_tensors import huggingface_name
from ..errors import NomoatError
from ..program.tensor_spec import TensorSpec

Float32 = npt.NDArray[np.float32]
# Share of the mean that every column has at least.
LEAST = 1e-4
NAMED = 3  # in an error


def importance_by_source(entries: Mapping[str, Float32], specs: Sequence[TensorSpec]) -> dict[str, Float32]:
    """Source of a matrix -> importance [columns], 1 in the mean. ``entries``: of read_imatrix.

    Tables of embeddings and heads may be missing, as llama.cpp leaves them out. ``invalid_request`` where a matrix of a
    layer is missing, has another number of columns, or the entries are those of another model.
    """
    matrices = {source.name: spec for spec in specs if len(spec.shape) == 2 for source in spec.sources}
    named = _names(entries, matrices)
    needed = [name for name, spec in matrices.items() if spec.kind == "linear"]
    missing = [name for name in needed if name not in named]
    if missing:
        raise _another_model(f"has nothing for {len(missing)} of {len(needed)} matrices", missing)
    foreign = [entry for entry in entries if entry not in named.values()]
    if foreign:
        raise _another_model(f"has {len(foreign)} entries that this model has no matrix for", foreign)
    found = {}
    for name, entry in named.items():
        values, columns = entries[entry], matrices[name].shape[1]
        if values.size != columns:
            raise _another_model(f"has {values.size} values for {entry}, whose matrix has {columns} columns", [name])
        found[name] = _weighed(values)
    return found


def _names(entries: Mapping[str, Float32], matrices: Mapping[str, TensorSpec]) -> dict[str, str]:
    """Source -> entry, as the architecture of llama.cpp calls it that knows the most of them."""

    def named(architecture: GgufArchitecture) -> dict[str, str]:
        pairs = ((huggingface_name(entry, architecture), entry) for entry in entries)
        return {name: entry for name, entry in pairs if name is not None and name in matrices}

    return max(map(named, ARCHITECTURES.values()), key=len)


def _weighed(values: Float32) -> Float32:
    mean = values.mean(dtype=np.float64)
    if mean == 0:
        return np.ones_like(values)
    return np.maximum(values / mean, LEAST).astype(np.float32)


def _another_model(problem: str, names: Sequence[str]) -> NomoatError:
    shown = ", ".join(names[:NAMED]) + (", …" if len(names) > NAMED else "")
    return NomoatError(
        "invalid_request",
        f"The importance matrix {problem} ({shown}): it was made for another model. Make it with llama-imatrix from a "
        "GGUF file of this checkpoint.",
        tensor=names[0][:120],
    )
