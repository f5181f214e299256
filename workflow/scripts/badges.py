"""Draw the README's badges, which need no network: docs/badges/*.svg.

python workflow/scripts/badges.py
"""

import csv
import tomllib
from pathlib import Path

FOLDER = Path("docs/badges")
HEIGHT, LETTER, MARGIN = 20, 6.6, 6  # pixels; a letter's width is an average
BADGE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" role="img" '
    'aria-label="{name}: {value}">'
    '<rect width="{width}" height="{height}" rx="3" fill="#555"/>'
    '<path d="M{left} 0H{edge}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z" fill="#0072b2"/>'
    '<g fill="#fff" font-family="DejaVu Sans,Verdana,sans-serif" font-size="11" text-anchor="middle">'
    '<text x="{name_at}" y="14">{name}</text><text x="{value_at}" y="14">{value}</text></g></svg>\n'
)


def badges() -> dict[str, str]:
    """The drawing of each badge, by its file's name."""
    project = tomllib.loads(Path("pyproject.toml").read_text(encoding="utf-8"))["project"]
    with Path("tests/mutations/results.csv").open(encoding="utf-8", newline="") as file:
        caught = [bool(row["caught_by"]) for row in csv.DictReader(file)]
    return {
        "python.svg": badge(
            "python", project["requires-python"].replace(">=", "\N{GREATER-THAN OR EQUAL TO} ")
        ),
        "license.svg": badge("license", project["license"]),
        "mutations.svg": badge("mutations caught", f"{sum(caught)} of {len(caught)}"),
    }


def badge(name: str, value: str) -> str:
    """A box with a name at the left and its value at the right."""
    left, right = (round(LETTER * len(text)) + 2 * MARGIN for text in (name, value))
    return BADGE.format(
        name=name,
        value=value,
        left=left,
        width=left + right,
        edge=left + right - 3,
        height=HEIGHT,
        name_at=left / 2,
        value_at=left + right / 2,
    )


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, drawing in badges().items():
        (FOLDER / name).write_text(drawing, encoding="utf-8")
        print(f"wrote {FOLDER / name}")
