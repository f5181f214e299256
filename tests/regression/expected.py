"""Expected headline numbers, and how far a fresh run may be from them.

A number is the mean over the seeds of the study ``digits_cut``. Its tolerance is three standard
errors of such a mean: 3 * sd / sqrt(n), with sd measured over the ten seeds of ``digits_spread``. A
run on the machine type where the numbers were made reproduces them exactly; another processor or torch
gives other last bits, which training amplifies, at most to what another seed would do. Since the splits
stay the same, the tolerance is on the wide side of that.

To renew the numbers on purpose (and say why in CHANGELOG.md):

    snakemake --cores 4 all --config study=digits_spread
    python -m tests.regression.expected
"""

import math
from pathlib import Path

import yaml

from taet import params
from taet.summary import CELL, read_metrics

ROOT = Path(__file__).parents[2]
FILE = Path(__file__).with_name("headline.yaml")
SPREAD = ROOT / "results/digits_spread/score/metrics.csv"
STANDARD_ERRORS = 3
HEADLINE = {
    "BA": ("clean", "all"),
    "BR_pgd20": ("pgd20", "all"),
    "tail_BR_pgd20": ("pgd20", "tail"),
}

Numbers = dict[str, dict[str, dict[str, float]]]


def measure() -> Numbers:
    """Value, n, sd and tolerance of every headline number, in per cent, by cell and metric."""
    seeds = params.load(ROOT / "params.yaml", "digits_cut").grid.seeds
    metrics = read_metrics(str(SPREAD))
    metrics = metrics[metrics["view"] == "balanced"]
    found: Numbers = {}
    for cell, part in metrics.groupby(CELL, sort=False):
        name = "{} ir{} {} {}".format(*cell)
        for metric, (attack, scope) in HEADLINE.items():
            rows = part[(part["attack"] == attack) & (part["scope"] == scope)]
            values = 100 * rows.set_index("seed")["balanced_accuracy"]
            sd = float(values.std(ddof=1))
            found.setdefault(name, {})[metric] = {
                "value": round(float(values[seeds].mean()), 3),
                "n": len(seeds),
                "sd": round(sd, 3),
                "sd_seeds": len(values),
                "tolerance": round(STANDARD_ERRORS * sd / math.sqrt(len(seeds)), 3),
            }
    return found


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
    text = yaml.safe_dump(measure(), sort_keys=False)
    FILE.write_text("# Written by: python -m tests.regression.expected\n" + text)
    print(f"wrote {FILE}")
