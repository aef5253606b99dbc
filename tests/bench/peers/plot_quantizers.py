"""The picture of quantizers.json: KL against bits per weight. Runs in the benchmark's virtual environment.

python plot_quantizers.py REPORT.json PICTURE_WITHOUT_SUFFIX
"""

import json
import sys
from pathlib import Path

from picture import plt, save

OURS, THEIRS = "#c2410c", "#475569"


def main(source: Path, target: Path) -> None:
    models = json.loads(source.read_text())["models"]
    figure, axes = plt.subplots(1, len(models), figsize=(5.5 * len(models), 4.2), layout="constrained", squeeze=False)
    for axis, model in zip(axes.flat, models.values(), strict=True):
        for label, row in model["rows"].items():
            ours = label.startswith("q4")
            weighed = label.endswith("with imatrix")
            axis.errorbar(
                row["bits"], row["kl"], yerr=row["kl_error"], color=OURS if ours else THEIRS, lw=0.8,
                marker="s" if ours else "o", markersize=6, markerfacecolor="white" if weighed else None,
            )  # fmt: skip
            if not ours:
                name = label.removesuffix(" with imatrix")
                axis.annotate("" if weighed else name, (row["bits"], row["kl"]), (6, 5), textcoords="offset points")
        for weighed in (False, True):
            rows = [r for label, r in model["rows"].items() if label.startswith("q4")]
            labels = [label for label in model["rows"] if label.startswith("q4")]
            chosen = [r for label, r in zip(labels, rows, strict=True) if label.endswith("with imatrix") == weighed]
            chosen.sort(key=lambda r: r["bits"])
            name = "our q4" + (" with imatrix" if weighed else "")
            axis.plot(*zip(*((r["bits"], r["kl"]) for r in chosen), strict=True), color=OURS, lw=1,
                      ls="--" if weighed else "-", label=name)  # fmt: skip
        axis.margins(x=0.25, y=0.1)
        axis.set(yscale="log", xlabel="bits per weight of the matrices", ylabel="KL in nats, less is better")
        axis.set_title(model["label"], loc="left", fontsize=10)
        axis.legend(frameon=False)
    save(figure, target)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
