"""Runs prompts through a package in the browser and through the reference, and says whether they agree.

Each prompt is answered greedily by the package; both sides then give logits along prompt and answer. So the decode
loop, the prefill and the sampler of the package are what is measured, and one reference pass per prompt is enough.
An encoder embeds the prompts instead (encoder.py).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nomoat_compiler.assembly import tensor_specs
from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.interpreter.interpreter import Interpreter
from nomoat_compiler.models.model import Model
from nomoat_compiler.models.registry import read_model
from nomoat_compiler.program.instance import Instance
from nomoat_compiler.program.package import Package, read_package
from nomoat_compiler.quantize.sources import StoredIn

from nomoat.browser import Adapter, BrowserModel, Device, DeviceInfo, open_model
from nomoat.verification.compare import Comparison, Logits, compare
from nomoat.verification.encoder import EncoderVerification, verify_encoder
from nomoat.verification.references import Verified, compute_references
from nomoat.verification.tolerances import Tolerance, execution_tolerance, quantization_tolerance
from nomoat.verification.transformers_oracle import transformers_logits
from nomoat.verification.weights import Tensors, checkpoint_tensors

# repetitionPenalty 1: a package's generation_config may ask for another one, which is no longer greedy.
GREEDY = {"temperature": 0, "repetitionPenalty": 1}


@dataclass(frozen=True)
class Verification(Verified):
    prompts: int
    sampled_agreed: int  # tokens sampled on the device that are the argmax of the logits read back
    sampled: int
    execution: Comparison
    quantization: Comparison

    @property
    def execution_tolerance(self) -> Tolerance:
        return execution_tolerance(self.device.device, self.quantization_name)

    @property
    def quantization_tolerance(self) -> Tolerance:
        return quantization_tolerance(self.device.device, self.quantization_name)

    @property
    def limits(self) -> dict[str, Any]:
        return {"execution": asdict(self.execution_tolerance), "quantization": asdict(self.quantization_tolerance)}

    @property
    def failures(self) -> list[str]:
        return [
            *misses("the package's own weights", self.execution, self.execution_tolerance),
            *misses("the checkpoint", self.quantization, self.quantization_tolerance),
        ]


@dataclass(frozen=True)
class Answered:
    """One prompt's token ids, the answer's, and the package's logits at the positions that chose the answer."""

    device: DeviceInfo
    prompt_ids: list[int]
    generated_ids: list[int]
    logits: Logits  # (len(generated_ids), vocab_size)


def verify_package(
    folder: Path,
    checkpoint_path: str,
    prompts: Sequence[str],
    *,
    max_tokens: int,
    device: Device = Device.AUTO,
    threads: int | None = None,
    adapter: Adapter = Adapter.AUTO,
    on_status: Callable[[str], None] = lambda _status: None,
) -> Verification | EncoderVerification:
    """Raises ``NomoatError``: those of the package, the checkpoint and the browser, and ``invalid_request`` where the
    package has no weights or is not a compilation of the checkpoint."""
    package = read_package(folder, verify_hashes=True)
    if package.weights_index is None:
        raise NomoatError("invalid_request", f"{package.manifest['id']} is a program without weights: nothing can run.")
    with closing(open_checkpoint(checkpoint_path)) as checkpoint:
        described = read_model(checkpoint.config, StoredIn(checkpoint))
        check_same_model(package, described)
        on_status("Starting the browser")
        with open_model(
            folder, device=device, threads=threads, adapter=adapter, on_progress=load_status(on_status)
        ) as model:
            if described.whole_texts:
                token_ids = [whole_text(model, prompt) for prompt in prompts]
                embedded = model.embed(prompts)
            else:
                answers = [answer(model, prompt, max_tokens, on_status) for prompt in prompts]
        tensors = checkpoint_tensors(checkpoint, tensor_specs(described))
        if described.whole_texts:
            return verify_encoder(package, described, checkpoint_path, prompts, token_ids, embedded, tensors, on_status)
        sequences = [([*a.prompt_ids, *a.generated_ids[:-1]], len(a.prompt_ids) - 1) for a in answers]
        references = compute_references(
            package, tensors,
            lambda weights: [reference_logits(package.instance, weights, a) for a in answers],
            lambda: transformers_logits(checkpoint_path, package.manifest["parameter_count"], sequences),
            on_status,
        )  # fmt: skip
    measured = [a.logits for a in answers]
    sampled_agreed = sum(int((a.logits.argmax(axis=-1) == a.generated_ids).sum()) for a in answers)
    return Verification(
        id=package.manifest["id"],
        quantization_name=package.manifest["quantization"],
        device=one_device(answers),
        prompts=len(prompts),
        weights_equal_checkpoint=references.weights_equal,
        checkpoint_read_by=references.read_by,
        not_read_by_transformers=references.not_read,
        sampled_agreed=sampled_agreed,
        sampled=sum(len(a.generated_ids) for a in answers),
        execution=compare(references.own, measured),
        quantization=compare(references.theirs, measured),
    )


def check_same_model(package: Package, model: Model) -> None:
    compiled = package.program["model"] | package.program["layers"]
    given = model.config | model.layers
    different = sorted(name for name in given if compiled.get(name) != given[name])
    if different:
        name = different[0]
        raise NomoatError(
            "invalid_request",
            f"The package was not compiled from this checkpoint: {name} is {compiled.get(name)} in the package and "
            f"{given[name]} in the checkpoint.",
        )


def whole_text(model: BrowserModel, text: str) -> list[int]:
    """The token ids of a text that is not cut, so that every reference reads the same."""
    token_ids, limit = model.tokenize(text), model.info["contextLength"]
    if len(token_ids) > limit:
        message = f"The text {text[:40]!r} has {len(token_ids)} tokens and the model reads {limit}: use a shorter one."
        raise NomoatError("invalid_request", message)
    return token_ids


def answer(model: BrowserModel, prompt: str, max_tokens: int, on_status: Callable[[str], None]) -> Answered:
    on_status(f"Generating from {prompt[:40]!r}")
    generated = model.generate(prompt, {**GREEDY, "maxTokens": max_tokens})
    if not generated.generated_ids:
        raise NomoatError("invalid_request", f"The prompt {prompt[:40]!r} has an empty answer: use another prompt.")
    on_status(f"Reading logits along {prompt[:40]!r}")
    token_ids = [*generated.prompt_ids, *generated.generated_ids[:-1]]
    logits = model.logits(token_ids, first_position=len(generated.prompt_ids) - 1)
    return Answered(generated.device, generated.prompt_ids, generated.generated_ids, logits)


def one_device(answers: Sequence[Answered]) -> DeviceInfo:
    """What all answers ran on: each device has its own tolerances."""
    first = answers[0].device
    moved = next((a.device for a in answers if a.device.device != first.device), None)
    if moved is not None:
        raise NomoatError(
            "device_lost", f"The model moved from {first.describe()} to {moved.describe()}: verify again."
        )
    return first


def reference_logits(instance: Instance, tensors: Tensors, answered: Answered) -> Logits:
    token_ids = [*answered.prompt_ids, *answered.generated_ids[:-1]]
    return Interpreter(instance, tensors, np.float32).decode(token_ids)[len(answered.prompt_ids) - 1 :]


def misses(against: str, figures: Comparison, limits: Tolerance) -> list[str]:
    """The figures that miss their limits. Written as `not within`, because NaN fails too."""
    found = []
    if limits.max_logit_error is not None and not figures.max_logit_error <= limits.max_logit_error:
        found.append(f"max logit error to {against} {figures.max_logit_error:.3g} is above {limits.max_logit_error:g}")
    if not figures.mean_kl <= limits.max_mean_kl:
        found.append(f"mean KL to {against} {figures.mean_kl:.3g} is above {limits.max_mean_kl:g}")
    minimum = limits.min_logit_correlation
    if minimum is not None and not figures.logit_correlation >= minimum:
        found.append(f"correlation with the logits of {against} {figures.logit_correlation:.6f} is below {minimum:g}")
    minimum = limits.min_top1_agreement
    if minimum is not None and not figures.top1_agreement >= minimum:
        found.append(f"share of best tokens equal to {against} {figures.top1_agreement:.3f} is below {minimum:g}")
    if limits.decided_tokens_equal and figures.greedy_agreed < figures.decided_positions:
        missed = figures.decided_positions - figures.greedy_agreed
        found.append(f"{missed} of {figures.decided_positions} decided tokens differ from {against}")
    return found


def load_status(on_status: Callable[[str], None]) -> Callable[[str, int, int], None]:
    return lambda phase, loaded, total: on_status(f"Loading: {phase} {100 * loaded // max(total, 1)} %")
