"""How far two machines are apart: writes ``machines.csv``, from which the bands are.

    python -m tests.regression.machines

The default study was saved twice from the same parameters, on two machines; git has both. Rounding alone is between them:
a run of the cut by later code, on the first machine, gave the first one's numbers exactly. Every two of the three seeds, at
both imbalance ratios, are a cut.
"""

import subprocess
import tempfile
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd

from tests.regression.comparison import BANDS, QUANTITY, Scores, quantities

RUNS = ("3e12283d30dddbe706a849b1a5412ee09493f6f2", "4a57e2d47a970210b0612dc57f694d5382c32fa7")
ROOT = Path(__file__).parents[2]
SCORE = "results/reference/digits/score"
SEEDS = (0, 1, 2)
WIDTH, ROOM = 5, 1.25
LEAST = 0.002  # another torch may round otherwise than both


def moves() -> pd.DataFrame:
    """Of each quantity: how many numbers, how far they moved, and the band."""
    one, other = (_saved(revision) for revision in RUNS)
    cuts = [(ratio, seeds) for ratio in ("10", "20") for seeds in combinations(SEEDS, 2)]
    moved = pd.concat([one.of(*cut).numbers - other.of(*cut).numbers for cut in cuts]).abs()
    groups = moved.groupby(list(quantities(moved)))
    rows = pd.DataFrame(
        {
            "numbers": groups.size(),
            "root_mean_square": groups.agg(lambda values: np.sqrt((values**2).mean())).round(6),
            "greatest": groups.max().round(6),
        }
    )
    return rows.assign(band=band(rows)).reset_index(names=QUANTITY)


def band(rows: pd.DataFrame) -> pd.Series:
    """Room beyond what two machines have shown: a third may be farther off."""
    typical, greatest = WIDTH * rows["root_mean_square"], ROOM * rows["greatest"]
    return np.maximum(typical, greatest).clip(lower=LEAST).round(4)


def _saved(revision: str) -> Scores:
    with tempfile.TemporaryDirectory() as folder:
        for name in ("metrics.csv", "training.csv"):
            file = f"{revision}:{SCORE}/{name}"
            data = subprocess.run(
                ["git", "show", file], cwd=ROOT, check=True, stdout=subprocess.PIPE
            )
            Path(folder, name).write_bytes(data.stdout)
            if name == "metrics.csv":  # older revisions call a test set a view
                text = Path(folder, name).read_text()
                Path(folder, name).write_text(text.replace(",view,", ",test_set,", 1))
        return Scores.read(Path(folder))


if __name__ == "__main__":
    moves().to_csv(BANDS, index=False, lineterminator="\n")
    print(f"wrote {BANDS}")
