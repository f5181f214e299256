"""What pages say of measured times: functions that docs/speed.md.in calls, and the figure of docs/speed.md.

    python benchmarks/saved_times.py    draw the figure

Measures nothing; ``workflow/scripts/pages.py`` renders the page.
"""

import operator
import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from taet.data.longtail import class_counts
from taet.report.style import COLORS, PAGE_WIDTH, fix_layout, house_style, to_bytes
from taet.study.params.load import load_params
from taet.study.plan.costs import training_passes
from taet.study.plan.saved import read_records
from taet.study.plan.stages import STAGES

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "results" / "reference" / "benchmarks"
FIGURE = ROOT / "docs" / "images" / "scaling.png"

GPU = "H200"
DEVICES = (GPU, "EPYC", "Xeon")  # a machine with a GPU is called by its GPU
# Saved studies whose times the page shows.
STUDIES = (
    "digits",
    "digits_ablation",
    "digits_precision",
    "cifar10_small",
    "cifar10_small_others",
    "cifar10_small_gpu",
    "cifar10_small_gpu_ir10",
    "cifar10_small_gpu_others",
    "cifar10_gpu",
    "cifar10_gpu_at_bsl",
)

# Goals: the smallest ratio, by a pattern for the row's name and unit.
FLOORS = {
    r": fp32 against": 1.25,
    r": attack_bf16 against": 2.0,
    r": bf16 against": 2.2,
    r"PGD-100 at 55% robust: speed": 1.9,
    r"PGD-100 at 30% robust: speed": 3.0,
    r"APGD-CE at \d+% robust: speed": 2.0,
    r"ours against plain": 1.3,
}

# Goals: the largest value, likewise.
CEILINGS = {
    r"^float32: gradient of an image": 1e-5,
    r"^PGD-AT, 100 epochs": 210.0,
    r"^AutoAttack standard, 10,000 images": 240.0,
    r"^the paper's grid, \d+ jobs, s$": 10.0,
    r"^the paper's grid: peak memory, MiB$": 1000.0,
    rf"^({'|'.join(STAGES)}), s of processor time$": 2.0,
}

HEAD_IMAGES = 5_000  # of CIFAR-10-LT
IMAGES = 20_431  # training images of CIFAR-10-LT at ratio 10

Growth = Callable[[np.ndarray], np.ndarray]
# Passes through the network: two for each step of the attack, three for the update.
THEORY: dict[str, Growth] = {
    "images": lambda n: n,
    "attack steps": lambda n: 2 * n + 3,
    "width": lambda n: n**2,
    "jobs": lambda n: n,
}
# Titles of panels, and of their horizontal and vertical axes with units.
TITLES = {
    "images": ("Training: batch size", "images", "CPU time of a step (s)"),
    "attack steps": ("Training: attack steps", "PGD steps", "CPU time of a step (s)"),
    "width": ("Training: width of the network", "channels", "CPU time of a step (s)"),
    "jobs": ("Planning: size of the study", "jobs", "CPU time of planning (s)"),
}


def read(name: str) -> pd.DataFrame:
    return pd.read_csv(FOLDER / f"{name}.csv")


def row(name: str, what: str) -> Any:
    """One row of a benchmark."""
    (only,) = read(name).query("what == @what").itertuples()
    return only


def value(name: str, what: str) -> str:
    """The median, without its unit."""
    return short(row(name, what).value)


def spread(name: str, what: str) -> str:
    """The median, with the smallest and the largest value where there were several runs."""
    chosen = row(name, what)
    limits = f" ({short(chosen.low)} to {short(chosen.high)})" if chosen.n > 1 else ""
    return f"{short(chosen.value)}{limits}"


def ratio(name: str, what: str) -> str:
    """Cells of a table: spread, number of runs, goal, machine."""
    cells = (spread(name, what), row(name, what).n, goal(name, what), device(name))
    return " | ".join(map(str, cells))


def goal(name: str, what: str) -> str:
    """What we asked of a row before it was measured, and whether the row misses that."""
    chosen = row(name, what)
    for limits, missed in ((FLOORS, operator.lt), (CEILINGS, operator.gt)):
        for pattern, limit in limits.items():
            if re.search(pattern, f"{chosen.what}, {chosen.unit}"):
                return f"{limit:g}{', missed' if missed(chosen.value, limit) else ''}"
    return ""


def device(name: str) -> str:
    """The machine of a benchmark in one word."""
    return in_a_word(read(name)["device"][0])


def in_a_word(machine: str) -> str:
    return next(word for word in DEVICES if word in machine)


def short(number: float) -> str:
    """Three digits, and no power of ten where a person would write none."""
    return f"{number:,.0f}" if number >= 1000 else f"{number:.3g}"


@cache
def records(study: str) -> list[dict[str, Any]]:
    """Records of a saved study's jobs on a GPU, or of all its jobs if it used none."""
    everything = list(read_records(ROOT / "results/reference" / study).values())
    return [r for r in everything if not r.get("device", "cpu").startswith("cpu")] or everything


def machine(study: str) -> str:
    """Where the networks of a saved study were trained, in one word."""
    trained = next(r for r in records(study) if r["job"].startswith("equalize"))
    return in_a_word(f"{trained.get('device', '')} {trained['machine']['processor']}")


def jobs(study: str, stage: str) -> int:
    return sum(record["job"].startswith(stage) for record in records(study))


def minutes(study: str) -> str:
    """Processor minutes of all jobs on a CPU; wall time from first to last job on a GPU."""
    if machine(study) != GPU:
        return f"{sum(record['cpu_seconds'] for record in records(study)) / 60:.0f}"
    starts = [datetime.fromisoformat(record["started"]) for record in records(study)]
    ends = [
        start + timedelta(seconds=record["wall_seconds"])
        for start, record in zip(starts, records(study), strict=True)
    ]
    return f"{(max(ends) - min(starts)).total_seconds() / 60:.0f}"


def training_minutes() -> str:
    """Of a float32 training at the paper's scale on a GPU, by the time of a step there: ``45``."""
    return f"{row('gpu_steps', 'fp32').value / 1000 * _steps(128) / 60:.0f}"


def training_days() -> str:
    """The same on one core: the authors' time of a step, divided by our ratio to it."""
    peers = row("training_step", "at_bsl: peers").value
    times_as_fast = row("training_step", "at_bsl: fp32 against peers").value
    return f"{peers / times_as_fast * _steps(64) / 86_400:.0f}"


def grid_hours() -> str:
    """Of all trainings of ``cifar10_lt`` on a GPU: ``training_minutes``, scaled by passes and images."""
    params = load_params(ROOT / "params.yaml", "cifar10_lt")
    passes = sum(training_passes(params, method) for method in params.grid.methods)
    images = sum(
        sum(class_counts(HEAD_IMAGES, float(ratio), 10, "exponential"))
        for ratio in params.grid.imbalance_ratios
    )
    trainings = (
        passes / training_passes(params, "at_bsl") * images / IMAGES * len(params.grid.seeds)
    )
    return f"{trainings * float(training_minutes()) / 60:.0f}"


def _steps(batch: int) -> int:
    """Of a training of ``cifar10_lt`` at ratio 10: 100 epochs, the last, smaller batch dropped."""
    return 100 * (IMAGES // batch)


def names() -> dict[str, Any]:
    """What the template of the page can use: the functions above, and some lists."""
    calls = (
        *(value, spread, ratio, goal, device, machine, jobs, minutes),
        *(training_minutes, training_days, grid_hours),
    )
    what = read("efficiency")["what"]
    return {call.__name__: call for call in calls} | {
        "studies": STUDIES,
        "stages": [stage for stage in STAGES if stage in set(read("overhead")["what"])],
        "methods": what.str.extract(r"^(.*): an epoch$", expand=False).dropna(),
    }


def draw() -> bytes:
    """Cost against size, with the growth that theory says, drawn through the largest point.

    Small points lie above it: what does not grow is a larger part of them.
    """
    scaling = read("scaling")
    curves = {what: points(scaling, rf"^{what}: (\d+)$") for what in THEORY}
    curves["jobs"] = points(read("planning"), r"^(\d+) jobs$")
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, 4.2), layout="constrained")
        panels = zip(figure.subplots(2, 2).flat, curves.items(), strict=True)
        for axes, (what, (sizes, costs)) in panels:
            shape = THEORY[what](sizes)
            expected = shape * costs[-1] / shape[-1]
            axes.loglog(sizes, costs, "o-", color=COLORS[0], label="measured")
            axes.loglog(sizes, expected, "--", color="0.5", label="in theory")
            title, x, y = TITLES[what]
            axes.set(title=title, xlabel=x, ylabel=y)
            axes.set_xticks(sizes, [f"{n:,g}" for n in sizes])
            axes.minorticks_off()
            axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.yaxis.set_major_formatter("{x:g}")
        figure.axes[0].legend()
    return to_bytes(fix_layout(figure), "png")


def points(rows: pd.DataFrame, pattern: str) -> tuple[np.ndarray, np.ndarray]:
    """Sizes and costs of the rows whose name is the pattern."""
    sizes = rows["what"].str.extract(pattern, expand=False).astype(float)
    chosen = sizes.notna()
    return sizes[chosen].to_numpy(), rows["value"][chosen].to_numpy()


if __name__ == "__main__":
    FIGURE.write_bytes(draw())
