"""``nomoat verify``: is what the browser computes what the checkpoint means?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from nomoat_compiler.errors import NomoatError

if TYPE_CHECKING:
    from nomoat.verification.verify import Verification
from rich.console import Console
from rich.table import Table

from nomoat.browser.chromium import Adapter
from nomoat.cli.console import FAILURE_EXIT_CODE, Debug, Json, err, out, print_json, reports_errors
from nomoat.verification.compare import DECIDED_MARGIN, Comparison
from nomoat.verification.tolerances import MAX_LOGIT_ERROR, MAX_MEAN_KL, MAX_MEAN_KL_OF_EXECUTION

PROMPTS = (
    "What is the capital of France?",
    "Write one sentence about the sea.",
    "Count from one to five.",
)


@reports_errors
def verify_command(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A compiled package.")],
    checkpoint: Annotated[str, typer.Option(metavar="MODEL", help="What the package was compiled from.")],
    prompts: Annotated[Path | None, typer.Option(metavar="FILE", help="One prompt per line.")] = None,
    tokens: Annotated[int, typer.Option(min=1, help="Tokens to compare per prompt.")] = 16,
    adapter: Annotated[Adapter, typer.Option(help="WebGPU adapter of the browser.")] = Adapter.AUTO,
    json_output: Json = False,
    debug: Debug = False,
) -> None:
    """Run the package DIR in headless Chromium and compare it with the NumPy reference of its checkpoint.

    The exit code is 1 where a figure is out of tolerance.
    """
    # Here, because it imports TVM, which takes two seconds that the other commands should not pay.
    from nomoat.verification.verify import verify_package

    texts = PROMPTS if prompts is None else read_prompts(prompts)
    console = err()
    with console.status("Reading the package") as status:
        verification = verify_package(
            folder, checkpoint, texts, max_tokens=tokens, adapter=adapter, on_status=status.update
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


def print_verification(console: Console, verification: Verification) -> None:
    title = f"{verification.id} on {verification.adapter}, {verification.prompts} prompts"
    table = Table(title=title, box=None, padding=(0, 2, 0, 0), header_style="dim", title_justify="left")
    table.add_column("Browser against")
    for column in ("Max logit error", "Mean KL", "Greedy agreement"):
        table.add_column(column, justify="right")
    limit = MAX_MEAN_KL[verification.quantization_name]
    table.add_row(*row("the package's weights", verification.execution, MAX_LOGIT_ERROR, MAX_MEAN_KL_OF_EXECUTION))
    if not verification.weights_equal_checkpoint:
        table.add_row(*row("the checkpoint's weights", verification.quantization, None, limit))
    console.print(table)
    if verification.weights_equal_checkpoint:
        console.print("The package's weights equal the checkpoint's, value for value.", style="dim")
    console.print(
        f"{verification.sampled_agreed} of {verification.sampled} sampled tokens are the argmax of their logits. "
        f"Greedy agreement counts positions where the reference's margin exceeds {DECIDED_MARGIN}.",
        style="dim",
    )
    for failure in verification.failures:
        console.print(f"failed: {failure}", style="red")
    if verification.passed:
        console.print("passed", style="green")


def row(against: str, figures: Comparison, max_error: float | None, max_kl: float) -> tuple[str, str, str, str]:
    error_limit = "" if max_error is None else f" ≤ {max_error:g}"
    return (
        against,
        f"{figures.max_logit_error:.2g}{error_limit}",
        f"{figures.mean_kl:.2g} ≤ {max_kl:g}",
        f"{figures.greedy_agreed} of {figures.decided_positions}",
    )
