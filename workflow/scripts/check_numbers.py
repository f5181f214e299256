"""Numbers of the tests for docs/contributing/how_numbers_are_checked.md: changes caught, and tolerances."""

import csv
from pathlib import Path

from taet.scores.summary import read_rows

MUTATIONS = Path("tests/mutations/results.csv")
BANDS = Path("tests/regression/machines.csv")
EPOCHS = (1, 2, 4, 8, 16)  # the first of each group of epochs


def mutations():
    """Changes that falsify a number: ``616``."""
    return len(_caught())


def mutations_caught():
    """Of them, the share that a test catches, in per cent: ``100.0``."""
    return f"{100 * sum(_caught()) / len(_caught()):.1f}"


def _caught():
    with MUTATIONS.open(encoding="utf-8", newline="") as file:
        return [bool(row["caught_by"]) for row in csv.DictReader(file)]


def band(kind, over, test_set):
    """Tolerances over all and over tail classes, in points: ``± 0.7 / 1.4``."""
    return "± " + " / ".join(
        f"{_band(kind, over, test_set, scope):.1f}" for scope in ("all", "tail")
    )


def agreement(test_set):
    """Tolerance for networks on which two attacks agree, in per cent: ``23``."""
    rows = _bands()
    (value,) = rows[(rows["kind"] == "agreement") & (rows["test_set"] == test_set)]["band"]
    return f"{value:.0f}"


def loss_bands():
    """Tolerances for the training loss of one method, by groups of epochs, in per cent."""
    groups = (f"epochs {n}-{2 * n - 1}" for n in EPOCHS)
    return ", ".join(f"{100 * _band('log loss', 'one method', '', g):.1f}" for g in groups)


def _band(kind, over, test_set, scope):
    return _bands().set_index(["kind", "over", "test_set", "scope"])["band"][
        kind, over, test_set, scope
    ]


def _bands():
    return read_rows(BANDS).fillna("")


CALLS = (mutations, mutations_caught, band, agreement, loss_bands)
