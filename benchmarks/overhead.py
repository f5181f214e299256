"""What a stage costs before and after its work: start, imports, reading, checking, writing.

    python benchmarks/overhead.py

Processor time of whole processes in a folder of their own, on the digits, with next to no work to do: one
epoch with an attack of one step, an FGSM evaluation. Beside them, what they begin with: Python alone, Python
that imports torch, which no code of ours can take away, and what the command line and a stage with torch
import.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from measured import ROOT, Results

REPEATS = 5
STUDY = """
  overhead:
    extends: digits
    grid: {imbalance_ratios: [10], methods: [taet], attacks: [fgsm], seeds: [0]}
    training: {epochs: 2, attack: {steps: 1}}
    stabilizations: {clean40: {epochs: 1}}
    report: {headline_attack: fgsm, worst_cases: {worst2: {attacks: [fgsm]}}}
"""
BEGINNINGS = {
    "python": "pass",
    "import torch": "import torch",
    "import the command line": "import taet.cli.main",
    "import the command line, torch and the stage attack": "import taet.cli.main, taet.stages.attack",
}
CELL = ["--dataset", "digits", "--ir", "10", "--seed", "0"]
NETWORK = [*CELL, "--architecture", "small_cnn"]
STAGES = {
    "download": ["--dataset", "digits"],
    "subsample": CELL,
    "stabilize": [*NETWORK, "--stabilization", "clean40"],
    "equalize": [*NETWORK, "--method", "taet"],
    "attack": [*NETWORK, "--method", "taet", "--checkpoint", "last", "--job", "gradient"],
    "score": [],
    "inspect": [],
    "tables": [],
    "figures": [],
}


def seconds(folder: Path, *words: str) -> float:
    """Processor seconds of a Python process."""
    child = subprocess.Popen([sys.executable, *words], cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if status:
        raise SystemExit(f"failed: python {' '.join(words)}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    os.environ["OMP_NUM_THREADS"] = "1"
    results = Results("overhead")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "params.yaml").write_text((ROOT / "params.yaml").read_text() + STUDY)
        works = {what: ["-c", code] for what, code in BEGINNINGS.items()}
        works |= {
            stage: ["-m", "taet", stage, "--study", "overhead", *cell]
            for stage, cell in STAGES.items()
        }
        found: dict[str, list[float]] = {what: [] for what in works}
        for _ in range(REPEATS):
            for made in ("data", "results"):
                shutil.rmtree(folder / made, ignore_errors=True)
            for what, words in works.items():
                found[what].append(seconds(folder, *words))
        for what, values in found.items():
            results.add(what, values, "s of processor time")
    results.keep()


if __name__ == "__main__":
    main()
