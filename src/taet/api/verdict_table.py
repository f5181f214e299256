"""A data frame of verdicts for people: the table that the command line prints."""

from typing import Any

import pandas as pd

from taet.api.under_attack import NORMS
from taet.api.verdict_frame import WORST
from taet.report.typeset import percent
from taet.scores import notes


def table(frame: pd.DataFrame, confidence: float) -> str:
    """The table that the command line prints: a line for each attack, then n, and warnings.

    Args:
        frame: see ``verdict_frame``.
        confidence: level of its intervals.
    """
    title = f"accuracy % [{percent(confidence)} interval]"
    lines = [f"{'':24} {title:>27} {'balanced %':>12} {'worst class':>22}  perturbation"]
    all_classes = frame[frame["scope"] == "all"]
    for row in all_classes.itertuples():
        accuracy = f"{100 * row.accuracy:.2f} [{100 * row.accuracy_low:.2f}, {100 * row.accuracy_high:.2f}]"
        classes = frame[(frame["attack"] == row.attack) & (frame["scope"] == "class")]
        worst = classes.loc[classes["accuracy"].idxmin()]
        lines.append(
            f"{row.label:24} {accuracy:>27} "
            f"{100 * row.balanced_accuracy:6.2f} ±{100 * row.balanced_accuracy_se:.2f} "
            f"{worst['class_name'][:14]:>14} {100 * worst['accuracy']:6.2f}  "
            f"{_perturbation(row)}".rstrip()
        )
    lines.append(
        f"n = {all_classes['test_images'].iloc[0]} images; balanced: mean over classes, ± its standard error "
        "over images; an image that is misclassified when clean is not robust"
    )
    return "\n".join([*lines, *(f"warning: {note}" for note in _warnings(all_classes))])


def _warnings(all_classes: pd.DataFrame) -> list[str]:
    """Each warning once: those of the model, then those of single attacks."""
    clean, *attacked = all_classes[all_classes["attack"] != WORST].itertuples()
    of_model = notes.split(clean.warnings)
    lines = dict.fromkeys(of_model)
    for row in attacked:
        of_attack = [warning for warning in notes.split(row.warnings) if warning not in of_model]
        lines |= dict.fromkeys(f"{row.label}: {warning}" for warning in of_attack)
    return list(lines)


def _perturbation(row: Any) -> str:
    """Norm and bound; without a bound, the median norm that fools the model."""
    if pd.isna(row.norm) or row.attack == WORST:
        return ""
    norm = NORMS[row.norm]
    if not pd.isna(row.eps):
        return f"{norm} <= {row.eps:.4g}"
    return f"{norm}, no bound; median {row.median_distance:.3g}"
