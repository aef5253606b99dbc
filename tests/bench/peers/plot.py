"""The picture of a side-by-side report, as SVG and PNG. Runs in the benchmark's virtual environment.

python plot.py REPORT.json PICTURE_WITHOUT_SUFFIX
"""

import json
import sys
from pathlib import Path
from typing import Any

from picture import plt, save

PANELS = [
    ("decode_tok_per_s", "Decode, tokens per second"),
    ("long_decode_tok_per_s", "Decode after {long_context_tokens:,} tokens, tokens per second"),
    ("prefill_tok_per_s", "Prefill of {prefill_tokens} tokens, tokens per second"),
    ("first_token_ms", "First token of a {facts_tokens}-token prompt, ms (less is better)"),
]
OURS, THEIRS = ("#c2410c", "#fdba74"), ("#475569", "#cbd5e1")


def main(source: Path, target: Path) -> None:
    report = json.loads(source.read_text())
    threads = sorted(report["threads"], reverse=True)
    figure, axes = plt.subplots(2, 2, figsize=(11, 1.6 + 0.85 * len(report["engines"])), layout="constrained")
    for axis, (metric, title) in zip(axes.flat, PANELS, strict=True):
        panel(axis, report, threads, metric)
        axis.set_title(title.format(**report["settings"]), loc="left", fontsize=10)
    machine = report["machine"]
    figure.suptitle(
        f"{report['model']} without a GPU: {machine['processor']}, {machine['cores']} cores, {machine['browser']}\n"
        f"median and min–max of {report['settings']['rounds']} interleaved rounds; dark: {threads[0]} threads"
        + (f", light: {threads[-1]} thread" if len(threads) > 1 else "")
        + "; dotted: what streaming reads allow",
        fontsize=11,
    )
    save(figure, target)


def panel(axis: Any, report: dict[str, Any], threads: list[int], metric: str) -> None:
    engines = report["engines"]
    height = 0.8 / len(threads)
    for row, (name, engine) in enumerate(engines.items()):
        for i, count in enumerate(threads):
            run = engine["runs"].get(str(count), {})
            spread = run.get("summary", {}).get(metric)
            y = row + (i - (len(threads) - 1) / 2) * height
            if spread is None:
                axis.text(0, y, " not measured", va="center", color="#94a3b8", fontsize=7)
                continue
            color = (OURS if name == "nomoat" else THEIRS)[min(i, 1)]
            median = spread["median"]
            error = [[median - spread["min"]], [spread["max"] - median]]
            axis.barh(y, median, height, color=color, xerr=error, error_kw={"lw": 0.8, "ecolor": "#0f172a"})
            axis.text(
                spread["max"], y, f"  {median:,.0f}" if median >= 20 else f"  {median:.1f}", va="center", fontsize=8
            )
            roofline = run.get("roofline_tok_per_s")
            if roofline and metric == "decode_tok_per_s":
                axis.plot([roofline] * 2, [y - height / 2, y + height / 2], color="#0f172a", lw=1.2, ls=":")
    axis.set_yticks(range(len(engines)), [engine["label"] for engine in engines.values()])
    axis.invert_yaxis()
    axis.margins(x=0.12)
    axis.spines[["top", "right"]].set_visible(False)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
