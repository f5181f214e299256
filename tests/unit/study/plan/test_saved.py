"""Saved metrics are compared with their manifest and with the grid before anything is drawn from them."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from taet.errors import UserError
from taet.study.params.blocks import Params
from taet.study.params.load import load_params
from taet.study.plan.saved import (
    COMPUTING,
    RECORDS,
    REFERENCE,
    SavedStudy,
    read_records,
    write_records,
)
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.fingerprint import fingerprint
from tests.conftest import ROOT

STUDY = "digits_precision"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A saved study in a folder of its own, which is the working folder."""
    folder = tmp_path / REFERENCE / STUDY
    for part in ("score", "inspect"):
        shutil.copytree(ROOT / REFERENCE / STUDY / part, folder / part)
    shutil.copy(ROOT / REFERENCE / STUDY / RECORDS, folder / RECORDS)
    monkeypatch.chdir(tmp_path)
    return folder


def of_study(**grid: list[object]) -> Params:
    """The study's parameters, with another grid."""
    loaded = load_params(ROOT / "params.yaml", STUDY)
    return loaded.model_copy(update={"grid": loaded.grid.model_copy(update=grid)})


def refusal(study: Params) -> str:
    with pytest.raises(UserError) as refused:
        SavedStudy(study).job("figures")
    assert "\n" not in str(refused.value)
    return str(refused.value)


def test_what_is_kept_beyond_the_grid_is_named(kept: Path) -> None:
    """Tables say how many seeds and pairs of methods there are, and what the worst case over all attacks is of."""
    for grid, said in (
        ({"seeds": [3]}, "digits 10 small_cnn pgd_at 0 last clean and of"),
        ({"methods": ["at_bsl"]}, "digits 10 small_cnn pgd_at 0 last clean and of"),
        ({"attacks": ["pgd20"]}, "digits 10 small_cnn pgd_at 0 last cw20 and of 29 more cells"),
    ):
        assert f"score/metrics.csv.xz: rows of {said}" in refusal(of_study(**grid))


@pytest.mark.parametrize(
    ("grid", "said"),
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
    kept: Path, grid: dict[str, list[object]], said: str
) -> None:
    text = refusal(of_study(**grid))
    assert text.startswith(f"{REFERENCE / STUDY}/score/metrics.csv.xz: no rows of {said}")
    assert f"python workflow/scripts/keep.py {STUDY}" in text


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def replace(file: Path) -> None:
    file.write_bytes(b"\xff no text")


@pytest.mark.parametrize("damage", [halve, replace, Path.unlink])
@pytest.mark.parametrize(
    "file", ["score/metrics.csv.xz", "inspect/features.csv.xz", "score/manifest.json"]
)
def test_damage_is_named_and_how_to_mend_it(
    kept: Path, file: str, damage: Callable[[Path], None]
) -> None:
    damage(kept / file)
    text = refusal(of_study())
    gone = file.endswith("manifest.json") and damage is Path.unlink
    said = "no such file" if gone else "damaged"
    assert text.startswith(f"{REFERENCE / STUDY / file}: {said}")
    assert text.endswith(f"git checkout HEAD -- {(REFERENCE / STUDY / file).parent}")


NETWORK = f"results/{STUDY}/equalize/digits/ir10/small_cnn/at_bsl/seed1.safetensors"


def falsify(file: Path) -> None:
    """One value of one record is another one."""
    text = file.read_text()
    assert text.count('"stop": 28') > 1
    file.write_text(text.replace('"stop": 28', '"stop": 27', 1))


@pytest.mark.parametrize("damage", [halve, replace, falsify, Path.unlink])
def test_records_are_read_too(kept: Path, damage: Callable[[Path], None]) -> None:
    damage(kept / RECORDS)
    text = refusal(of_study())
    said = "missing" if damage is Path.unlink else "damaged"
    assert text.startswith(f"{REFERENCE / STUDY / RECORDS}: {said}")
    assert text.endswith(f"git checkout HEAD -- {REFERENCE / STUDY}")


def test_a_record_for_every_job(kept: Path) -> None:
    records = read_records(kept)
    del records[NETWORK]
    write_records(kept, records)
    assert f"{RECORDS}: {NETWORK}: has no record" in refusal(of_study())


def test_records_of_other_jobs_are_refused(kept: Path) -> None:
    """Each says which job it is of: neither an exchanged line nor a second one passes."""
    records = read_records(kept)
    other = NETWORK.replace("seed1", "seed2")
    write_records(kept, records | {NETWORK: records[other], other: records[NETWORK]})
    assert f"{NETWORK}: the record is that of another job" in refusal(of_study())
    write_records(kept, records)
    text = (kept / RECORDS).read_text()
    (kept / RECORDS).write_text(text + text.splitlines()[0] + "\n")
    assert refusal(of_study()).startswith(f"{REFERENCE / STUDY / RECORDS}: damaged")


def others(blocks: dict[str, Any], name: str, part: str, **change: Any) -> dict[str, Any]:
    """Blocks of which one has another value in a block inside it."""
    inner = getattr(blocks[name], part).model_copy(update=change)
    return {**blocks, name: blocks[name].model_copy(update={part: inner})}


def test_numbers_made_under_other_parameters_are_not_drawn(kept: Path) -> None:
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
    ]
    for change, said in changes:
        text = refusal(study.model_copy(update=change))
        assert f"{said} was another one than in params.yaml now" in text
        assert f"snakemake --cores 4 all --config study={STUDY}" in text


def test_stage_1_is_compared_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = load_params(ROOT / "params.yaml", "cifar10_small")
    longer = study.stabilizations["clean40"].model_copy(update={"epochs": 8})
    monkeypatch.chdir(ROOT)
    changed = study.model_copy(
        update={"stabilizations": {**study.stabilizations, "clean40": longer}}
    )
    assert "clean40/seed0.safetensors: stop was another one than in" in refusal(changed)


def test_resources_and_order_may_change(kept: Path) -> None:
    study = of_study()
    for change in (
        {"compute": study.compute.model_copy(update={"threads": 7})},
        {"grid": study.grid.model_copy(update={"methods": study.grid.methods[::-1]})},
    ):
        assert SavedStudy(study.model_copy(update=change)).job("figures")


def test_stages_whose_code_has_changed_since_are_named(kept: Path) -> None:
    """One network by other code is enough; what was drawn does not count."""
    params, records = of_study(), read_records(kept)
    jobs = {str(job.output): job for stage in COMPUTING for job in Study(params).jobs(stage)}

    def save(**fingerprints: str) -> SavedStudy:
        for output, record in records.items():
            if output in jobs:
                record["code"]["fingerprint"] = fingerprint(*jobs[output].code)
        for stage, other in fingerprints.items():
            record = next(r for r in records.values() if r["job"].split()[0] == stage)
            record["code"]["fingerprint"] = other
        for record in records.values():
            facts = {name: value for name, value in record.items() if name != "digest"}
            record["digest"] = artifacts.digest({}, facts)
        write_records(kept, records)
        return SavedStudy(params)

    assert save().changed_stages() == []
    assert save(figures="0").changed_stages() == []
    assert save(score="0", equalize="0").changed_stages() == ["equalize", "score"]


def test_revisions_are_those_of_the_trained_networks(kept: Path) -> None:
    """Each once, whether or not files of the checkout differed; the first day of each."""
    trained = [r for r in read_records(kept).values() if r["job"].startswith("equalize")]
    assert {r["code"]["revision"] for r in trained} == {
        "e883994cdf7e60" + trained[0]["code"]["revision"][14:]
    }
    assert trained[0]["code"]["revision"].endswith("-dirty")
    (revision,) = SavedStudy(of_study()).revisions().items()
    assert revision == (
        trained[0]["code"]["revision"].removesuffix("-dirty"),
        min(r["started"] for r in trained)[:10],
    )
