"""How long Snakemake plans a grid of 10,000 attack jobs, against a bare workflow of as many jobs.

    python benchmarks/planning.py

The bare workflow has two rules without log, benchmark, resources or parameters: what Snakemake itself
costs on this machine. Both are run in turn; times are processor seconds of the whole process.
"""

import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measured import ROOT, Results

REPEATS, ATTACKS, SEEDS = 3, 20, 50  # x 2 imbalance ratios x 5 methods = 10,000 attack jobs

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


def study() -> str:
    """A block for params.yaml."""
    names = [f"a{i}" for i in range(ATTACKS)]
    rest = "step_size: 0.01, start: zero, convention: any_iterate"
    attack = f"{{{{kind: pgd, label: {{0}}, job: {{0}}, steps: {{1}}, {rest}}}}}"
    blocks = "".join(f"      {n}: {attack.format(n, i + 1)}\n" for i, n in enumerate(names))
    return (
        "  big:\n    extends: digits\n    grid:\n      methods: [clean, pgd_at, at_bsl, taet_bcl, taet]\n"
        f"      seeds: {list(range(SEEDS))}\n      attacks: {names}\n"
        "    report: {headline_attack: a0, worst_cases: {worst2: {attacks: [a0]}}}\n"
        f"    attacks:\n{blocks}"
    )


def plan(folder: Path, *options: str) -> tuple[float, int]:
    """Processor seconds of a dry run, and its jobs."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "-n", *options]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = next(x for x in (done.stdout + done.stderr).splitlines() if x.startswith("total"))
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, int(total.split()[1])


def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        ours, bare = Path(name, "ours"), Path(name, "bare")
        for part in ("src", "workflow", "profiles"):
            shutil.copytree(ROOT / part, ours / part)
        for part in ("Snakefile", "environment.yml"):
            shutil.copy(ROOT / part, ours / part)
        (ours / "params.yaml").write_text((ROOT / "params.yaml").read_text() + study())
        jobs = plan(ours, "--config", "study=big")[1]
        bare.mkdir()
        (bare / "Snakefile").write_text(BARE.format(half=jobs // 2))
        pairs = []
        for _ in range(REPEATS):
            seconds = plan(ours, "--config", "study=big")[0]
            floor = plan(bare)[0]
            pairs.append((seconds, floor))
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        results = Results("planning")
        results.add(f"plan of {jobs} jobs", [a for a, _ in pairs], "s of processor time")
        results.add(f"bare workflow of {jobs} jobs", [b for _, b in pairs], "s of processor time")
        results.add("plan against a bare workflow", [a / b for a, b in pairs], "times as long")
        results.add("peak memory of a plan", [peak], "MiB")
        results.keep()


if __name__ == "__main__":
    main()
