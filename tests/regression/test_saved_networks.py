"""Saved networks give the saved verdicts, image by image, clean and under PGD-20.

On the processor and torch that made them all verdicts are equal. Others, and GPUs, round otherwise, which PGD
amplifies: a few images may differ.
"""

import os
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import taet
from taet.api.cache import cache_images
from taet.axes import MODEL, SPLIT
from taet.data.loader import to_pixels
from taet.networks.network import LAST
from taet.scores.bits import read_bits
from taet.scores.metrics import Array
from taet.scores.summary import read_rows
from taet.study.params.load import load_params
from taet.study.plan.job import Cell, Job
from taet.study.plan.saved import NETWORKS, network_file, read_records
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.records import processor
from tests.conftest import ROOT, Tree

REFERENCE = ROOT / "results/reference"
SAVED = sorted(REFERENCE.glob(f"*/{NETWORKS}/*.safetensors"))
IMAGES = {"digits": 500}  # all test images
MOST = 200  # of any other data set: the first
ATTACK = "pgd20"
ROUNDING = 0.01  # share of verdicts that another machine may change


def case(file: Path) -> Any:
    """The default tests attack TAET's networks of the digits alone; each takes a second."""
    study = file.parent.parent.name
    quick = study == "digits" and "-taet-" in file.name
    return pytest.param(
        study, file.name, id=f"{study}-{file.stem}", marks=() if quick else pytest.mark.saved
    )


@cache
def planned(study: str) -> Study:
    return Study(load_params(ROOT / "params.yaml", study))


def job_of(study: str, file: str) -> Job:
    (job,) = (job for job in planned(study).jobs("equalize") if network_file(job.cell) == file)
    return job


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


def images_of(study: Study, dataset: str, folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """All images of a data set: downloaded before, from a mirror, or made from an installed package."""
    job = study.job("download", dataset=dataset)
    if (ROOT / job.output).exists():
        folder = ROOT
    elif dataset != "digits" and not os.environ.get("TAET_DATA_MIRROR"):
        pytest.skip(
            f"needs {dataset}: run python -m taet download --dataset {dataset}, or name a folder with its "
            "archives in TAET_DATA_MIRROR"
        )
    else:
        cache_images(study, dataset, folder)
    return artifacts.read_arrays(folder / job.output, job.key)


def made_here(record: dict[str, Any]) -> bool:
    """Whether a processor and torch like these made what a record describes."""
    return (
        record["machine"]["processor"] == processor()
        and record["versions"]["torch"] == version("torch")
        and record["device"].startswith("cpu")
    )


def saved_verdicts(study: str, cell: Cell) -> tuple[Array, Array, dict[str, Array]]:
    """Index in the data set, label and verdicts of the test images of a network."""
    score = REFERENCE / study / "score"
    images, correct = (read_rows(score / f"{name}.csv.xz") for name in ("images", "correct"))
    of_split = images[(images[list(SPLIT)] == [cell[axis] for axis in SPLIT]).all(axis=1)]
    bits = read_bits(images, correct)[tuple(cell[axis] for axis in MODEL)]
    rows = slice(IMAGES.get(cell["dataset"], MOST))
    verdicts = {name: bits[name][rows] for name in ("clean", ATTACK)}
    return of_split["index"].to_numpy()[rows], bits["label"][rows], verdicts


@pytest.mark.parametrize(("study", "file"), [case(file) for file in SAVED])
def test_verdicts_are_those_that_are_saved(study: str, file: str, cache_folder: Path) -> None:
    cell = {**job_of(study, file).cell, "checkpoint": LAST}
    arrays, facts = images_of(planned(study), cell["dataset"], cache_folder)
    index, label, saved = saved_verdicts(study, cell)
    assert (arrays["labels"][index] == label).all()
    attacked = taet.attack(
        taet.load(
            f"{study}/{cell['method']}",
            ir=cell["imbalance_ratio"],
            seed=cell["seed"],
            results=ROOT / "results",
        ),
        to_pixels(torch.from_numpy(arrays["images"][index]), facts["max_value"]),
        label,
        ATTACK,
        seed=cell["seed"],
        index=index,
        device="cpu",
        study=study,
        parameters=ROOT / "params.yaml",
    )
    verdicts = {
        "clean": attacked.clean_predictions.numpy() == label,
        ATTACK: attacked.robust.numpy(),
    }
    made = planned(study).job("attack", **cell, job=planned(study).params.attacks[ATTACK].job)
    record = read_records(REFERENCE / study)[str(made.output)]
    allowed = 0 if made_here(record) else ROUNDING * len(index)
    for name in verdicts:
        different = np.flatnonzero(verdicts[name] != saved[name])
        assert len(different) <= allowed, f"{name}: images {index[different]}"


def test_there_are_networks() -> None:
    assert len([file for file in SAVED if file.parent.parent.name == "digits"]) == 22


def test_small_networks_of_one_seed_are_saved(
    finished: Tree, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last weights to the last bit, with the keys of the run; none that is too large for git."""
    monkeypatch.syspath_prepend(str(ROOT / "workflow" / "scripts"))
    import save

    monkeypatch.chdir(finished.path)
    study, folder = Study(load_params()), tmp_path / NETWORKS
    save.save_networks(study, folder)
    files = {network_file(job.cell): job for job in study.jobs("equalize")}
    assert {file.name for file in folder.iterdir()} == {*files, artifacts.MANIFEST}
    key = study.job("score").key
    artifacts.verify_manifest(folder / artifacts.MANIFEST, key, [folder / name for name in files])
    for name, job in files.items():
        saved, facts = artifacts.read_arrays(folder / name, job.key)
        trained, trained_facts = artifacts.read_arrays(job.output)
        assert saved.keys() == {array for array in trained if array.startswith("last/")}
        assert all(saved[array].dtype == trained[array].dtype for array in saved)
        assert all((saved[array] == trained[array]).all() for array in saved)
        assert facts["checkpoints"] == {LAST: trained_facts["checkpoints"][LAST]}
    size = sum(array.nbytes for array in saved.values())
    for limit, known in ((size, True), (size - 1, False)):
        monkeypatch.setattr(save.saved, "LARGEST_NETWORK", limit)
        save.save_networks(study, tmp_path / str(limit))
        assert (tmp_path / str(limit)).exists() == known
