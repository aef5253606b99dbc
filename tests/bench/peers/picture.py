"""What the pictures of reports have in common: a style, and the two files that a figure becomes.

They are drawn by scripts in the benchmark's virtual environment, which has matplotlib.
"""

from pathlib import Path
from typing import Any

import matplotlib  # type: ignore[import-not-found]

matplotlib.use("svg")
import matplotlib.pyplot as plt  # type: ignore[import-not-found]

# The same report gives the same bytes: no salt by chance, and no date in the file.
plt.rcParams |= {"svg.fonttype": "none", "svg.hashsalt": "nomoat", "font.family": "sans-serif", "font.size": 9}


def save(figure: Any, target: Path) -> None:
    """``target`` has no suffix, and may have dots: it becomes an SVG and a PNG."""
    for suffix, options in ((".svg", {"metadata": {"Date": None}}), (".png", {"dpi": 130})):
        figure.savefig(target.parent / f"{target.name}{suffix}", **options)
