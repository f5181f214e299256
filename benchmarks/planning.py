"""How long Snakemake plans: the paper's grid, and grids of up to 10,000 attack jobs against a bare workflow.

    python benchmarks/planning.py

The paper's grid is 3 data sets x 4 imbalance ratios x 11 methods x 3 seeds, each network attacked by 8 jobs.
The bare workflow has two rules without log, benchmark, resources or parameters, and as many jobs as the
largest grid: what Snakemake itself costs on this machine. The two are run in turn; times are processor
seconds of the whole process.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from measured import ROOT, Results

REPEATS, ATTACKS = 3, 20
SEEDS = (6, 12, 25, 50)  # x 2 imbalance ratios x 5 methods x 20 = up to 10,000 attack jobs

BARE = """
rule all:
    input: [f"b/{{i}}" for i in range({half})]
rule b:
    input: "a/{{i}}"
    output: "b/{{i}}"
    shell: "cp {{input}} {{output}}"
rule a:
    output: "a/{{i}}"
    shell: "touch {{output}}"
"""
PAPER = """\
    extends: cifar10_lt
    grid:
      datasets: [cifar10, cifar100, dermamnist]
      imbalance_ratios: [10, 20, 50, 100]
      methods: [pgd_at, trades, mart, adt, he, gairat, las_at, robal, reat, at_bsl, taet]
      seeds: [0, 1, 2]
"""
LARGE = """\
    extends: digits
    grid:
      methods: [clean, pgd_at, at_bsl, taet_bcl, taet]
      seeds: {seeds}
"""


def study(name: str, body: str, attacks: int) -> str:
    """A block for params.yaml, with so many attack jobs for each network."""
    names = [f"a{i}" for i in range(attacks)]
    rest = "step_size: 0.01, start: zero, convention: any_iterate, restarts: 1"
    attack = f"{{{{kind: pgd, label: {{0}}, job: {{0}}, steps: {{1}}, {rest}}}}}"
    blocks = "".join(f"      {n}: {attack.format(n, i + 1)}\n" for i, n in enumerate(names))
    return (
        f"  {name}:\n{body}      attacks: {names}\n"
        "    report: {headline_attack: a0, worst_cases: {worst2: {attacks: [a0]}}}\n"
        f"    attacks:\n{blocks}"
    )


@dataclass(frozen=True)
class Plan:
    """A dry run: processor seconds and MiB of the whole process, and the jobs it would do."""

    seconds: float
    memory: float
    jobs: int


def copy_project(folder: Path, studies: str) -> Path:
    """The project without results, with further studies in its params.yaml."""
    for part in ("src", "workflow", "profiles", "data/reference"):
        shutil.copytree(ROOT / part, folder / part)
    for part in ("Snakefile", "environment.yml"):
        shutil.copy(ROOT / part, folder / part)
    (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text() + studies)
    return folder


def run(folder: Path, *command: str) -> tuple[float, float, str]:
    """Processor seconds of a module's command with all that it starts, its peak memory in MiB, its words."""
    log = folder / "said.log"
    with log.open("w") as file:
        child = subprocess.Popen(
            [sys.executable, "-m", *command], cwd=folder, stdout=file, stderr=file
        )
        _, status, usage = os.wait4(child.pid, 0)
    said = log.read_text()
    if status:
        raise SystemExit(f"failed: {' '.join(command)}\n{said[-3000:]}")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, said


def plan(folder: Path, *options: str) -> Plan:
    dry_run = ("snakemake", "--cores", "1", "-n", "--quiet", "rules", *options)
    seconds, memory, said = run(folder, *dry_run)
    total = next(x for x in said.splitlines() if x.startswith("total"))
    return Plan(seconds, memory, int(total.split()[1]))


def main() -> None:
    results = Results("planning")
    with tempfile.TemporaryDirectory() as name:
        blocks = {f"seeds{n}": LARGE.format(seeds=list(range(n))) for n in SEEDS}
        studies = [study("paper", PAPER, 8)]
        studies += [study(n, body, ATTACKS) for n, body in blocks.items()]
        ours, bare = copy_project(Path(name, "ours"), "".join(studies)), Path(name, "bare")

        plans = [plan(ours, "--config", "study=paper") for _ in range(REPEATS)]
        results.add(f"the paper's grid, {plans[0].jobs} jobs", [p.seconds for p in plans], "s")
        results.add("the paper's grid: peak memory", [p.memory for p in plans], "MiB")
        for block in blocks:
            plans = [plan(ours, "--config", f"study={block}") for _ in range(REPEATS)]
            results.add(f"{plans[0].jobs} jobs", [p.seconds for p in plans], "s")
            results.add(f"{plans[0].jobs} jobs: peak memory", [p.memory for p in plans], "MiB")
        bare.mkdir()
        (bare / "Snakefile").write_text(BARE.format(half=plans[0].jobs // 2))
        pairs = [(plan(ours, "--config", f"study={block}"), plan(bare)) for _ in range(REPEATS)]
        ratios = [a.seconds / b.seconds for a, b in pairs]
        results.add("against a bare workflow of as many jobs", ratios, "times as long")
    results.keep()


if __name__ == "__main__":
    main()
