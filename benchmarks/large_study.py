"""What a study of 10,000 cells costs: docs/large_studies.md and its figure.

    python benchmarks/large_study.py            measure, simulate, and write the page
    python benchmarks/large_study.py --page     simulate from what was measured last, and write the page

Planning is measured at its full size. Files and bytes are those of one real cell; of larger networks the
weights are counted, not trained. How long a cluster takes is simulated from the times
that saved studies have recorded for a cell.
"""

import base64
import heapq
import re
import statistics
import sys
import tempfile
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator

from measured import FOLDER, ROOT, Results
from planning import copy_project, plan, run
from taet.study.plan.saved import read_records

REPEATS = 3
# Data sets 1, imbalance ratios 2, methods 10; so many seeds give 100 to 10,000 cells.
SEEDS = {100: 5, 1_000: 50, 10_000: 500}
CELLS = 10_000
METHODS = "[pgd_at, trades, mart, adt, he, gairat, las_at, reat, at_bsl, taet]"
BLOCK = """\
  cells{cells}:
    extends: digits
    grid: {{imbalance_ratios: [10, 20], methods: {methods}, seeds: {seeds}}}
"""
ONE = """\
  one:
    extends: digits
    grid: {imbalance_ratios: [10], methods: [at_bsl], seeds: [0]}
"""
ATTACKS, TEST_IMAGES = 4, 500  # of the digits study
NETWORKS = ("resnet18_narrow", "resnet18", "wrn34_10")
SLOTS = (10, 30, 100, 300)
SIMULATED = {"digits": "digits on the small CNN", "cifar10_small": "CIFAR-10 on the narrow ResNet"}
GROUP = 8  # cells that share a job
QUEUE, POLL = 100, 40  # jobs in the queue (profiles/slurm), and seconds until Snakemake looks again
START = "the Snakemake of one job, and Python, of a study of {} cells"
FILES, OBJECTS = "files of a cell", "of which DVC keeps"
PAGE, FIGURE = ROOT / "docs" / "large_studies.md", ROOT / "docs" / "images" / "large_study.png"
TABLE = re.compile(r"(<!-- numbers -->\n).*?(<!-- end -->)", re.DOTALL)


def all_studies() -> str:
    """Blocks for params.yaml."""
    blocks = [
        BLOCK.format(cells=n, methods=METHODS, seeds=list(range(seeds)))
        for n, seeds in SEEDS.items()
    ]
    return "".join(["\n", *blocks, ONE])


def measure_planning(project: Path, results: Results) -> None:
    for cells in SEEDS:
        plans = [plan(project, "--config", f"study=cells{cells}") for _ in range(REPEATS)]
        results.add(f"plan of {cells} cells: jobs", [p.jobs for p in plans], "jobs")
        results.add(f"plan of {cells} cells", [p.seconds for p in plans], "s")
        results.add(f"plan of {cells} cells: peak memory", [p.memory for p in plans], "MiB")


def measure_start(project: Path, results: Results) -> None:
    """What SLURM starts on a node is a Snakemake that reads the study and starts the job."""
    run(project, "snakemake", "--cores", "1", "download", "--quiet")
    for cells in SEEDS:
        seconds = [
            run(
                project,
                *("snakemake", "--mode", "remote", "--cores", "1", "--nolock", "--force"),
                *("--ignore-incomplete", "--allowed-rules", "subsample_cell", "--quiet"),
                *("--config", f"study=cells{cells}"),
                *("--target-jobs", f"subsample_cell:dataset=digits,imbalance_ratio=10,seed={seed}"),
            )[0]
            for seed in range(REPEATS)
        ]
        results.add(START.format(cells), seconds, "s")


def measure_files(project: Path, results: Results) -> None:
    """One cell for real: its files, and how many bytes they have."""
    run(project, "snakemake", "--cores", "1", "attack", "--config", "study=one", "--quiet")
    files = [f for f in (project / "results" / "one").rglob("*") if f.is_file() and is_of_cell(f)]
    known = [f for f in (project / ".snakemake" / "metadata").rglob("*") if f.is_file()]
    files += [f for f in known if is_of_cell(Path(base64.b64decode(f.name, b"-_").decode()))]
    artifacts = {f.parts[f.parts.index("one") + 1]: f for f in files if f.suffix == ".safetensors"}
    other = sum(f.stat().st_size for f in files if f not in artifacts.values())
    results.add(FILES, [len(files)], "files")
    results.add(OBJECTS, [len(artifacts)], "files")
    results.add("records, logs, times, locks and Snakemake's notes of a cell", [other / 1e3], "kB")
    results.add("network of a cell: small_cnn", [size(artifacts["equalize"]) / 1e6], "MB")
    per_image = size(artifacts["attack"]) / TEST_IMAGES / ATTACKS
    results.add("predictions of an image under an attack", [per_image], "bytes")


def is_of_cell(file: Path) -> bool:
    """Not of its split, which all methods share."""
    return bool({"equalize", "attack"} & set(file.parts))


def size(file: Path) -> int:
    return file.stat().st_size


def count_weights(results: Results) -> None:
    from taet.networks.network import build_model, describe_network
    from taet.study.params.load import load_params

    blocks = load_params(ROOT / "params.yaml", "cifar10_lt").architectures
    for name in NETWORKS:
        model = build_model(describe_network(blocks[name], 3, 32, 10))
        values = sum(v.numel() * v.element_size() for v in model.state_dict().values())
        results.add(f"network of a cell: {name}", [values / 1e6], "MB")


def cell_seconds(study: str) -> tuple[float, float]:
    """Processor seconds of training and of attack, median over the cells of a saved study."""
    records = read_records(ROOT / "results/reference" / study)
    return tuple(
        statistics.median(
            record["cpu_seconds"]
            for output, record in records.items()
            if output.startswith(f"results/{study}/{stage}/")
        )
        for stage in ("equalize", "attack")
    )


def simulate(cells: int, training: float, attack: float, start: float, slots: int) -> float:
    """Seconds until all cells are done, with so many jobs at a time; attacks wait for their network.

    Snakemake does not see more ends of jobs than it has in the queue, each time that it looks.
    """
    free = [0.0] * slots
    trained = [run_next(free, 0.0, start + training) for _ in range(cells)]
    worked = max(run_next(free, earliest, start + attack) for earliest in trained)
    return max(worked, 2 * cells / max(QUEUE, slots) * POLL)


def run_next(free: list[float], earliest: float, seconds: float) -> float:
    """When a job ends that takes the processor which is free first."""
    end = max(heapq.heappop(free), earliest) + seconds
    heapq.heappush(free, end)
    return end


def add_simulation(results: Results) -> None:
    """What follows from the rows that are there, and from what saved studies have recorded.

    On a node the executor starts a Snakemake, and this one another, once for all cells of a job; each cell
    starts Python, of which the record of a cell knows nothing.
    """
    rows = {row["what"]: float(row["value"]) for row in results.rows}
    overhead = pd.read_csv(FOLDER / "overhead.csv").set_index("what")["value"]
    python = overhead["subsample"]  # the job of which the start was measured
    snakemake = rows[START.format(CELLS)] - python
    start, grouped = 2 * snakemake + python, 2 * snakemake / GROUP + python
    results.add(f"files of {CELLS} cells", [CELLS * rows[FILES]], "files")
    results.add(f"objects of {CELLS} cells in DVC", [CELLS * rows[OBJECTS]], "files")
    for study, what in SIMULATED.items():
        training, attack = cell_seconds(study)
        results.add(f"{what}: training", [training], "s")
        results.add(f"{what}: attacks", [attack], "s")
        for slots in SLOTS:
            hours = simulate(CELLS, training, attack, start, slots) / 3600
            results.add(f"{what}: {CELLS} cells on {slots} processors", [hours], "h")
        work = CELLS * (training + attack)
        for name, each in (("share of starts", start), (f"the same, {GROUP} in a job", grouped)):
            lost = CELLS * 2 * each
            results.add(f"{what}: {name}", [100 * lost / (lost + work)], "%")


def measured() -> list[dict[str, object]]:
    """The rows of the last time that were not computed from others."""
    rows = pd.read_csv(FOLDER / "large_study.csv", dtype=str).to_dict("records")
    derived = (*SIMULATED.values(), f"files of {CELLS}", f"objects of {CELLS}")
    return [row for row in rows if not row["what"].startswith(derived)]


def tables() -> str:
    """Planning by number of cells, networks by size, and hours by study and number of processors."""
    rows = pd.read_csv(FOLDER / "large_study.csv")
    values = rows.set_index("what")["value"]
    first = rows.iloc[0]
    plans = [f"plan of {cells} cells" for cells in SEEDS]
    return "\n".join(
        [
            markdown(
                ["cells", "jobs", "plan, s", "memory of the plan, MiB", "start of a job, s"],
                [
                    [
                        cells,
                        *values[
                            [f"{plan}: jobs", plan, f"{plan}: peak memory", START.format(cells)]
                        ],
                    ]
                    for cells, plan in zip(SEEDS, plans, strict=True)
                ],
            ),
            markdown(
                [f"network, {CELLS:,} cells", "weights, GB"],
                [
                    [name, CELLS * values[f"network of a cell: {name}"] / 1e3]
                    for name in ("small_cnn", *NETWORKS)
                ],
            ),
            markdown(
                [
                    f"{CELLS:,} cells",
                    "training, s",
                    "attacks, s",
                    *(f"hours on {n} processors" for n in SLOTS),
                    "lost to starts, %",
                    f"with {GROUP} cells a job, %",
                ],
                [
                    [
                        study,
                        *values[[f"{study}: training", f"{study}: attacks"]],
                        *values[[f"{study}: {CELLS} cells on {n} processors" for n in SLOTS]],
                        *values[
                            [f"{study}: share of starts", f"{study}: the same, {GROUP} in a job"]
                        ],
                    ]
                    for study in SIMULATED.values()
                ],
            ),
            f"Medians of {first['n']} plans and starts on {first['device']}; Python {first['python']}.\n",
        ]
    )


def markdown(head: list[str], rows: list[list[str | float]]) -> str:
    """A table whose first column is text."""
    lines = [
        head,
        ["---", *["---:"] * (len(head) - 1)],
        *([short(cell) for cell in row] for row in rows),
    ]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def short(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def page() -> str:
    """The text of the page, with the numbers as they were measured."""
    return TABLE.sub(lambda m: m[1] + tables() + m[2], PAGE.read_text())


def draw() -> bytes:
    """Seconds, memory, bytes and hours against size: a panel and an axis for each unit."""
    from taet.report.style import COLORS, PAGE_WIDTH, fix_layout, house_style, to_bytes

    rows = pd.read_csv(FOLDER / "large_study.csv").set_index("what")["value"]
    cells = list(SEEDS)
    seconds = {
        "plan of the study": [rows[f"plan of {n} cells"] for n in cells],
        "start of a job": [rows[START.format(n)] for n in cells],
    }
    memory = {"plan of the study": [rows[f"plan of {n} cells: peak memory"] for n in cells]}
    hours = {
        study: [rows[f"{study}: {CELLS} cells on {n} processors"] for n in SLOTS]
        for study in SIMULATED.values()
    }
    networks = ["small_cnn", *NETWORKS]
    gigabytes = [CELLS * rows[f"network of a cell: {n}"] / 1e3 for n in networks]
    with house_style():
        figure = Figure(figsize=(PAGE_WIDTH, 4.4), layout="constrained")
        panels = figure.subplots(2, 2)
        for axes, title, curves, sizes, labels in (
            (panels[0, 0], "Planning and starting", seconds, cells, ("cells", "time (s)")),
            (panels[0, 1], "Memory of planning", memory, cells, ("cells", "peak memory (MiB)")),
            (panels[1, 1], f"{CELLS:,} cells, simulated", hours, SLOTS, ("processors", "time (h)")),
        ):
            for (label, values), color, marker in zip(curves.items(), COLORS, "os", strict=False):
                axes.loglog(sizes, values, marker=marker, color=color, label=label)
            axes.set(title=title, xlabel=labels[0], ylabel=labels[1])
            axes.set_xticks(sizes, [f"{n:,}" for n in sizes])
            axes.yaxis.set_major_formatter("{x:,g}")
            axes.yaxis.set_minor_formatter("")
            axes.margins(y=0.35)  # room for the legend
            axes.legend(loc="lower left" if curves is hours else "upper left")
        panels[0, 0].yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        panels[0, 1].set_yscale("linear")
        panels[0, 1].set_ylim(0)
        panels[1, 0].semilogx(gigabytes, networks, "o", color=COLORS[0])
        panels[1, 0].margins(y=0.15)
        panels[1, 0].xaxis.set_major_formatter("{x:,g}")
        panels[1, 0].set(title=f"Weights of {CELLS:,} cells", xlabel="size (GB)")
    return to_bytes(fix_layout(figure), "png")


def main() -> None:
    results = Results("large_study")
    if "--page" in sys.argv:
        results.rows = measured()
    else:
        with tempfile.TemporaryDirectory() as name:
            project = copy_project(Path(name, "project"), all_studies())
            measure_planning(project, results)
            measure_start(project, results)
            measure_files(project, results)
        count_weights(results)
    add_simulation(results)
    results.keep()
    PAGE.write_text(page())
    FIGURE.write_bytes(draw())


if __name__ == "__main__":
    main()
