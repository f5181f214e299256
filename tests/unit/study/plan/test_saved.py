"""Saved metrics are compared with their manifest and with the grid before anything is drawn from them."""

import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from taet.errors import UserError
from taet.report.page import path_of
from taet.scores.files import read_scored
from taet.scores.inspected import read_inspected
from taet.study.params.blocks import Params
from taet.study.params.load import load_params
from taet.study.plan.job import Job
from taet.study.plan.saved import (
    COMPUTING,
    NETWORKS,
    RECORDS,
    REFERENCE,
    SAVED,
    SavedStudy,
    read_records,
    write_records,
)
from taet.study.plan.stages import DRAWN, STAGES
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.artifacts import MANIFEST
from taet.study.store.fingerprint import fingerprint
from tests.conftest import ROOT

STUDY = "digits_precision"


@pytest.fixture
def saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved study in a folder of its own, which is the working folder."""
    folder = tmp_path / REFERENCE / STUDY
    shutil.copytree(ROOT / REFERENCE / STUDY, folder)
    monkeypatch.chdir(tmp_path)
    return folder


@cache
def study_of_params(name: str = STUDY) -> Params:
    return load_params(ROOT / "params.yaml", name)


def of_study(**grid: list[object]) -> Params:
    """The study's parameters, with another grid."""
    loaded = study_of_params()
    return loaded.model_copy(update={"grid": loaded.grid.model_copy(update=grid)})


def refusal(study: Params) -> str:
    with pytest.raises(UserError) as refused:
        SavedStudy(study).job("figures")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_is_saved_beyond_the_grid_is_named(saved: Path) -> None:
    """Tables say how many seeds and pairs of methods there are, and over which attacks the worst case is."""
    for grid, problem in (
        ({"seeds": [3]}, "digits 10 small_cnn pgd_at 0 last clean and of"),
        ({"methods": ["at_bsl"]}, "digits 10 small_cnn pgd_at 0 last clean and of"),
        ({"attacks": ["pgd20"]}, "digits 10 small_cnn pgd_at 0 last cw20 and of 29 more cells"),
    ):
        assert f"score/metrics.csv.xz: rows of {problem}" in refusal(of_study(**grid))


@pytest.mark.parametrize(
    ("grid", "problem"),
    [
        ({"methods": ["pgd_at", "adt"]}, "digits 10 small_cnn adt 0 last clean and of 24 more cells"),
        ({"methods": ["pgd_at"], "attacks": ["pgd20", "lsa"], "seeds": [1]},
         "digits 10 small_cnn pgd_at 1 last lsa,"),
        ({"seeds": [4, 5]}, "digits 10 small_cnn pgd_at 5 last clean and of 29 more cells"),
        ({"imbalance_ratios": ["natural"]}, "digits natural small_cnn pgd_at 0"),
        ({"checkpoints": ["best"]}, "digits 10 small_cnn pgd_at 0 best"),
        ({"architectures": ["resnet18"]}, "digits 10 resnet18 pgd_at 0"),
        ({"datasets": ["cifar10"]}, "cifar10 10 small_cnn pgd_at 0"),
    ],
)  # fmt: skip
def test_what_the_grid_has_beyond_it_is_named(
    saved: Path, grid: dict[str, list[object]], problem: str
) -> None:
    text = refusal(of_study(**grid))
    assert text.startswith(f"{REFERENCE / STUDY}/score/metrics.csv.xz: no rows of {problem}")
    assert f"python workflow/scripts/save.py {STUDY}" in text


def test_numbers_of_another_run_than_the_records_are_refused(saved: Path) -> None:
    """A folder with the same cells, whose key is not that of the record."""
    manifest = saved / "score/manifest.json"
    facts = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(facts | {"key": "0" * 16}))
    assert "score/manifest.json: not of the run that records.jsonl describes; " in refusal(
        of_study()
    )


def test_a_lost_folder_is_brought_back(saved: Path) -> None:
    shutil.rmtree(saved / "score")
    text = refusal(of_study())
    assert "score: not found; " in text
    assert "git checkout HEAD -- " in text


def test_nothing_of_a_run_is_replaced(saved: Path) -> None:
    """What is drawn from saved results has a folder of its own, and the keys of tables and figures alone differ."""
    run, redrawn = Study(of_study()), SavedStudy(of_study())
    written = {
        file for stage in STAGES for job in run.jobs(stage) for file in (job.output, *job.files)
    }
    folder = Path("results", STUDY)
    assert path_of(run) == folder / "report.html"
    assert path_of(redrawn) == folder / "redrawn/report.html"
    for stage in ("tables", "figures"):
        job = redrawn.job(stage)
        assert not written & {job.output, *job.files}
        assert {file.parent for file in (job.output, *job.files)} == {folder / "redrawn" / stage}
        assert [file.name for file in job.files] == [file.name for file in run.job(stage).files]
        assert redrawn.output_of_run(stage, {}) == run.job(stage).output


def test_what_is_saved_can_be_read(saved: Path) -> None:
    """Compressed files by the names that they have in a run."""
    tables, figures = (SavedStudy(of_study()).job(stage) for stage in ("tables", "figures"))
    methods = set(of_study().grid.methods)
    assert set(read_scored(tables).metrics["method"]) == methods
    assert set(read_inspected(figures)["examples"]["method"]) == methods


@pytest.mark.parametrize("path", ["score/more.csv.xz", "notes.txt", "attack", "inspect/old"])
@pytest.mark.parametrize("make", [Path.touch, Path.mkdir])
def test_what_no_manifest_lists_is_refused(
    saved: Path, path: str, make: Callable[[Path], None]
) -> None:
    """Files and empty folders."""
    make(saved / path)
    assert refusal(of_study()) == (
        f"{REFERENCE / STUDY / path}: no part of the saved results, no manifest lists it; delete it"
    )


def test_hidden_files_are_left_alone(saved: Path) -> None:
    (saved / ".DS_Store").write_text("of the file manager")
    assert SavedStudy(of_study()).job("figures")


def test_records_of_no_job_are_refused(saved: Path) -> None:
    records = read_records(saved)
    other = NETWORK.replace("at_bsl", "adt")
    write_records(saved, records | {other: records[NETWORK]})
    text = refusal(of_study())
    assert text.startswith(
        f"{REFERENCE / STUDY / RECORDS}: {other}: study {STUDY!r} has no such job in params.yaml now; run it"
    )


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def replace(file: Path) -> None:
    file.write_bytes(b"\xff no text")


@pytest.mark.parametrize("damage", [halve, replace, Path.unlink])
@pytest.mark.parametrize(
    "file",
    [
        *("score/metrics.csv.xz", "score/manifest.json"),
        *("inspect/features.csv.xz", "inspect/manifest.json"),
        *("tables/main.md", "tables/headline.csv", "tables/manifest.json"),
        "figures/manifest.json",
    ],
)
def test_damage_is_named_and_how_to_mend_it(
    saved: Path, file: str, damage: Callable[[Path], None]
) -> None:
    damage(saved / file)
    text = refusal(of_study())
    gone = file.endswith("manifest.json") and damage is Path.unlink
    problem = "no such file" if gone else "damaged"
    assert text.startswith(f"{REFERENCE / STUDY / file}: {problem}")
    assert text.endswith(f"git checkout HEAD -- {(REFERENCE / STUDY / file).parent}")


@pytest.mark.parametrize("stage", [*SAVED, *DRAWN])
def test_a_folder_is_missing(saved: Path, stage: str) -> None:
    shutil.rmtree(saved / stage)
    text = refusal(of_study())
    assert text.startswith(f"{REFERENCE / STUDY / stage}")
    assert " not found; " in text or " no such file; " in text
    assert f"git checkout HEAD -- {REFERENCE / STUDY}" in text


@pytest.mark.parametrize("stage", DRAWN)
def test_what_was_drawn_is_that_of_its_record(saved: Path, stage: str) -> None:
    manifest = saved / stage / MANIFEST
    facts = json.loads(manifest.read_text())
    problem = (
        f"{REFERENCE / STUDY / stage / MANIFEST}: not of the run that records.jsonl describes; get back what "
        f"is saved with: git checkout HEAD -- {REFERENCE / STUDY}"
    )
    manifest.write_text(json.dumps(facts | {"key": "0" * 16}))
    assert refusal(of_study()) == problem
    manifest.write_text(json.dumps(facts))
    records = read_records(saved)
    del records[f"results/{STUDY}/{stage}/{MANIFEST}"]
    write_records(saved, records)
    assert refusal(of_study()) == problem


def test_names_of_figures_are_those_of_their_record(saved: Path) -> None:
    """Another one, and one fewer."""
    manifest = saved / "figures" / MANIFEST
    facts = json.loads(manifest.read_text())
    digests = facts["files"]
    figure = min(digests).partition(".")[0]
    for files in (
        digests | {"other.svg": "0"},
        {name: digests[name] for name in digests if not name.startswith(f"{figure}.")},
    ):
        manifest.write_text(json.dumps(facts | {"files": files}))
        assert "figures/manifest.json: not of the run that records.jsonl describes; " in refusal(
            of_study()
        )


NETWORK = f"results/{STUDY}/equalize/digits/ir10/small_cnn/at_bsl/seed1.safetensors"


def falsify(file: Path) -> None:
    """One value of one record is another one."""
    text = file.read_text()
    assert text.count('"stop": 28') > 1
    file.write_text(text.replace('"stop": 28', '"stop": 27', 1))


@pytest.mark.parametrize("damage", [halve, replace, falsify, Path.unlink])
def test_records_are_read_too(saved: Path, damage: Callable[[Path], None]) -> None:
    damage(saved / RECORDS)
    text = refusal(of_study())
    problem = "missing" if damage is Path.unlink else "damaged"
    assert text.startswith(f"{REFERENCE / STUDY / RECORDS}: {problem}")
    assert text.endswith(f"git checkout HEAD -- {REFERENCE / STUDY}")


def test_a_record_for_every_job(saved: Path) -> None:
    records = read_records(saved)
    del records[NETWORK]
    write_records(saved, records)
    assert f"{RECORDS}: {NETWORK}: has no record" in refusal(of_study())


def save_whole(folder: Path, records: dict[str, dict[str, Any]]) -> None:
    """Save edited records, each with the digest of what it says now."""
    for record in records.values():
        facts = {name: value for name, value in record.items() if name != "digest"}
        record["digest"] = artifacts.digest({}, facts)
    write_records(folder, records)


@pytest.mark.parametrize(
    "output",
    [
        NETWORK,
        f"results/{STUDY}/attack/digits/ir10/small_cnn/at_bsl/seed1/last/gradient.safetensors",
        f"data/longtail/{STUDY}/digits/ir10/seed1.safetensors",
        "data/raw/digits/images.safetensors",
    ],
)
def test_inputs_are_those_that_the_records_describe(saved: Path, output: str) -> None:
    records = read_records(saved)
    key = records[output]["key"]
    records[output]["key"] = "0" * 16
    save_whole(saved, records)
    text = refusal(of_study())
    assert f": made from {output} with key {key}, of which there is no record; " in text
    assert text.endswith(f"git checkout HEAD -- {REFERENCE / STUDY}")


def test_tables_are_those_of_the_saved_scores(saved: Path) -> None:
    """Tables that were drawn from saved scores name these as input, not those of the run."""
    records, score = read_records(saved), f"{REFERENCE / STUDY}/score/manifest.json"
    needed = records[f"results/{STUDY}/tables/{MANIFEST}"]["inputs"]["score"]
    assert needed["path"] == score
    needed["key"] = "0" * 16
    save_whole(saved, records)
    assert f"tables/{MANIFEST}: made from {score} with key {'0' * 16}, of which" in refusal(
        of_study()
    )


def test_records_of_stabilization_are_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = "cifar10_small"
    folder = tmp_path / REFERENCE / study
    shutil.copytree(ROOT / REFERENCE / study, folder)
    monkeypatch.chdir(tmp_path)
    records = read_records(folder)
    write_records(folder, {o: r for o, r in records.items() if "/stabilize/" not in o})
    text = refusal(study_of_params(study))
    assert "stabilize/cifar10/ir10/resnet18_narrow/clean40/seed0.safetensors: has no record" in text
    assert text.endswith(f"git checkout HEAD -- {REFERENCE / study}")


def test_records_of_other_jobs_are_refused(saved: Path) -> None:
    """Each says which job it is of: neither an exchanged line nor a second one passes."""
    records = read_records(saved)
    other = NETWORK.replace("seed1", "seed2")
    write_records(saved, records | {NETWORK: records[other], other: records[NETWORK]})
    assert f"{NETWORK}: the record is that of another job" in refusal(of_study())
    write_records(saved, records)
    text = (saved / RECORDS).read_text()
    (saved / RECORDS).write_text(text + text.splitlines()[0] + "\n")
    assert refusal(of_study()).startswith(f"{REFERENCE / STUDY / RECORDS}: damaged")


def others(blocks: dict[str, Any], name: str, part: str, **change: Any) -> dict[str, Any]:
    """Blocks of which one has another value in a block inside it."""
    inner = getattr(blocks[name], part).model_copy(update=change)
    return {**blocks, name: blocks[name].model_copy(update={part: inner})}


def test_numbers_made_under_other_parameters_are_not_drawn(saved: Path) -> None:
    study = of_study()
    attack = study.attacks["pgd20"].model_copy(update={"steps": 10})
    score = "results/digits_precision/score/manifest.json: "
    changes = [
        ({"threat": study.threat.model_copy(update={"eps": 0.2})}, "seed0.safetensors: threat"),
        ({"attacks": {**study.attacks, "pgd20": attack}}, ".safetensors: attacks"),
        (
            {"datasets": others(study.datasets, "digits", "longtail", class_order="size")},
            "longtail",
        ),
        ({"methods": others(study.methods, "pgd_at", "training", epochs=3)}, ".safetensors: stop"),
        ({"report": study.report.model_copy(update={"confidence": 0.9})}, f"{score}confidence"),
        ({"compute": study.compute.model_copy(update={"device": "cuda"})}, ".safetensors: compute"),
    ]
    for change, problem in changes:
        text = refusal(study.model_copy(update=change))
        assert f"{problem} was another one than in params.yaml now" in text
        assert f"snakemake --cores 4 all --config study={STUDY}" in text


def test_stabilization_is_compared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = study_of_params("cifar10_small")
    longer = study.stabilizations["clean40"].model_copy(update={"epochs": 8})
    monkeypatch.chdir(ROOT)
    changed = study.model_copy(
        update={"stabilizations": {**study.stabilizations, "clean40": longer}}
    )
    assert "clean40/seed0.safetensors: stop was another one than in" in refusal(changed)


def test_each_job_is_planned_once(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    titles: list[str] = []
    plan = Study._make

    def planned(*arguments: Any) -> Job:
        job = plan(*arguments)
        titles.append(job.title)
        return job

    monkeypatch.setattr(Study, "_make", planned)
    SavedStudy(of_study()).job("figures")
    attacks = [title for title in titles if title.startswith("attack")]
    assert len(attacks) == len(set(attacks)) > 1


def test_resources_and_order_may_change(saved: Path) -> None:
    study = of_study()
    for change in (
        {"compute": study.compute.model_copy(update={"threads": 7})},
        {"grid": study.grid.model_copy(update={"methods": study.grid.methods[::-1]})},
    ):
        assert SavedStudy(study.model_copy(update=change)).job("figures")


def test_stages_whose_code_has_changed_since_are_named(saved: Path) -> None:
    """One network by other code is enough; what was drawn does not count."""
    params, records = of_study(), read_records(saved)
    jobs = {str(job.output): job for stage in COMPUTING for job in Study(params).jobs(stage)}

    def save(**fingerprints: str) -> SavedStudy:
        for output, record in records.items():
            if output in jobs:
                record["code"]["fingerprint"] = fingerprint(*jobs[output].code)
        for stage, other in fingerprints.items():
            record = next(r for r in records.values() if r["job"].split()[0] == stage)
            record["code"]["fingerprint"] = other
        save_whole(saved, records)
        return SavedStudy(params)

    assert save().changed_stages() == []
    assert save(figures="0").changed_stages() == []
    assert save(score="0", equalize="0").changed_stages() == ["equalize", "score"]


def test_revisions_are_those_of_the_trained_networks(saved: Path) -> None:
    """Each once, whether or not files of the checkout differed; the first day of each."""
    trained = [r for r in read_records(saved).values() if r["job"].startswith("equalize")]
    assert {r["code"]["revision"] for r in trained} == {
        "e883994cdf7e60" + trained[0]["code"]["revision"][14:]
    }
    assert trained[0]["code"]["revision"].endswith("-dirty")
    (revision,) = SavedStudy(of_study()).revisions().items()
    assert revision == (
        trained[0]["code"]["revision"].removesuffix("-dirty"),
        min(r["started"] for r in trained)[:10],
    )


@pytest.fixture
def networks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The saved networks of the digits, in a working folder with all that is saved of this study."""
    shutil.copytree(ROOT / REFERENCE / "digits", tmp_path / REFERENCE / "digits")
    monkeypatch.chdir(tmp_path)
    return REFERENCE / "digits" / NETWORKS


TAET, BSL = (f"digits-ir10-small_cnn-{name}-seed0.safetensors" for name in ("taet", "at_bsl"))


@pytest.mark.parametrize("damage", [halve, replace, Path.unlink])
@pytest.mark.parametrize("file", [TAET, MANIFEST])
def test_damaged_networks_are_refused(
    networks: Path, file: str, damage: Callable[[Path], None]
) -> None:
    damage(networks / file)
    gone = file == MANIFEST and damage is Path.unlink
    text = refusal(study_of_params("digits"))
    assert text.startswith(f"{networks / file}: {'no such file' if gone else 'damaged'}")
    assert text.endswith(f"git checkout HEAD -- {networks}")


def test_exchanged_networks_are_refused(networks: Path) -> None:
    """Though the manifest has the digests of both."""
    one, other = (networks / name for name in (TAET, BSL))
    content = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(content)
    files = [file.name for file in networks.glob("*.safetensors")]
    artifacts.write_manifest(networks, artifacts.read_key(networks / MANIFEST), files)
    problem = "not of the run that records.jsonl describes"
    assert f"{networks / BSL}: {problem}; " in refusal(study_of_params("digits"))


def test_networks_are_of_the_run_that_was_scored(networks: Path) -> None:
    files = [file.name for file in networks.glob("*.safetensors")]
    artifacts.write_manifest(networks, "0" * 16, files)
    problem = "not of the run that records.jsonl describes"
    assert f"{networks / MANIFEST}: {problem}; " in refusal(study_of_params("digits"))


def test_networks_that_no_manifest_lists_are_refused(networks: Path) -> None:
    other = networks / TAET.replace("seed0", "seed1")
    shutil.copy(networks / TAET, other)
    assert refusal(study_of_params("digits")).startswith(f"{other}: no part of the saved results")


def test_studies_may_have_no_networks(networks: Path) -> None:
    assert SavedStudy(study_of_params("digits")).job("figures")
    shutil.rmtree(networks)
    assert SavedStudy(study_of_params("digits")).job("figures")
