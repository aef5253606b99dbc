"""Where a checkpoint has the model: transformers' classes agree on names but for what stands before them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Names:
    """A checkpoint's names: ``prefix`` in place of ``model.``, as models within models have it."""

    prefix: str

    def __call__(self, name: str) -> str:
        return self.prefix + name.removeprefix("model.") if name.startswith("model.") else name


AS_IS = Names("model.")
