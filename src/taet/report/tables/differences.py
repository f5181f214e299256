"""Every method against the best one, with the same seeds and images on both sides."""

import math

import numpy as np
import pandas as pd

from taet.report.tables.place import Place
from taet.report.typeset import Table, percent
from taet.scores.compare import MOST_SEEDS, NO_SPREAD, POWER


def differences_table(place: Place) -> Table:
    """Every method against the best one under the headline attack."""
    report, labels = place.shown["report"], place.shown["labels"]
    attack = report.headline_attack
    values = place.part[(place.part["attack"] == attack) & (place.part["scope"] == "all")]
    best = _best(place, values.set_index("method")["balanced_accuracy"])
    pairs = {method: place.pair(method, best, attack, "all") for method in place.methods}
    there = {method: pair for method, pair in pairs.items() if pair is not None}
    rows = [
        [
            place.methods[method],
            f"{100 * pair['difference']:+z.1f} [{100 * pair['low']:+z.1f}, {100 * pair['high']:+z.1f}]",
            "-" if pd.isna(pair["p_holm"]) else f"{pair['p_holm']:.3f}",
            _seeds_needed(pair),
        ]
        for method, pair in there.items()
    ]
    count = math.comb(len(place.methods), 2)
    seeds = next(iter(there.values()))["seeds"]
    note = (
        f"Balanced robustness minus that of {place.methods[best]}, in points, with the same seeds and "
        f"images on both sides, seeds: n = {seeds} [{percent(report.confidence)} interval: bootstrap over "
        "seeds and images; with few seeds too narrow]. p: paired t-test over seeds, corrected for all "
        f"{count} pairs of methods (Holm). Seeds: how many a paired t-test would need to find such a "
        f"difference with a power of {percent(POWER)}, by itself."
    )
    title = f"differences to {place.methods[best]}, BR {labels['attacks'][attack]}"
    return Table(
        place.title, title, note, ["Method", "Difference", "p (Holm)", "Seeds needed"], rows
    )


def _best(place: Place, means: pd.Series) -> str:
    """The method with the largest mean, of those that are ranked."""
    methods = list(place.methods)
    return methods[int(np.nanargmax(place.ranked(methods, list(means[methods]))))]


def _seeds_needed(row: pd.Series) -> str:
    """Without a spread over seeds nothing can be said."""
    if not row["sd"] > NO_SPREAD:
        return "-"
    return f"> {MOST_SEEDS}" if pd.isna(row["seeds_needed"]) else f"{row['seeds_needed']:.0f}"
