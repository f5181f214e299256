"""What the stage ``inspect`` shows is what was attacked and judged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from taet.scores.summary import read_rows
from taet.study.params.load import load_params
from taet.study.plan.job import Job
from taet.study.plan.study import Study
from taet.study.run import runner
from taet.study.store import artifacts
from tests.conftest import tiny_text
from tests.workflow.test_stages import study

PLACE = "digits/ir10/small_cnn"
METHODS = (
    "pgd_at_la",
    "robal",
    "at_bsl_ema",
)  # with adjusted outputs, a cosine head, averaged weights


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the study has been run up to its inspection."""
    file = tmp_path_factory.mktemp("inspected") / "params.yaml"
    file.write_text(tiny_text())
    with pytest.MonkeyPatch.context() as monkeypatch:
        there = study(file, monkeypatch)
        wanted = (s for s in ("download", "subsample", "equalize", "attack"))
        for job in (*(job for s in wanted for job in there.jobs(s)), there.job("inspect")):
            runner.run_job(job)
    return file.parent


@pytest.fixture
def inspected(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(folder)
    return Study(load_params(folder / "params.yaml", "adjusted"))


def read(job: Job) -> tuple[pd.DataFrame, pd.DataFrame, dict[str, "np.ndarray"]]:
    file = artifacts.by_name(job.files)
    arrays, _ = artifacts.read_arrays(file["examples.safetensors"], job.key)
    return read_rows(file["features.csv"]), read_rows(file["examples.csv"]), arrays


def test_images_and_classes_are_those_of_the_evaluation(inspected: Study) -> None:
    features, examples, arrays = read(inspected.job("inspect"))
    wanted = inspected.params.report.inspection
    raw, facts = artifacts.read_arrays(inspected.job("download", dataset="digits").output)
    shown = dict(list(examples.groupby("method", sort=False)))
    assert tuple(shown) == METHODS
    fooled = 0
    for attack in inspected.jobs("attack"):
        predictions, _ = artifacts.read_arrays(attack.output)
        rows = shown[attack.cell["method"]]
        place = {image: i for i, image in enumerate(predictions["index"])}
        of_image = [place[image] for image in rows["test_image"]]
        names = np.array(facts["class_names"])
        assert (names[predictions["label"][of_image]] == rows["class_name"]).all()
        assert (names[predictions["clean"][of_image]] == rows["clean"]).all()
        assert (names[predictions["pgd20/prediction"][of_image]] == rows["attacked"]).all()
        added = arrays[f"{PLACE}/{attack.cell['method']}"].astype(float)
        distance = np.abs(added).reshape(len(rows), -1).max(1)
        assert distance == pytest.approx(predictions["pgd20/distance"][of_image], abs=1e-3)
        fooled += (rows["clean"] != rows["attacked"]).sum()
    assert fooled, "none was fooled: the test shows nothing"
    clean = arrays[f"{PLACE}/clean"].astype(float) * facts["max_value"]
    assert np.allclose(clean, raw["images"][rows["test_image"]], atol=0.02)
    first = features.groupby(["method", "class_index"], sort=False)["test_image"].first()
    assert (first.to_numpy() == examples["test_image"]).all()
    assert features.groupby(["method", "class_index"]).size().max() <= wanted.images_per_class


def test_the_rarest_classes_are_shown(inspected: Study) -> None:
    _, examples, _ = read(inspected.job("inspect"))
    split = artifacts.read_facts(inspected.jobs("subsample")[0].output)
    counts = np.array(split["class_counts"])
    rarest = np.sort(counts)[: inspected.params.report.inspection.classes]
    shown = examples[examples["method"] == METHODS[0]]["class_index"].astype(int)
    assert list(counts[shown]) == sorted(rarest, reverse=True)


def test_near_images_are_of_one_class(inspected: Study) -> None:
    """Trained networks tell digits apart, so a point's neighbours should be its like."""
    features, _, _ = read(inspected.job("inspect"))
    for _, points in features.groupby("method"):
        where, label = points[["x", "y"]].to_numpy(), points["class_index"].to_numpy()
        distance = np.linalg.norm(where[:, None] - where[None], axis=2)
        np.fill_diagonal(distance, np.inf)
        alike = (label[distance.argmin(1)] == label).mean()
        assert alike > 2 / len(np.unique(label))
