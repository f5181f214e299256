"""The leaderboard: all claims of a folder beside the saved studies, as Markdown, CSV and one page."""

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from taet.claims.check import checked
from taet.claims.images import ImageLists
from taet.claims.rows import Row, Share, by_setting, row_of_claim
from taet.claims.saved import saved_rows
from taet.errors import UserError
from taet.report.template import template
from taet.report.typeset import NONE, Table, markdown_table, markdown_text, percent
from taet.scores import notes
from taet.scores.csv_bytes import DIGITS, csv_bytes
from taet.study.params.blocks import ClaimOptions, imbalance_ratio_label
from taet.study.store import artifacts

STEM = "leaderboard"
HEAD = (
    "Model", "Rank", "Worst-case BR", "BA", "BR tail", "Long-tailed", "n", "Passes", "Network", "Attacks",
    "Source",
)  # fmt: skip
BOUND = "\N{LESS-THAN OR EQUAL TO} "


def write(
    folder: Path, out: Path, lists: ImageLists, params_file: Path
) -> tuple[list[Path], list[str]]:
    """Write leaderboard.md, leaderboard.csv and leaderboard.html.

    Args:
        folder: with claims, one JSON file each.
        out: the folder that they are written to.
        lists: of the parameters with the protocol.
        params_file: that of the saved studies.

    Returns:
        The files, and a line for each claim that is left out.

    Raises:
        UserError: there is no such folder, or saved results are damaged.
    """
    claims, problems = read_claims(folder, lists)
    groups = by_setting([*claims, *saved_rows(params_file)])
    protocol = lists.params.claim
    every = [lists.params.attacks[name].label for name in protocol.attacks]
    page = template("leaderboard.html.j2").render(
        protocol=protocol,
        about=about(protocol),
        groups=[
            (setting, _page_rows(rows, every, folder, out)) for setting, rows in groups.items()
        ],
        head=HEAD,
        warned=any(row.warnings for rows in groups.values() for row in rows),
        problems=problems,
        on_dark={},
    )
    contents = {
        "md": _markdown(groups, every, protocol).encode(),
        "csv": csv_bytes(_csv_table(groups), DIGITS),
        "html": page.encode(),
    }
    files = [out / f"{STEM}.{suffix}" for suffix in contents]
    for file, data in zip(files, contents.values(), strict=True):
        artifacts.write_bytes(file, data)
    return files, problems


def read_claims(folder: Path, lists: ImageLists) -> tuple[list[Row], list[str]]:
    """Rows of the claims in a folder, and what is wrong with those that are left out, a line each."""
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder")
    rows, problems = [], []
    files: dict[tuple[Any, ...], str] = {}  # by network and setting
    for file in sorted(folder.glob("*.json")):
        try:
            claim = checked(file, lists)
        except UserError as error:
            problems.append(f"{error}; left out")
            continue
        first = files.setdefault(
            (claim.weights.digest, claim.dataset, claim.imbalance_ratio), file.name
        )
        if first == file.name:
            rows.append(row_of_claim(claim, file.name, lists.params))
        else:
            problems.append(f"{file}: weights: the same network as in {first}; left out")
    return rows, problems


def about(protocol: ClaimOptions) -> str:
    """What the columns are."""
    level = percent(protocol.confidence)
    return (
        "Worst-case BR: balanced accuracy in % over images that survive every attack, on the balanced test "
        f"set. Its {level} interval is over test images for a claim, and over seeds for a study (over test "
        "images if it has one seed). BA: the same without attack. BR tail: over tail classes. Long-tailed: "
        "accuracy in the worst case on the long-tailed test set. n: test images, times the seeds of a study. "
        "Passes: forward and backward passes per training image over the whole training, as stated by a "
        "claim. Attacks: those of the protocol, or what differs from them. "
        f"{BOUND.strip()}: an attack of the protocol is missing, so the number is an upper bound and has no "
        "rank. !: the attacks gave a warning."
    )


def _markdown(groups: Mapping[str, list[Row]], every: Sequence[str], protocol: ClaimOptions) -> str:
    """A table for each setting, and once what the columns are."""
    title = f"Leaderboard: protocol {protocol.protocol}, version {protocol.version}"
    parts = [f"# {markdown_text(title)}", markdown_text(about(protocol))]
    for setting, rows in groups.items():
        pairs = zip(rows, ranks(rows), strict=True)
        texts = [list(cells(row, rank, every).values()) for row, rank in pairs]
        table = markdown_table(Table(setting, "", "", list(HEAD), texts))
        parts.append(f"## {markdown_text(setting)}\n\n{table}")
    return "\n\n".join(parts) + "\n"


def ranks(rows: Iterable[Row]) -> list[int | None]:
    """Of rows in their order; None for those without."""
    count, result = 0, []
    for row in rows:
        count += row.ranked
        result.append(count if row.ranked else None)
    return result


def cells(row: Row, rank: int | None, every: Sequence[str]) -> dict[str, str]:
    """Texts of a row, by the titles of the columns.

    Args:
        every: labels of the attacks of the protocol.
    """
    others = [label for label in row.attacks if label not in every]
    others += [f"no {label}" for label in every if label not in row.attacks]
    texts = (
        row.name,
        NONE if rank is None else str(rank),
        f"{'' if row.complete else BOUND}{_text(row.robustness)}{'!' if row.warnings else ''}",
        _text(row.clean),
        _text(row.tail),
        NONE if row.long_tailed is None else f"{100 * row.long_tailed:.1f}",
        f"{row.images:,}{'' if row.seeds == 1 else f' x {row.seeds}'}",
        NONE if row.passes is None else f"{row.passes:,.0f}",
        row.network,
        ", ".join(others) or "all",
        row.source if row.file is None else f"{row.source} {row.file}",
    )
    return dict(zip(HEAD, texts, strict=True))


def _text(share: Share) -> str:
    """``60.6 [56.2, 64.8]``, in per cent."""
    if share.value is None:
        return NONE
    between = (
        ""
        if share.low is None or share.high is None
        else (f" [{100 * share.low:.1f}, {100 * share.high:.1f}]")
    )
    return f"{100 * share.value:.1f}{between}"


def _page_rows(
    rows: list[Row], every: Sequence[str], folder: Path, out: Path
) -> list[dict[str, Any]]:
    """Rows as the page has them: texts, the link to the claim, and warnings."""
    return [
        {
            "cells": cells(row, rank, every),
            "ranked": row.ranked,
            "link": row.file and os.path.relpath(folder / row.file, out),
            "warnings": row.warnings,
        }
        for row, rank in zip(rows, ranks(rows), strict=True)
    ]


def _csv_table(groups: Mapping[str, list[Row]]) -> pd.DataFrame:
    """Every field of each row, intervals in columns of their own."""
    result = []
    for rows in groups.values():
        for row, rank in zip(rows, ranks(rows), strict=True):
            values = {"rank": rank, **asdict(row)}
            for name in ("robustness", "clean", "tail"):
                share = values.pop(name)
                values |= {name: share[0], f"{name}_low": share[1], f"{name}_high": share[2]}
            values["imbalance_ratio"] = imbalance_ratio_label(row.imbalance_ratio)
            values["attacks"] = "; ".join(row.attacks)
            values["warnings"] = notes.join(row.warnings)
            result.append(values)
    return pd.DataFrame(result).astype({"rank": "Int64"})
