"""The result of a study in a few lines: the most robust methods and the warnings."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from snakemake_logger_plugin_taet.jobs import SELECTIONS

BEST = 3  # methods
SHOWN = 3  # warnings


def summary_lines(study: str) -> Iterator[str]:
    """The best methods by worst-case balanced robustness, and warnings if there are any.

    Args:
        study: its name; the stage ``score`` has finished.
    """
    from taet.scores.files import read_scored
    from taet.study.plan.study import load_study

    job = load_study(study=SELECTIONS.get(study, study)).job("tables")
    scored = read_scored(job)
    yield from _best(scored.summary, job.reads)
    yield from warning_lines(scored.metrics)


def _best(summary: Any, reads: Any) -> Iterator[str]:
    from taet.axes import SETTING
    from taet.report.titles import setting_title
    from taet.scores.summary import shown_rows

    report, labels = reads["report"], reads["labels"]
    names = [name for name, worst in report.worst_cases.items() if worst.attacks == "all"]
    attack = names[0] if names else report.headline_attack
    rows = shown_rows(summary, report)
    rows = rows[(rows["attack"] == attack) & (rows["scope"] == "all")]
    over = "in the worst case over attacks" if names else f"under {labels['attacks'][attack]}"
    seeds = int(rows["seeds"].max())
    of_seeds = f"mean over {seeds} seeds" if seeds > 1 else "one seed"
    yield f"Best balanced robustness {over}, %, {of_seeds}:"
    for setting, part in rows.groupby(list(SETTING), sort=False):
        best = part.nlargest(BEST, "balanced_accuracy", keep="first")
        pairs = zip(best["method"], best["balanced_accuracy"], strict=True)
        methods = ", ".join(f"{labels['methods'][name]} {100 * value:.1f}" for name, value in pairs)
        yield f"  {setting_title(labels, *setting)}: {methods}"


def warning_lines(metrics: Any) -> Iterator[str]:
    """Each warning once, the first few of them; nothing where there are none.

    Args:
        metrics: metrics.csv.
    """
    from taet.scores import notes

    texts = {text: None for field in metrics["warnings"].dropna() for text in notes.split(field)}
    if texts:
        yield f"Warnings ({len(texts)}):"
        yield from (f"  {text}" for text in list(texts)[:SHOWN])
        if len(texts) > SHOWN:
            yield f"  and {len(texts) - SHOWN} more, in the report"


def study_of(output: str) -> str:
    """Name of the study that an output under results/ belongs to."""
    return Path(output).parts[1]
