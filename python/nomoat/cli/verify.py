"""``nomoat verify``: is what the browser computes what the checkpoint means?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from nomoat_compiler.errors import NomoatError
from rich.console import Console
from rich.table import Table

from nomoat.browser import Adapter, Device
from nomoat.cli.console import FAILURE_EXIT_CODE, Debug, Json, err, out, print_json, reports_errors
from nomoat.cli.device_options import AdapterOption, DeviceOption, ThreadsOption, refuse_contradictions
from nomoat.verification.compare import DECIDED_MARGIN, Comparison
from nomoat.verification.tolerances import Tolerance

if TYPE_CHECKING:
    from nomoat.verification.encoder import EmbeddingComparison, EncoderVerification
    from nomoat.verification.verify import Verification

PROMPTS = (
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "Count from one to five.",
)


@reports_errors
def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    checkpoint: Annotated[str, typer.Option(metavar="MODEL", help="What the package was compiled from.")],
    prompts: Annotated[Path | None, typer.Option(metavar="FILE", help="One prompt or text per line.")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens to compare per prompt.")] = 16,
    device: DeviceOption = Device.AUTO,
    threads: ThreadsOption = None,
    adapter: AdapterOption = Adapter.AUTO,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Run the package DIR in headless Chromium and compare it with its checkpoint, as transformers reads it.

    Without transformers the checkpoint is read as `compile` reads it. Of an encoder embeddings are compared.

    The exit code is 1 where a figure is out of tolerance.
    """
    refuse_contradictions(device, threads, adapter)
    # Here, because it imports TVM, which takes two seconds that the other commands should not pay.
    from nomoat.verification.verify import verify_package

    texts = PROMPTS if prompts is None else read_prompts(prompts)
    console = err()
    with console.status("Reading the package") as status:
        verification = verify_package(
            folder,
            checkpoint,
            texts,
            max_tokens=tokens,
            device=device,
            threads=threads,
            adapter=adapter,
            on_status=status.update,
        )
    if json_output:
        print_json(verification.to_json())
    else:
        print_verification(out(), verification)
    if not verification.passed:
        raise typer.Exit(FAILURE_EXIT_CODE)


def read_prompts(path: Path) -> list[str]:
    texts = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if not texts:
        raise NomoatError("invalid_request", f"{path} has no prompt; write one per line.")
    return texts


def print_verification(console: Console, verification: Verification | EncoderVerification) -> None:
    subject, columns = figures_by_reference(verification)
    console.print(f"[bold]{verification.id}[/], {verification.device.describe()}, {subject}", soft_wrap=True)
    shares_the_reading = verification.not_read_by_transformers is not None
    if verification.weights_equal_checkpoint and shares_the_reading:
        columns = columns[:1]  # The other reference is the same one.
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("Browser against the")
    for title in ("Package's weights", "Checkpoint's weights")[: len(columns)]:
        table.add_column(title, no_wrap=True)
    for figure in zip(*columns, strict=True):
        table.add_row(figure[0][0], *(value for _, value in figure))
    console.print(table)
    if verification.weights_equal_checkpoint:
        console.print("The package's weights equal the checkpoint's, value for value.", style="dim")
    console.print(f"The checkpoint was read by {verification.checkpoint_read_by}.", style="dim")
    if shares_the_reading:
        console.print(
            f"A misreading that package and reference share would not show: {verification.not_read_by_transformers}.",
            style="yellow",
        )
    print_decided(console, verification)
    for failure in verification.failures:
        console.print(f"failed: {failure}", style="red")
    if verification.passed:
        console.print("passed", style="green")


def figures_by_reference(
    verification: Verification | EncoderVerification,
) -> tuple[str, list[list[tuple[str, str]]]]:
    """(what was run, the figures against the package's weights and against the checkpoint's)"""
    from nomoat.verification.encoder import EncoderVerification

    if isinstance(verification, EncoderVerification):
        return f"{verification.texts} texts", [
            figures_of_texts(verification.execution, verification.execution_min_cosine),
            figures_of_texts(verification.quantization, verification.quantization_min_cosine),
        ]
    return f"{verification.prompts} prompts", [
        figures_of(verification.execution, verification.execution_tolerance),
        figures_of(verification.quantization, verification.quantization_tolerance),
    ]


def print_decided(console: Console, verification: Verification | EncoderVerification) -> None:
    """Nothing of an encoder, which decides nothing."""
    from nomoat.verification.encoder import EncoderVerification

    if isinstance(verification, EncoderVerification):
        return
    console.print(
        f"{verification.sampled_agreed} of {verification.sampled} sampled tokens are the argmax of their logits. A "
        f"position is decided where the reference's margin exceeds {DECIDED_MARGIN}.",
        style="dim",
    )


def figures_of_texts(figures: EmbeddingComparison, least: float) -> list[tuple[str, str]]:
    return [
        ("Least cosine", f"{figures.min_cosine:.7f} ≥ {least:g}"),
        ("Max error, of its length", f"{figures.max_error:.2g}"),
    ]


def figures_of(figures: Comparison, limits: Tolerance) -> list[tuple[str, str]]:
    """(name, figure), with the limit that the figure is judged by, where it is."""

    def limited(value: str, sign: str, limit: float | None) -> str:
        return value if limit is None else f"{value} {sign} {limit:g}"

    return [
        ("Max logit error", limited(f"{figures.max_logit_error:.2g}", "≤", limits.max_logit_error)),
        ("Correlation of logits", limited(f"{figures.logit_correlation:.6f}", "≥", limits.min_logit_correlation)),
        ("Mean KL, nats", limited(f"{figures.mean_kl:.2g}", "≤", limits.max_mean_kl)),
        ("Same best token", limited(f"{figures.top1_agreement:.3f}", "≥", limits.min_top1_agreement)),
        ("Where decided", f"{figures.greedy_agreed} of {figures.decided_positions}"),
    ]
