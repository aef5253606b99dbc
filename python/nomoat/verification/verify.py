"""Runs prompts through a package in the browser and through the reference, and says whether they agree.

Each prompt is answered greedily by the package; both sides then give logits along prompt and answer. So the decode
loop, the prefill and the sampler of the package are what is measured, and one reference pass per prompt is enough.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nomoat_compiler.checkpoint.open import open_checkpoint
from nomoat_compiler.errors import NomoatError
from nomoat_compiler.models.config import LlamaConfig
from nomoat_compiler.program.package import Package, read_package
from nomoat_compiler.reference.llama import LlamaReference

from nomoat.browser import Adapter, BrowserModel, open_model
from nomoat.verification.compare import Comparison, Logits, compare
from nomoat.verification.tolerances import MAX_LOGIT_ERROR, MAX_MEAN_KL, MAX_MEAN_KL_OF_EXECUTION
from nomoat.verification.weights import Tensors, checkpoint_tensors, equal_weights, package_tensors

# repetitionPenalty 1: a package's generation_config may ask for another one, which is no longer greedy.
GREEDY = {"temperature": 0, "repetitionPenalty": 1}


@dataclass(frozen=True)
class Verification:
    """``execution``: against the package's own weights. ``quantization``: against the checkpoint's."""

    id: str
    quantization_name: str
    adapter: str
    prompts: int
    weights_equal_checkpoint: bool
    sampled_agreed: int  # tokens sampled on the GPU that are the argmax of the logits read back
    sampled: int
    execution: Comparison
    quantization: Comparison
    failures: list[str]

    @property
    def passed(self) -> bool:
        return not self.failures

    def to_json(self) -> dict[str, Any]:
        limits = {
            "max_logit_error": MAX_LOGIT_ERROR,
            "max_mean_kl_of_execution": MAX_MEAN_KL_OF_EXECUTION,
            "max_mean_kl_of_quantization": MAX_MEAN_KL[self.quantization_name],
        }
        return asdict(self) | {"tolerances": limits, "passed": self.passed}


@dataclass(frozen=True)
class Answered:
    """One prompt's token ids, the answer's, and the package's logits at the positions that chose the answer."""

    prompt_ids: list[int]
    generated_ids: list[int]
    logits: Logits  # (len(generated_ids), vocab_size)


def verify_package(
    folder: Path,
    checkpoint_path: str,
    prompts: Sequence[str],
    *,
    max_tokens: int,
    adapter: Adapter = Adapter.AUTO,
    on_status: Callable[[str], None] = lambda _status: None,
) -> Verification:
    """Raises ``NomoatError``: those of the package, the checkpoint and the browser, and ``invalid_request`` where the
    package has no weights or is not a compilation of the checkpoint."""
    package = read_package(folder, verify_hashes=True)
    if package.weights_index is None:
        raise NomoatError("invalid_request", f"{package.manifest['id']} is a program without weights: nothing can run.")
    with closing(open_checkpoint(checkpoint_path)) as checkpoint:
        config = LlamaConfig.from_huggingface(dict(checkpoint.config))
        check_same_model(package, config)
        on_status("Starting the browser")
        with open_model(folder, adapter=adapter, on_progress=load_status(on_status)) as model:
            answers = [answer(model, prompt, max_tokens, on_status) for prompt in prompts]
            adapter_name = model.adapter
        on_status("Reference on the package's weights")
        own = package_tensors(package, config)
        theirs = checkpoint_tensors(checkpoint)
        measured = [a.logits for a in answers]
        own_logits = [reference_logits(config, own, a) for a in answers]
        on_status("Reference on the checkpoint's weights")
        is_equal = equal_weights(config, own, theirs)
        their_logits = own_logits if is_equal else [reference_logits(config, theirs, a) for a in answers]
    execution, quantization = compare(own_logits, measured), compare(their_logits, measured)
    sampled_agreed = sum(int((a.logits.argmax(axis=-1) == a.generated_ids).sum()) for a in answers)
    quantization_name = package.manifest["quantization"]
    return Verification(
        id=package.manifest["id"],
        quantization_name=quantization_name,
        adapter=adapter_name,
        prompts=len(prompts),
        weights_equal_checkpoint=is_equal,
        sampled_agreed=sampled_agreed,
        sampled=sum(len(a.generated_ids) for a in answers),
        execution=execution,
        quantization=quantization,
        failures=failures(execution, quantization, quantization_name),
    )


def check_same_model(package: Package, config: LlamaConfig) -> None:
    compiled, given = package.program["model"], config.to_json()
    different = sorted(name for name in given if compiled.get(name) != given[name])
    if different:
        name = different[0]
        raise NomoatError(
            "invalid_request",
            f"The package was not compiled from this checkpoint: {name} is {compiled.get(name)} in the package and "
            f"{given[name]} in the checkpoint.",
        )


def answer(model: BrowserModel, prompt: str, max_tokens: int, on_status: Callable[[str], None]) -> Answered:
    on_status(f"Generating from {prompt[:40]!r}")
    generated = model.generate(prompt, {**GREEDY, "maxTokens": max_tokens})
    if not generated.generated_ids:
        raise NomoatError("invalid_request", f"The prompt {prompt[:40]!r} has an empty answer: use another prompt.")
    on_status(f"Reading logits along {prompt[:40]!r}")
    token_ids = [*generated.prompt_ids, *generated.generated_ids[:-1]]
    logits = model.logits(token_ids, first_position=len(generated.prompt_ids) - 1)
    return Answered(generated.prompt_ids, generated.generated_ids, logits)


def reference_logits(config: LlamaConfig, tensors: Tensors, answered: Answered) -> Logits:
    reference = LlamaReference(config.to_json(), tensors)
    token_ids = [*answered.prompt_ids, *answered.generated_ids[:-1]]
    return reference.logits(token_ids)[len(answered.prompt_ids) - 1 :]


def failures(execution: Comparison, quantization: Comparison, quantization_name: str) -> list[str]:
    found = []
    if not execution.max_logit_error <= MAX_LOGIT_ERROR:  # not: NaN fails too
        found.append(f"max logit error {execution.max_logit_error:.3g} is above {MAX_LOGIT_ERROR:g}")
    if not execution.mean_kl <= MAX_MEAN_KL_OF_EXECUTION:
        found.append(
            f"mean KL to the package's own weights {execution.mean_kl:.3g} is above {MAX_MEAN_KL_OF_EXECUTION:g}"
        )
    if execution.greedy_agreed < execution.decided_positions:
        missed = execution.decided_positions - execution.greedy_agreed
        found.append(f"{missed} of {execution.decided_positions} decided tokens differ from the reference")
    limit = MAX_MEAN_KL[quantization_name]
    if not quantization.mean_kl <= limit:
        found.append(f"mean KL to the checkpoint {quantization.mean_kl:.3g} is above {limit:g} for {quantization_name}")
    return found


def load_status(on_status: Callable[[str], None]) -> Callable[[str, int, int], None]:
    return lambda phase, loaded, total: on_status(f"Loading: {phase} {100 * loaded // max(total, 1)} %")
