"""Expected headline numbers, and how far others may be from them.

A number is the mean over n seeds. Its tolerance is three standard errors of such a mean, 3 * sd / sqrt(n):

- ``digits_cut``, which a test runs anew: sd is measured over the ten seeds of ``digits_spread``. A run on the machine
  type where the numbers were made reproduces them exactly; another processor or torch gives other last bits, which
  training amplifies, at most to what another seed would do. Since the splits stay the same, the tolerance is
  on the wide side of that.
- Every study in ``results/reference``: what is kept is compared, so that results which are kept anew cannot move
  without a word. Three seeds say little of the spread of one method, so sd is the pooled one of all methods of the
  study; where there is one seed, of the study with the same network and data. At the paper's scale no spread over
  seeds is known: sd is the standard error from the test images.

To renew the numbers on purpose (and say why in CHANGELOG.md):

    snakemake --cores 4 score --config study=digits_spread
    python -m tests.regression.expected [STUDY ...]

Without a name all are renewed; only ``digits_cut`` needs the run. Each study says where its numbers come from.
"""

import json
import math
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from taet import params
from taet.summary import CELL, read_rows

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("headline.yaml")
CUT, SPREAD = "digits_cut", "digits_spread"
SHARE, ERROR = "balanced_accuracy", "balanced_accuracy_se"
REFERENCE = ROOT / "results/reference"
KEPT: dict[str, str | None] = {  # studies, and whose spread theirs is taken to be
    "digits": "digits",
    "digits_ablation": "digits_ablation",
    "digits_precision": "digits_precision",
    "cifar10_small": "cifar10_small",
    "cifar10_small_others": "cifar10_small",
    "cifar10_small_gpu": "cifar10_small_gpu",
    "cifar10_small_gpu_ir10": "cifar10_small_gpu_ir10",
    "cifar10_small_gpu_others": "cifar10_small_gpu",
    "cifar10_gpu": None,
    "cifar10_gpu_at_bsl": None,
}
STANDARD_ERRORS = 3
HEADLINE = {
    "BA": ("clean", "all"),
    "BR_pgd20": ("pgd20", "all"),
    "BR_worst": ("worst", "all"),
    "tail_BR_pgd20": ("pgd20", "tail"),
}

Numbers = dict[str, dict[str, dict[str, float]]]


def measure(study: str) -> dict[str, Any]:
    """Where the headline numbers of a study come from, and ``numbers``: see ``cut`` and ``kept``."""
    if study == CUT:
        seeds = params.load(ROOT / "params.yaml", CUT).grid.seeds
        return {**_source(SPREAD), "spread": f"{SPREAD} itself", "numbers": cut(seeds)}
    spread = KEPT[study]
    said = "standard errors from test images" if spread is None else f"pooled over {spread}"
    return {**_source(study), "spread": said, "numbers": kept(study, spread)}


def cut(seeds: list[int]) -> Numbers:
    """Means over some of the seeds of ``digits_spread``, and the spread of all.

    Value, n, sd, the number of values that this is from, and tolerance of every headline number, in per cent,
    by cell and metric.
    """
    return {
        cell: {
            metric: _number(values.loc[seeds, SHARE], float(values[SHARE].std(ddof=1)), len(values))
            for metric, values in metrics.items()
        }
        for cell, metrics in _by_seed(SPREAD).items()
    }


def kept(study: str, spread: str | None) -> Numbers:
    """Means over the seeds of a kept study, and a spread pooled over cells; see ``cut``."""
    pooled = {} if spread is None else _pooled(spread)
    return {
        cell: {
            metric: _number(values[SHARE], *pooled.get(metric, (float(values[ERROR].mean()), 1)))
            for metric, values in metrics.items()
        }
        for cell, metrics in _by_seed(study).items()
    }


def _score(study: str) -> tuple[Path, Path]:
    """The metrics of a study, and the record of their making."""
    made = Path("results", study, "score")
    metrics = ROOT / made if study == SPREAD else REFERENCE / study / "score"
    records = ROOT if study == SPREAD else REFERENCE / study / "records"
    return metrics / "metrics.csv", records / made / "manifest.record.json"


def _source(study: str) -> dict[str, str]:
    """The metrics, and what made them."""
    metrics, beside = _score(study)
    record = json.loads(beside.read_text())
    return {
        "metrics": str(metrics.relative_to(ROOT)),
        "key": record["key"],
        "code": str(record["code"]["revision"]),
        "made": record["started"],
    }


def _by_seed(study: str) -> dict[str, dict[str, pd.DataFrame]]:
    """Per cent of each seed, and its standard error from test images, by cell and metric."""
    metrics = read_rows(_score(study)[0])
    metrics = metrics[(metrics["view"] == "balanced") & (metrics["checkpoint"] == "last")]
    found: dict[str, dict[str, pd.DataFrame]] = {}
    for cell, part in metrics.groupby(CELL, sort=False):
        name = "{} ir{} {} {}".format(*cell)
        for metric, (attack, scope) in HEADLINE.items():
            rows = part[(part["attack"] == attack) & (part["scope"] == scope)]
            found.setdefault(name, {})[metric] = 100 * rows.set_index("seed")[[SHARE, ERROR]]
    return found


def _pooled(study: str) -> dict[str, tuple[float, int]]:
    """Of each metric: the standard deviation within cells, and how many values it is from."""
    cells = _by_seed(study).values()
    return {metric: _within([cell[metric][SHARE] for cell in cells]) for metric in HEADLINE}


def _within(samples: list[pd.Series]) -> tuple[float, int]:
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
    if CUT in names and not _score(SPREAD)[0].exists():
        sys.exit(
            f"expected: the numbers of {CUT} need a run (snakemake --cores 4 score --config study={SPREAD}); "
            f"the others alone: python -m tests.regression.expected {' '.join(KEPT)}"
        )
    old = yaml.safe_load(FILE.read_text())
    found = {s: measure(s) if s in names else old[s] for s in (CUT, *KEPT)}
    text = yaml.safe_dump(found, sort_keys=False, default_flow_style=None, width=120)
    FILE.write_text("# Written by: python -m tests.regression.expected\n" + text)
    print(f"wrote {FILE}")
