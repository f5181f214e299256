"""The main table, as CSV for programs, Markdown for people, LaTeX for papers."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from taet.compare import MOST_SEEDS, POWER
from taet.summary import CELL, shown_rows, view_title

Rows = list[list[str]]

SCOPES = {"head": "head", "medium": "medium", "tail": "tail", "worst_class": "worst class"}
CHECKPOINT_TITLES = {
    "last": "Last checkpoint",
    "best": "Best checkpoint, by balanced robustness on validation images",
}


@dataclass(frozen=True)
class Table:
    """A table ready to be written.

    Attributes:
        title: what it shows.
        note: what a reader must know about the numbers.
        head: column titles.
        rows: text of the cells.
    """

    title: str
    note: str
    head: list[str]
    rows: Rows


def main_tables(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """Tables of each data set, imbalance ratio and architecture.

    The first has BA and the BR of every attack over all classes, the second both for head, medium
    and tail classes and for the worst class; then the differences to the best method, and one table for
    each kind of method that stands in the study in several variants.

    Args:
        summary: see ``taet.summary.with_bootstrap``.
        contrasts: contrasts.csv.
        shown: ``report``, ``labels``, ``study``, ``threat``, ``variants`` of the parameters.
    """
    report, labels = shown["report"], shown["labels"]
    for (dataset, ir, architecture), part in shown_rows(summary, report).groupby(
        CELL[:3], sort=False
    ):
        place = f"{labels['datasets'][dataset]}, IR {ir}, {labels['architectures'][architecture]}"
        attacks = [("clean", "BA"), *((a, f"BR {label}") for a, label in labels["attacks"].items())]
        everything = [(attack, "all", title) for attack, title in attacks]
        headline = report.headline_attack
        short = [("clean", "BA"), (headline, f"BR {labels['attacks'][headline]}")]
        scopes = [s for s in SCOPES if s in set(part["scope"])]
        groups = [(attack, s, f"{title} {SCOPES[s]}") for attack, title in short for s in scopes]
        note = _note(part, shown)
        yield _table(f"{place}: all classes", note, everything, part, labels["methods"])
        yield _table(f"{place}: by class frequency", note, groups, part, labels["methods"])
        there = contrasts[(contrasts[CELL[:3]] == [dataset, ir, architecture]).all(axis=1)]
        if len(there):
            yield _differences_table(place, there, part, shown)
        columns = [(attack, "all", title) for attack, title in short]
        columns += [c for c in groups if c[1] == "tail"]
        for methods in shown["variants"].values():
            title = f"{place}: variants"
            yield _variants_table(title, note, columns, part, labels["methods"], methods)


def _table(
    title: str,
    note: str,
    columns: Sequence[tuple[str, str, str]],
    part: pd.DataFrame,
    methods: Mapping[str, str],
) -> Table:
    values = part.set_index(["method", "attack", "scope"])
    rows = []
    for method, label in methods.items():
        cells = [_number(values.loc[(method, attack, scope)]) for attack, scope, _ in columns]
        rows.append([label, *cells])
    return Table(title, note, ["Method", *(name for _, _, name in columns)], rows)


def _differences_table(
    place: str, contrasts: pd.DataFrame, part: pd.DataFrame, shown: Mapping[str, Any]
) -> Table:
    """Every method against the best one under the headline attack."""
    report, labels = shown["report"], shown["labels"]
    attack = report.headline_attack
    chosen = (contrasts["attack"] == attack) & (contrasts["scope"] == "all")
    chosen &= (contrasts["view"] == report.view) & (contrasts["checkpoint"] == report.checkpoint)
    rows = contrasts[chosen]
    values = part[(part["attack"] == attack) & (part["scope"] == "all")].set_index("method")
    best = values["balanced_accuracy"].idxmax()
    body = []
    for method, label in labels["methods"].items():
        pair = rows[rows[["method", "other"]].isin([method, best]).all(axis=1)]
        if method == best or not len(pair):
            continue
        row = pair.iloc[0]
        sign = 1 if row["method"] == method else -1
        low, high = sorted((100 * sign * row["low"], 100 * sign * row["high"]))
        body.append(
            [
                label,
                f"{100 * sign * row['difference']:+.1f} [{low:+.1f}, {high:+.1f}]",
                "-" if pd.isna(row["p_holm"]) else f"{row['p_holm']:.3f}",
                _seeds_needed(row),
            ]
        )
    title = f"{place}: differences to {labels['methods'][best]}, BR {labels['attacks'][attack]}"
    note = (
        f"Balanced robustness minus that of {labels['methods'][best]}, in points, with the same seeds and "
        f"images on both sides, seeds: n = {row['seeds']} [{report.confidence:.0%} interval: bootstrap over "
        "seeds and images; with few seeds too narrow]. p: paired t-test over seeds, corrected for all "
        f"{len(rows)} pairs of methods (Holm). Seeds: how many a paired t-test would need to find such a "
        f"difference with a power of {POWER:.0%}, by itself."
    )
    return Table(title, note, ["Method", "Difference", "p (Holm)", "Seeds needed"], body)


def _seeds_needed(row: pd.Series) -> str:
    """One seed shows no spread, so nothing can be said."""
    if pd.isna(row["sd"]):
        return "-"
    return f"> {MOST_SEEDS}" if pd.isna(row["seeds_needed"]) else f"{row['seeds_needed']:.0f}"


def _variants_table(
    title: str,
    note: str,
    columns: Sequence[tuple[str, str, str]],
    part: pd.DataFrame,
    labels: Mapping[str, str],
    methods: Mapping[str, Mapping[str, Any]],
) -> Table:
    """Options in which methods of one kind differ, and what comes of it."""
    options = list(next(iter(methods.values())))
    plain = _table(title, note, columns, part, {name: labels[name] for name in methods})
    rows = [
        [row[0], *(_option(values[name]) for name in options), *row[1:]]
        for row, values in zip(plain.rows, methods.values(), strict=True)
    ]
    return Table(title, note, [plain.head[0], *options, *plain.head[1:]], rows)


def _option(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _number(row: pd.Series) -> str:
    """``95.1 ± 1.0 [92.6, 97.6]``, in per cent; ``95.1 [92.6, 97.6]`` where there is one seed.

    With the median norm where the attack has no bound, and a ``!`` where there are warnings.
    """
    mean = 100 * row["balanced_accuracy"]
    after = "!" if isinstance(row["warnings"], str) else ""
    if row["norm"] and isinstance(row["norm"], str) and pd.isna(row["eps"]):
        after += f" ({row['norm'].upper()} {row['median_distance']:.2f})"
    if row["seeds"] < 2:
        low, high = (100 * row[f"bootstrap_{name}"] for name in ("low", "high"))
        return (
            f"{mean:.1f}{after}" if pd.isna(low) else f"{mean:.1f} [{low:.1f}, {high:.1f}]{after}"
        )
    sd, low, high = (100 * row[f"balanced_accuracy_{name}"] for name in ("sd", "low", "high"))
    return f"{mean:.1f} ± {sd:.1f} [{low:.1f}, {high:.1f}]{after}"


def _note(part: pd.DataFrame, shown: Mapping[str, Any]) -> str:
    report = shown["report"]
    everything = part[part["scope"] == "all"].iloc[0]
    n = int(everything["seeds"])
    spread = (
        f"mean ± standard deviation over n = {n} seeds "
        f"[{report.confidence:.0%} interval of the mean, Student's t]"
        if n > 1
        else f"n = 1 seed [{report.confidence:.0%} interval: bootstrap over its test images; what another "
        "training would give is not in it]"
    )
    worst = 100 * part.loc[part["scope"] == "all", "balanced_accuracy_se"].max()
    return (
        f"Balanced accuracy (BA) and balanced robustness (BR) in per cent, {spread}. "
        f"{view_title(part, report.view)}, {everything['test_images']:.0f} images a seed: drawing them "
        f"alone gives each number over all classes a standard error of up to {worst:.1f} points. "
        f"{CHECKPOINT_TITLES[report.checkpoint]}; L-inf eps {shown['threat'].eps:.4g}. "
        f"Head and tail: the most and the least frequent "
        f"{report.groups.head:.0%} and {report.groups.tail:.0%} of the classes. Worst class: of each seed, "
        "the one with the lowest share."
        f"{_attack_notes(part, shown)}"
    )


def _attack_notes(part: pd.DataFrame, shown: Mapping[str, Any]) -> str:
    """What worst cases are, which attacks have no bound, and what the marks ! warn of."""
    labels, notes = shown["labels"], []
    for name, worst in shown["report"].worst_cases.items():
        members = (
            "all attacks in the L-inf ball"
            if worst.attacks == "all"
            else " and ".join(labels["attacks"][attack] for attack in worst.attacks)
        )
        notes.append(f"{labels['attacks'][name]}: robust under {members}.")
    unbounded = part[part["norm"].notna() & part["eps"].isna()]["attack"].unique()
    if len(unbounded):
        names = ", ".join(labels["attacks"][attack] for attack in unbounded)
        notes.append(
            f"{names}: not bounded by any eps; what counts is the median norm of the perturbations, "
            "in parentheses."
        )
    warned = part[(part["scope"] == "all") & part["warnings"].notna()]
    for text, rows in warned.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in rows["method"]))
        notes.append(f"!: {methods}: {text}.")
    return "".join(f" {note}" for note in notes)


def markdown(tables: Sequence[Table], title: str) -> str:
    """All tables as GitHub Markdown."""
    parts = [f"# {title}\n"]
    for table in tables:
        lines = [table.head, ["---"] + ["---:"] * (len(table.head) - 1), *table.rows]
        body = "\n".join("| " + " | ".join(_md(cell) for cell in line) + " |" for line in lines)
        parts.append(f"## {_md(table.title)}\n\n{body}\n\n{_md(table.note)}\n")
    return "\n".join(parts)


def latex(tables: Sequence[Table]) -> str:
    """All tables as LaTeX; needs the packages booktabs and graphicx."""
    parts = ["% Needs \\usepackage{booktabs,graphicx}\n"]
    for table in tables:
        lines = [" & ".join(_tex(cell) for cell in line) + r" \\" for line in table.rows]
        parts.append(
            "\\begin{table}\n\\centering\n"
            f"\\caption{{{_tex(table.title)}. {_tex(table.note)}}}\n"
            f"\\resizebox{{\\linewidth}}{{!}}{{\\begin{{tabular}}{{l{'r' * (len(table.head) - 1)}}}\n"
            "\\toprule\n" + " & ".join(_tex(cell) for cell in table.head) + " \\\\\n\\midrule\n"
            "" + "\n".join(lines) + "\n\\bottomrule\n\\end{tabular}}\n\\end{table}\n"
        )
    return "\n".join(parts)


def headline(summary: pd.DataFrame, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers that must not move unnoticed, in per cent, nested for ``dvc metrics``.

    Test view, data set, imbalance ratio, architecture, method, metric.
    """
    report = shown["report"]
    attack = report.headline_attack
    picked = shown_rows(summary, report).set_index([*CELL, "attack", "scope"])["balanced_accuracy"]
    result: dict[str, Any] = {}
    for dataset, ir, architecture, method in dict.fromkeys(picked.index.droplevel([4, 5])):
        cell = (dataset, ir, architecture, method)
        numbers = {
            "BA": picked[(*cell, "clean", "all")],
            f"BR_{attack}": picked[(*cell, attack, "all")],
        }
        if (*cell, attack, "tail") in picked.index:
            numbers[f"tail_BR_{attack}"] = picked[(*cell, attack, "tail")]
        place = (
            result.setdefault(report.view, {})
            .setdefault(dataset, {})
            .setdefault(f"ir{ir}", {})
            .setdefault(architecture, {})
        )
        place[method] = {name: round(100 * float(value), 3) for name, value in numbers.items()}
    return result


def _md(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


_TEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    **{c: "\\" + c for c in "&%$#_{}"},
}


def _tex(text: str) -> str:
    return "".join(_TEX.get(c, c) for c in text)
