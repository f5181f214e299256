"""Damage each kind of file in each way; ``taet verify`` must name it, and ``--remake`` must bring it back.

    python -m tests.faults.damage

Kinds: images, index list, stage 1, network, predictions, metrics, table, figure, manifest, record, objects in
DVC's cache. Ways: cut to half, one bit flipped, deleted. Before it is remade, what reads
the file must refuse it.
"""

import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Tree
from tests.faults.kills import results
from tests.faults.outcomes import try_all

CELL = "digits/ir10/small_cnn"
SPLIT = ["--dataset", "digits", "--ir", "10", "--seed", "0"]
PLACE = [*SPLIT, "--architecture", "small_cnn"]
# Of each kind a file, and a command that reads it.
KINDS = {
    "images": ("data/raw/digits/images.safetensors", ["subsample", *SPLIT]),
    "index list": (
        "data/longtail/tiny/digits/ir10/seed0.safetensors",
        ["stabilize", *PLACE, "--stabilization", "clean40"],
    ),
    "stage 1": (
        f"results/tiny/stabilize/{CELL}/clean40/seed0.safetensors",
        ["equalize", *PLACE, "--method", "taet"],
    ),
    "network": (
        f"results/tiny/equalize/{CELL}/taet/seed0.safetensors",
        ["attack", *PLACE, "--method", "taet", "--checkpoint", "last", "--job", "gradient"],
    ),
    "predictions": (f"results/tiny/attack/{CELL}/taet/seed0/last/gradient.safetensors", ["score"]),
    "metrics": ("results/tiny/score/metrics.csv", ["tables"]),
    "examples": ("results/tiny/inspect/examples.safetensors", ["figures"]),
    "manifest": ("results/tiny/score/manifest.json", ["tables"]),
    "table": ("results/tiny/tables/main.md", None),
    "figure": (f"results/tiny/figures/ba_br_{CELL.replace('/', '_')}.png", None),
    "record": (f"results/tiny/equalize/{CELL}/taet/seed0.record.json", None),
}
WAYS = ("cut", "bit", "deleted")


@dataclass
class Damage:
    """A file that was damaged, and what came of it.

    Attributes:
        kind, way: see above.
        named: ``taet verify`` names the file, with exit status 1.
        refused: whoever reads it says so and writes nothing; None where nobody reads it.
        restored: after ``--remake`` all results are the bytes they were, and ``verify`` is content.
    """

    kind: str
    way: str
    named: bool
    refused: bool | None
    restored: bool

    @property
    def harmless(self) -> bool:
        return self.named and self.refused is not False and self.restored


def damage(file: Path, way: str, rng: random.Random) -> None:
    """Cut a file to half, flip one of its bits, or delete it."""
    data = bytearray(file.read_bytes())
    file.chmod(0o644)  # DVC's objects are read-only
    if way == "deleted":
        file.unlink()
    elif way == "cut":
        file.write_bytes(data[: len(data) // 2])
    else:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
        file.write_bytes(data)


def damage_everything(finished: Tree, folder: Path, seed: int = 0) -> Iterator[Damage]:
    """Every kind in every way, each in a fresh copy of a tree in which the study ``tiny`` is finished."""
    rng = random.Random(seed)
    for kind, (name, reader) in KINDS.items():
        for way in WAYS:
            if (kind, way) == ("record", "deleted"):
                continue  # no damage: records do not travel with DVC, and nothing reads them
            tree = Tree(folder / "tree")
            shutil.copytree(finished.path, tree.path, symlinks=True)
            before = results(tree)
            damage(tree.path / name, way, rng)
            yield _outcome(tree, before, kind, way, name, reader)
            shutil.rmtree(tree.path)


def _outcome(
    tree: Tree, before: dict[str, bytes], kind: str, way: str, name: str, reader: list[str] | None
) -> Damage:
    damaged = results(tree)
    said = tree.run("taet", "verify")
    # A manifest with another digest in it: "score/metrics.csv is not what manifest.json describes".
    short = Path(name).name
    named = said.returncode == 1 and short in said.stderr
    refused = None
    if reader is not None:
        done = tree.run("taet", *reader)
        refused = done.returncode == 1 and short in done.stderr and results(tree) == damaged
    tree.ok("taet", "verify", "--remake")
    tree.ok("taet", "verify")
    return Damage(kind, way, named, refused, results(tree) == before)


if __name__ == "__main__":
    try_all(damage_everything, "{all} damages, {bad} of them not seen or not mended")
