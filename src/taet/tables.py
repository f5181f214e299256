"""What the tables say: which rows and columns, with which numbers and marks."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from taet.compare import MOST_SEEDS, POWER
from taet.summary import CELL, of_groups, shown_rows, view_title
from taet.typeset import Mark, Table

SCOPES = {"head": "head", "medium": "medium", "tail": "tail", "worst_class": "worst class"}
Column = tuple[str, str, str]  # attack, scope, title
MOST_CLASSES = 10  # in the table of the rarest
MARKS = (
    "Bold: the largest mean; underlined: the second. ≈ (all and tail classes): not separable from the "
    "largest, since the interval of the paired difference has 0, or its t-test over seeds, by itself and not "
    "corrected for their number, does not exclude it."
)
CHECKPOINT_TITLES = {
    "last": "Last checkpoint",
    "best": "Best checkpoint, by balanced robustness on validation images",
}


@dataclass(frozen=True)
class _Place:
    """A data set, imbalance ratio and architecture, and what there is to say of it.

    Attributes:
        title: for people.
        everything: rows of the summary, in the view that is shown.
        part: those of the checkpoint that is shown.
        contrasts: rows of contrasts.csv, likewise.
        shown: see ``main_tables``.
    """

    title: str
    everything: pd.DataFrame
    part: pd.DataFrame
    contrasts: pd.DataFrame
    shown: Mapping[str, Any]

    @property
    def methods(self) -> Mapping[str, str]:
        """Labels by name."""
        return self.shown["labels"]["methods"]  # type: ignore[no-any-return]

    @property
    def scopes(self) -> list[str]:
        """Groups that have classes, and the worst class."""
        return [scope for scope in SCOPES if scope in set(self.part["scope"])]

    @property
    def published(self) -> list[dict[str, Any]]:
        """What others have published for it; see ``taet.published``."""
        first = self.part.iloc[0]
        return [
            row
            for row in self.shown["published"]
            if (row["dataset"], row["ir"]) == (first["dataset"], first["imbalance_ratio"])
        ]

    @cached_property
    def note(self) -> str:
        """What stands below its tables."""
        return _note(self.part, self.shown)

    def pair(self, method: str, other: str, attack: str, scope: str) -> pd.Series | None:
        """Their contrast, method minus other; None where there is none."""
        rows = self.contrasts
        rows = rows[(rows["attack"] == attack) & (rows["scope"] == scope)]
        found = rows[rows[["method", "other"]].isin([method, other]).all(axis=1)]
        if method == other or not len(found):
            return None
        row = found.iloc[0].copy()
        if row["method"] != method:
            row["difference"], row["low"], row["high"] = (
                -row["difference"],
                -row["high"],
                -row["low"],
            )
        return row


def main_tables(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """Tables of each data set, imbalance ratio and architecture.

    The first has BA and the BR of every attack over all classes, the second both for head, medium
    and tail classes and for the worst class, the third for each of the rarest classes; then the differences
    to the best method, what training costs, our numbers beside published ones where there are any, the last
    checkpoint against the best where both were attacked, and one table for each kind of method that stands
    in the study in several variants.

    Args:
        summary: see ``taet.summary.with_bootstrap``.
        contrasts: contrasts.csv.
        shown: ``report``, ``labels``, ``study``, ``threat``, ``variants``, ``costs``, ``published`` of the
            parameters.
    """
    for place in _places(summary, contrasts, shown):
        yield from _tables_of(place)


def overview_tables(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[Table]:
    """The few columns that say most, for each data set, imbalance ratio and architecture.

    BA, BR under the headline attack and in the worst cases, BR of the tail. Arguments: see ``main_tables``.
    """
    report, labels = shown["report"], shown["labels"]["attacks"]
    headline = report.headline_attack
    attacks = [headline, *report.worst_cases]
    columns = [("clean", "all", "BA"), *((a, "all", f"BR {labels[a]}") for a in attacks)]
    columns.append((headline, "tail", f"BR {labels[headline]} tail"))
    for place in _places(summary, contrasts, shown):
        yield _table(place, "overview", columns)


def place_title(
    labels: Mapping[str, Mapping[str, str]], dataset: str, ir: str, architecture: str
) -> str:
    """What titles of tables begin with."""
    return f"{labels['datasets'][dataset]}, IR {ir}, {labels['architectures'][architecture]}"


def _places(
    summary: pd.DataFrame, contrasts: pd.DataFrame, shown: Mapping[str, Any]
) -> Iterator[_Place]:
    report, labels = shown["report"], shown["labels"]
    compared = shown_rows(contrasts, report)
    in_view = summary[summary["view"] == report.view]
    for names, everything in in_view.groupby(CELL[:3], sort=False):
        dataset, ir, architecture = names
        yield _Place(
            place_title(labels, dataset, ir, architecture),
            everything,
            shown_rows(everything, report),
            compared[(compared[CELL[:3]] == list(names)).all(axis=1)],
            shown,
        )


def _tables_of(place: _Place) -> Iterator[Table]:
    report, labels = place.shown["report"], place.shown["labels"]
    headline = report.headline_attack
    everything = [("clean", "all", "BA")]
    everything += [(attack, "all", f"BR {label}") for attack, label in labels["attacks"].items()]
    short = [column for column in everything if column[0] in ("clean", headline)]
    groups = [
        (attack, scope, f"{title} {SCOPES[scope]}")
        for attack, _, title in short
        for scope in place.scopes
    ]
    yield _table(place, "all classes", everything)
    yield _table(place, "by class frequency", groups)
    yield _rarest_table(place, [attack for attack, _, _ in short])
    if len(place.contrasts):
        yield _differences_table(place)
    yield _costs_table(place, short)
    if place.published:
        yield _published_table(place)
    if len(set(place.everything["checkpoint"])) > 1:
        yield _checkpoints_table(place, short)
    columns = short + [column for column in groups if column[1] == "tail"]
    for methods in place.shown["variants"].values():
        yield _variants_table(place, columns, methods)


def _table(
    place: _Place, title: str, columns: Sequence[Column], methods: Sequence[str] | None = None
) -> Table:
    """A row for each method; in each column the best and the second stand out.

    Args:
        methods: some of the methods; all if None.
    """
    chosen = list(place.methods) if methods is None else list(methods)
    values = of_groups(place.part).set_index(["method", "attack", "scope"])
    rows = [[place.methods[method]] for method in chosen]
    marks: dict[tuple[int, int], Mark] = {}
    for number, (attack, scope, _) in enumerate(columns, 1):
        found = [values.loc[(method, attack, scope)] for method in chosen]
        means = [row["balanced_accuracy"] for row in found]
        marks |= {(row, number): mark for row, mark in _standing(means).items()}
        best = chosen[means.index(max(means))]
        for row, method, value in zip(rows, chosen, found, strict=True):
            pair = place.pair(method, best, attack, scope)
            row.append(
                _number(value) + (" ≈" if pair is not None and _is_open(pair, place) else "")
            )
    head = ["Method", *(name for _, _, name in columns)]
    return Table(f"{place.title}: {title}", place.note, head, rows, marks)


def _standing(values: Sequence[float]) -> dict[int, Mark]:
    """Which values are the largest, and which the second largest; equal ones share a place."""
    places: list[Mark] = ["best", "second"]
    order = sorted({v for v in values if v == v}, reverse=True)[: len(places)]
    ranks = dict(zip(order, places, strict=False))
    return {i: ranks[value] for i, value in enumerate(values) if value in ranks}


def _is_open(pair: pd.Series, place: _Place) -> bool:
    """Whether a difference may be none: its interval has 0, or the test over seeds does not exclude it.

    By itself: with three seeds a test corrected for all pairs finds next to nothing.
    """
    level = 1 - place.shown["report"].confidence
    return bool(pair["low"] <= 0 <= pair["high"] or pair["p"] >= level)


def _rarest_table(place: _Place, attacks: Sequence[str]) -> Table:
    """Accuracy in each of the classes with the fewest training images."""
    single = place.part[place.part["scope"] == "class"]
    classes = single.groupby("class_index")["train_images"].mean().sort_values(kind="stable")
    chosen = list(classes.index[: min(len(classes) // 2, MOST_CLASSES)])[::-1]
    names = single.drop_duplicates("class_index").set_index("class_index")["class_name"]
    values = single.set_index(["method", "attack", "class_index"])
    labels = {"clean": "clean", **place.shown["labels"]["attacks"]}
    columns = [(attack, c) for attack in attacks for c in chosen]
    rows = [[label] for label in place.methods.values()]
    marks: dict[tuple[int, int], Mark] = {}
    for number, (attack, c) in enumerate(columns, 1):
        means = [values.loc[(method, attack, c), "accuracy"] for method in place.methods]
        spreads = [values.loc[(method, attack, c), "accuracy_sd"] for method in place.methods]
        marks |= {(row, number): mark for row, mark in _standing(means).items()}
        for row, mean, sd in zip(rows, means, spreads, strict=True):
            row.append(f"{100 * mean:.1f}" + ("" if pd.isna(sd) else f" ± {100 * sd:.1f}"))
    head = ["Method", *(f"{labels[attack]}: {names[c]}" for attack, c in columns)]
    images = ", ".join(f"{names[c]} {classes[c]:.0f}" for c in chosen)
    note = (
        f"Accuracy of each class in per cent, mean ± standard deviation over n = "
        f"{int(single['seeds'].max())} seeds. The {len(chosen)} classes with the fewest training images: "
        f"{images}. Bold: the largest mean; underlined: the second."
    )
    return Table(f"{place.title}: the rarest classes", note, head, rows, marks)


def _differences_table(place: _Place) -> Table:
    """Every method against the best one under the headline attack."""
    report, labels = place.shown["report"], place.shown["labels"]
    attack = report.headline_attack
    values = place.part[(place.part["attack"] == attack) & (place.part["scope"] == "all")]
    best = values.set_index("method")["balanced_accuracy"].idxmax()
    pairs = {method: place.pair(method, best, attack, "all") for method in place.methods}
    there = {method: pair for method, pair in pairs.items() if pair is not None}
    rows = [
        [
            place.methods[method],
            f"{100 * pair['difference']:+.1f} [{100 * pair['low']:+.1f}, {100 * pair['high']:+.1f}]",
            "-" if pd.isna(pair["p_holm"]) else f"{pair['p_holm']:.3f}",
            _seeds_needed(pair),
        ]
        for method, pair in there.items()
    ]
    count = len(place.methods) * (len(place.methods) - 1) // 2
    seeds = next(iter(there.values()))["seeds"]
    note = (
        f"Balanced robustness minus that of {place.methods[best]}, in points, with the same seeds and "
        f"images on both sides, seeds: n = {seeds} [{report.confidence:.0%} interval: bootstrap over "
        "seeds and images; with few seeds too narrow]. p: paired t-test over seeds, corrected for all "
        f"{count} pairs of methods (Holm). Seeds: how many a paired t-test would need to find such a "
        f"difference with a power of {POWER:.0%}, by itself."
    )
    title = f"{place.title}: differences to {place.methods[best]}, BR {labels['attacks'][attack]}"
    return Table(title, note, ["Method", "Difference", "p (Holm)", "Seeds needed"], rows)


def _costs_table(place: _Place, columns: Sequence[Column]) -> Table:
    """What a training costs, beside what it gives."""
    plain = _table(place, "what training costs", columns)
    costs = place.shown["costs"]
    least = min(costs.values())
    rows = [
        [row[0], f"{costs[method]:.0f}", f"{costs[method] / least:.1f}", *row[1:]]
        for method, row in zip(place.methods, plain.rows, strict=True)
    ]
    note = (
        f"Passes: forward and backward passes of each training image through the network, in the whole "
        f"training with its stage 1; ratio: to the cheapest method here. {place.note}"
    )
    head = [plain.head[0], "Passes", "Ratio", *plain.head[1:]]
    marks = {(row, column + 2): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.title, note, head, rows, marks)


def _published_table(place: _Place) -> Table:
    """Ours beside published numbers, with the difference and both errors."""
    report, labels = place.shown["report"], {"clean": "BA", **place.shown["labels"]["attacks"]}
    values = place.part[place.part["scope"] == "all"].set_index(["method", "attack"])
    attacks = [name for name in labels if any(row["attack"] == name for row in place.published)]
    by_row: dict[tuple[str, ...], dict[str, dict[str, Any]]] = {}
    for row in place.published:
        what = (row["method"], row["source"], row["architecture"] or "?", row["view"] or "?")
        by_row.setdefault(what, {})[row["attack"]] = row
    rows = [
        [
            place.methods[method],
            *(text.replace("_", " ") for text in about),
            *(
                cell
                for attack in attacks
                for cell in _beside(there.get(attack), values.loc[(method, attack)])
            ),
        ]
        for (method, *about), there in by_row.items()
    ]
    head = ["Method", "Published by", "Network", "Test view"]
    for attack in attacks:
        title = labels[attack] if attack == "clean" else f"BR {labels[attack]}"
        head += [f"{title} published", "ours", "difference"]
    note = (
        "Published numbers as printed, or read off a picture (± reading error); errors of their own they do "
        "not state. The difference, ours minus published, has the reading error and half of our "
        f"{report.confidence:.0%} interval, added in quadrature. Networks, epochs, checkpoints and test "
        f"views are theirs: a difference is no failed reproduction unless all these agree. {place.note}"
    )
    return Table(f"{place.title}: beside published numbers", note, head, rows)


def _beside(published: dict[str, Any] | None, ours: pd.Series) -> list[str]:
    """Published number, ours, and the difference; in per cent."""
    if published is None:
        return ["", "", ""]
    reading = published["uncertainty"] or 0.0
    low, high = _interval(ours)
    error = math.hypot(reading, 50 * (high - low))
    difference = 100 * ours["balanced_accuracy"] - published["value"]
    theirs = f"{published['value']:g}" + (f" ± {reading:g}" if reading else "")
    return [
        theirs,
        _number(ours),
        f"{difference:+.1f}" + (f" ± {error:.1f}" if error == error else ""),
    ]


def _interval(row: pd.Series) -> tuple[float, float]:
    """Student's t over seeds; with one seed the bootstrap over its images."""
    kind = "balanced_accuracy" if row["seeds"] > 1 else "bootstrap"
    return row[f"{kind}_low"], row[f"{kind}_high"]


def _checkpoints_table(place: _Place, columns: Sequence[Column]) -> Table:
    """Every checkpoint of every method."""
    values = of_groups(place.everything)
    values = values.set_index(["method", "checkpoint", "attack", "scope"])
    checkpoints = list(dict.fromkeys(place.everything["checkpoint"]))
    keys = [(attack, scope, c) for attack, scope, _ in columns for c in checkpoints]
    rows = [
        [label, *(_number(values.loc[(method, c, attack, scope)]) for attack, scope, c in keys)]
        for method, label in place.methods.items()
    ]
    head = ["Method", *(f"{title}, {c}" for _, _, title in columns for c in checkpoints)]
    titles = "; ".join(f"{c}: {CHECKPOINT_TITLES[c].lower()}" for c in checkpoints)
    return Table(f"{place.title}: checkpoints", f"{titles}. {place.note}", head, rows)


def _seeds_needed(row: pd.Series) -> str:
    """One seed shows no spread, so nothing can be said."""
    if pd.isna(row["sd"]):
        return "-"
    return f"> {MOST_SEEDS}" if pd.isna(row["seeds_needed"]) else f"{row['seeds_needed']:.0f}"


def _variants_table(
    place: _Place, columns: Sequence[Column], methods: Mapping[str, Mapping[str, Any]]
) -> Table:
    """Options in which methods of one kind differ, and what comes of it."""
    options = list(next(iter(methods.values())))
    plain = _table(place, "variants", columns, list(methods))
    rows = [
        [row[0], *(_option(values[name]) for name in options), *row[1:]]
        for row, values in zip(plain.rows, methods.values(), strict=True)
    ]
    head = [plain.head[0], *options, *plain.head[1:]]
    marks = {(row, column + len(options)): mark for (row, column), mark in plain.marks.items()}
    return Table(plain.title, place.note, head, rows, marks)


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
        median = f"{row['median_distance']:.2f}" if row["median_distance"] < math.inf else "∞"
        after += f" ({row['norm'].upper()} {median})"
    spread = f" ± {100 * row['balanced_accuracy_sd']:.1f}" if row["seeds"] > 1 else ""
    low, high = _interval(row)
    between = "" if pd.isna(low) else f" [{100 * low:.1f}, {100 * high:.1f}]"
    return f"{mean:.1f}{spread}{between}{after}"


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
        f"the one with the lowest share. {MARKS}{_attack_notes(part, shown)}"
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
            f"{names}: not bounded by any eps; what counts, in parentheses, is the median over attacked "
            "images of the norm that fools the model (∞: half of them were not fooled), mean over seeds."
        )
    warned = part[(part["scope"] == "all") & part["warnings"].notna()]
    for text, rows in warned.groupby("warnings", sort=False):
        methods = ", ".join(dict.fromkeys(labels["methods"][m] for m in rows["method"]))
        notes.append(f"!: {methods}: {text}.")
    return "".join(f" {note}" for note in notes)


def headline(summary: pd.DataFrame, shown: Mapping[str, Any]) -> dict[str, Any]:
    """The few numbers that must not move unnoticed, in per cent, nested for ``dvc metrics``.

    Test view, data set, imbalance ratio, architecture, method, metric.
    """
    report = shown["report"]
    attack = report.headline_attack
    rows = of_groups(shown_rows(summary, report))
    picked = rows.set_index([*CELL, "attack", "scope"])["balanced_accuracy"]
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


def headline_rows(numbers: Mapping[str, Any], attack: str) -> list[dict[str, Any]]:
    """The same numbers for ``dvc plots``: a row for each cell, in the columns BA, BR and tail_BR.

    Args:
        numbers: see ``headline``.
        attack: that BR is under.
    """
    titles = {"BA": "BA", f"BR_{attack}": "BR", f"tail_BR_{attack}": "tail_BR"}
    return [
        {"cell": f"{dataset} {ir} {architecture} {method}"}
        | {title: values.get(name) for name, title in titles.items()}
        for datasets in numbers.values()
        for dataset, ratios in datasets.items()
        for ir, architectures in ratios.items()
        for architecture, methods in architectures.items()
        for method, values in methods.items()
    ]
