"""Expected headline numbers, and how far others may be from them.

A number is the mean over n seeds. Its tolerance is three standard errors of such a mean, 3 * sd / sqrt(n):

- ``digits_cut``, which a test runs anew: sd is measured over the ten seeds of ``digits_spread``. A run on the machine
  type where the numbers were made reproduces them exactly; another processor or torch gives other last bits, which
  training amplifies, at most to what another seed would do. Since the splits stay the same, the tolerance is
  on the wide side of that.
- Studies on CIFAR-10, which take hours: the kept results are compared, so that results which are kept anew
  cannot move without a word. Three seeds say little of the spread of one method, so sd is the pooled one of
  all methods of the study; where there is one seed, of the study with the same network and data. Of the
  studies at the paper's scale no spread is known.

To renew the numbers on purpose (and say why in CHANGELOG.md):

    snakemake --cores 4 score --config study=digits_spread
    python -m tests.regression.expected [STUDY ...]

Without a name all are renewed; only ``digits_cut`` needs the run.
"""

import math
import sys
from pathlib import Path

import pandas as pd
import yaml

from taet import params
from taet.summary import CELL, read_metrics

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("headline.yaml")
CUT, SPREAD = "digits_cut", ROOT / "results/digits_spread/score/metrics.csv"
REFERENCE = ROOT / "results/reference"
KEPT = {  # studies, and whose spread theirs is taken to be
    "cifar10_small": "cifar10_small",
    "cifar10_small_others": "cifar10_small",
    "cifar10_small_gpu": "cifar10_small_gpu",
    "cifar10_small_gpu_ir10": "cifar10_small_gpu_ir10",
    "cifar10_small_gpu_others": "cifar10_small_gpu",
}
STANDARD_ERRORS = 3
HEADLINE = {
    "BA": ("clean", "all"),
    "BR_pgd20": ("pgd20", "all"),
    "tail_BR_pgd20": ("pgd20", "tail"),
}

Numbers = dict[str, dict[str, dict[str, float]]]


def measure(study: str) -> Numbers:
    """Value, n, sd and tolerance of every headline number, in per cent, by cell and metric."""
    if study == CUT:
        return cut(params.load(ROOT / "params.yaml", CUT).grid.seeds)
    return kept(study)


def cut(seeds: list[int]) -> Numbers:
    """Means over some of the seeds of ``digits_spread``, and the spread of all."""
    return {
        cell: {
            metric: _number(values[seeds], float(values.std(ddof=1)), len(values))
            for metric, values in metrics.items()
        }
        for cell, metrics in _by_seed(SPREAD).items()
    }


def kept(study: str) -> Numbers:
    """Means over the seeds of a kept study, and a spread pooled over cells."""
    spread = _by_seed(REFERENCE / KEPT[study] / "score/metrics.csv").values()
    pooled = {m: _pooled([metrics[m] for metrics in spread]) for m in HEADLINE}
    return {
        cell: {m: _number(values, *pooled[m]) for m, values in metrics.items()}
        for cell, metrics in _by_seed(REFERENCE / study / "score/metrics.csv").items()
    }


def _by_seed(file: Path) -> dict[str, dict[str, pd.Series]]:
    """Per cent of each seed, by cell and metric."""
    metrics = read_metrics(str(file))
    metrics = metrics[(metrics["view"] == "balanced") & (metrics["checkpoint"] == "last")]
    found: dict[str, dict[str, pd.Series]] = {}
    for cell, part in metrics.groupby(CELL, sort=False):
        name = "{} ir{} {} {}".format(*cell)
        for metric, (attack, scope) in HEADLINE.items():
            rows = part[(part["attack"] == attack) & (part["scope"] == scope)]
            values = 100 * rows.set_index("seed")["balanced_accuracy"]
            found.setdefault(name, {})[metric] = values
    return found


def _pooled(samples: list[pd.Series]) -> tuple[float, int]:
    """Standard deviation within samples, and how many values it is from."""
    freedom = sum(len(values) - 1 for values in samples)
    if not freedom:
        raise ValueError("a spread needs two seeds")
    squares = sum(float(values.var(ddof=1)) * (len(values) - 1) for values in samples)
    return math.sqrt(squares / freedom), sum(map(len, samples))


def _number(values: pd.Series, sd: float, measured: int) -> dict[str, float]:
    return {
        "value": round(float(values.mean()), 3),
        "n": len(values),
        "sd": round(sd, 3),
        "sd_values": measured,
        "tolerance": round(STANDARD_ERRORS * sd / math.sqrt(len(values)), 3),
    }


def flatten(headline: dict) -> dict[str, dict[str, float]]:
    """headline.json as cell -> metric -> value, cells named as in headline.yaml."""
    return {
        f"{dataset} {ir} {architecture} {method}": numbers
        for dataset, ratios in headline["balanced"].items()
        for ir, architectures in ratios.items()
        for architecture, methods in architectures.items()
        for method, numbers in methods.items()
    }


def compare(expected: Numbers, found: dict[str, dict[str, float]]) -> str:
    """A table of the numbers that left their band, or nothing."""
    lines = []
    for cell, metrics in expected.items():
        for metric, want in metrics.items():
            got = found.get(cell, {}).get(metric, math.nan)
            if not abs(got - want["value"]) <= want["tolerance"]:
                lines.append(
                    f"{cell:34} {metric:14} expected {want['value']:7.2f} +- {want['tolerance']:5.2f}"
                    f"  found {got:7.2f}"
                )
    lines += [f"{cell:34} is not in {FILE.name}" for cell in found if cell not in expected]
    return "\n".join(lines)


if __name__ == "__main__":
    names = sys.argv[1:] or (CUT, *KEPT)
    if unknown := set(names) - {CUT, *KEPT}:
        sys.exit(
            f"expected: no headline numbers of {', '.join(unknown)}; any of: {CUT}, {', '.join(KEPT)}"
        )
    old = yaml.safe_load(FILE.read_text())
    numbers = {s: measure(s) if s in names else old[s] for s in (CUT, *KEPT)}
    text = yaml.safe_dump(numbers, sort_keys=False)
    FILE.write_text("# Written by: python -m tests.regression.expected\n" + text)
    print(f"wrote {FILE}")
