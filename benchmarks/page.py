"""docs/speed.md and its picture, from benchmarks/page.md and results/reference/benchmarks/*.csv.

    python benchmarks/page.py

Measures nothing; a test keeps the page as the files are.
"""

import operator
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from taet.report.style import COLUMN, colors, house_style, settle, to_bytes
from taet.study.plan.stages import STAGES

ROOT = Path(__file__).parents[1]
TEMPLATE = Path(__file__).with_suffix(".md")
FOLDER = ROOT / "results" / "reference" / "benchmarks"
PAGE, PICTURE = ROOT / "docs" / "speed.md", ROOT / "docs" / "images" / "scaling.png"

# Least ratio asked for, by a pattern for the row's name and unit.
FLOORS = {
    r": fp32 against": 1.25,
    r": attack_bf16 against": 2.0,
    r": bf16 against": 2.2,
    r"PGD-100 at 55% robust: speed": 1.9,
    r"PGD-100 at 30% robust: speed": 3.0,
    r"APGD-CE at \d+% robust: speed": 2.0,
    r"ours against plain": 1.3,
}

# Most asked for, likewise.
CEILINGS = {
    r"^float32: gradient of an image": 1e-5,
    r"^PGD-AT, 100 epochs": 210.0,
    r"^AutoAttack standard, 10,000 images": 240.0,
    r"^the paper's grid, \d+ jobs, s$": 10.0,
    r"^the paper's grid: peak memory, MiB$": 1000.0,
    rf"^({'|'.join(STAGES)}), s of processor time$": 2.0,
}

Growth = Callable[[np.ndarray], np.ndarray]
# Passes through the network: two for each step of the attack, three for the update.
THEORY: dict[str, Growth] = {
    "images": lambda n: n,
    "attack steps": lambda n: 2 * n + 3,
    "width": lambda n: n**2,
    "jobs of a plan": lambda n: n,
}


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def table(name: str) -> str:
    """The rows of one benchmark as Markdown, with what was asked for, and where it was measured."""
    rows = read(name)
    lines = ["| what | median | range | n | asked for |", "| --- | ---: | ---: | ---: | ---: |"]
    for row in rows.itertuples():
        spread = f"{row.low:.4g} to {row.high:.4g}" if row.n > 1 else ""
        lines.append(
            f"| {row.what} | {row.value:.4g} {row.unit} | {spread} | {row.n} | {asked(row)} |"
        )
    first = rows.iloc[0]
    place = f"{first['device']}; Python {first['python']}, torch {first['torch']}"
    return "\n".join([*lines, "", f"{place}; code {first['revision']}."])


def asked(row: Any) -> str:
    """What was asked of a row, and whether it missed that."""
    for limits, missed in ((FLOORS, operator.lt), (CEILINGS, operator.gt)):
        for pattern, limit in limits.items():
            if re.search(pattern, f"{row.what}, {row.unit}"):
                return f"{limit:g}{', missed' if missed(row.value, limit) else ''}"
    return ""


def page() -> str:
    """The text of docs/speed.md."""
    return re.sub(r"\{(\w+)\}", lambda name: table(name[1]), TEMPLATE.read_text())


def picture() -> bytes:
    """Cost against size, with the growth that theory says, drawn through the largest point.

    Small points lie above it: what does not grow is a larger part of them.
    """
    scaling = read("scaling")
    curves = {what: points(scaling, rf"^{what}: (\d+)$") for what in THEORY}
    curves["jobs of a plan"] = points(read("planning"), r"^(\d+) jobs$")
    with house_style():
        figure = Figure(figsize=(2 * COLUMN, 1.9), layout="constrained")
        panels = zip(figure.subplots(1, len(curves)), curves.items(), strict=True)
        for axes, (what, (sizes, costs)) in panels:
            shape = THEORY[what](sizes)
            expected = shape * costs[-1] / shape[-1]
            axes.loglog(sizes, costs, "o-", color=colors()[0], label="measured")
            axes.loglog(sizes, expected, "--", color="0.5", label="in theory")
            axes.set_xlabel(what)
            axes.set_xticks(sizes, [f"{n:g}" for n in sizes])
            axes.minorticks_off()
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
        figure.axes[0].set_ylabel("processor seconds")
        figure.axes[0].legend()
    return to_bytes(settle(figure), "png")


def points(rows: pd.DataFrame, pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and costs of the rows whose name is the pattern."""
    sizes = rows["what"].str.extract(pattern, expand=False).astype(float)
    chosen = sizes.notna()
    return sizes[chosen].to_numpy(), rows["value"][chosen].to_numpy()


def main() -> None:
    PAGE.write_text(page())
    PICTURE.write_bytes(picture())


if __name__ == "__main__":
    main()
