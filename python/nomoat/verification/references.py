"""What a package is measured against, its own weights and the checkpoint's, and what each verification says of both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any, Generic, TypeVar

from nomoat_compiler.program.package import Package

from nomoat.browser import DeviceInfo
from nomoat.verification.transformers_oracle import NotRead
from nomoat.verification.weights import Tensors, equal_weights, package_tensors

Values = TypeVar("Values")


@dataclass(frozen=True)
class References(Generic[Values]):
    """``own``: by the package's weights, ``theirs``: by the checkpoint's, as ``read_by`` has them. ``not_read`` says
    why that was not transformers."""

    own: Values
    theirs: Values
    weights_equal: bool
    read_by: str
    not_read: str | None


def compute_references(
    package: Package,
    checkpoint: Tensors,
    compute: Callable[[Tensors], Values],
    by_transformers: Callable[[], tuple[str, Values]],
    on_status: Callable[[str], None],
) -> References[Values]:
    """``compute`` is ours in float32; ``by_transformers`` gives (what computed them, values) or raises ``NotRead``."""
    own_tensors = package_tensors(package)
    on_status("Reference on the package's weights")
    own = compute(own_tensors)
    on_status("Reference on the checkpoint's weights")
    is_equal = equal_weights(package, own_tensors, checkpoint)
    try:
        read_by, theirs = by_transformers()
    except NotRead as error:
        return References(own, own if is_equal else compute(checkpoint), is_equal, "nomoat", str(error))
    return References(own, theirs, is_equal, read_by, None)


@dataclass(frozen=True)
class Verified(ABC):
    """A subclass has ``execution``, figures against the package's own weights, and ``quantization``, against the
    checkpoint's.

    ``checkpoint_read_by`` is what computed the latter; ``not_read_by_transformers`` says why it was not transformers.
    """

    id: str
    quantization_name: str
    device: DeviceInfo
    weights_equal_checkpoint: bool
    checkpoint_read_by: str
    not_read_by_transformers: str | None

    @property
    @abstractmethod
    def limits(self) -> dict[str, Any]:
        """What ``execution`` and ``quantization`` are judged by."""

    @property
    @abstractmethod
    def failures(self) -> list[str]:
        """What is out of tolerance, a sentence each."""

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        device = {"device": self.device.device, "adapter": self.device.adapter, "threads": self.device.threads}
        return asdict(self) | device | {"failures": self.failures, "tolerances": self.limits, "passed": self.passed}
