"""Which outputs Snakemake may take for done (workflow/scripts/outputs.py), without starting it."""

import json
import os
import sys
from pathlib import Path

import pytest

from taet.study.params.load import load_params
from taet.study.plan.job import Job
from taet.study.plan.page import page_key
from taet.study.plan.study import Study
from taet.study.store import artifacts
from taet.study.store.records import Stopwatch, write_record
from tests.conftest import ROOT

PAGE = Path("results/tiny/report.html")
KILLED = '{"external_jobid": null}'  # what a killed Snakemake leaves
RECORD = {
    "record_format_version": 6, "rule": "r", "input": [], "log": [], "params": [],
    "starttime": 1.0, "endtime": 2.0,
}  # fmt: skip


@pytest.fixture
def outputs(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(ROOT / "workflow/scripts")
    monkeypatch.delitem(sys.modules, "outputs", raising=False)
    import outputs

    return outputs


@pytest.fixture
def study(tiny_params: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outputs) -> Study:
    """The study ``tiny`` with its images and a manifest of tables, in the working folder."""
    monkeypatch.chdir(tmp_path)
    made = Study(load_params(tiny_params))
    images, tables = made.job("download", dataset="digits"), made.job("tables")
    artifacts.write_arrays(images.output, {}, images.key)
    for file in tables.files:
        artifacts.write_bytes(file, b"a table")
    artifacts.write_manifest(tables.output.parent, tables.key, [f.name for f in tables.files])
    artifacts.write_bytes(
        PAGE, f'<meta name="taet-key" content="{page_key(made, tiny_params)}">'.encode()
    )
    return made


@pytest.fixture
def images(study: Study) -> Job:
    return study.job("download", dataset="digits")


def marked(outputs) -> set[str]:
    """Outputs that Snakemake would make again."""
    from base64 import urlsafe_b64decode

    files = (path for path in outputs.INCOMPLETE.rglob("*") if path.is_file())
    return {urlsafe_b64decode("".join(p.lstrip("@") for p in
            file.relative_to(outputs.INCOMPLETE).parts)).decode() for file in files}  # fmt: skip


def test_what_has_its_key_is_believed_whatever_its_time(outputs, study, images) -> None:
    os.utime(images.output, (2**33, 2**33))
    os.utime(study.job("tables").output, (1, 1))
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == set()


def test_another_key_is_made_again_and_nothing_else(outputs, study, images) -> None:
    artifacts.write_arrays(images.output, {}, "0" * 16)
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == {str(images.output)}
    artifacts.write_arrays(images.output, {}, images.key)
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == set(), "the parameters went back, and no record is needed"


def test_a_changed_text_concerns_all_that_its_job_writes(outputs, study) -> None:
    tables = study.job("tables")
    tables.files[0].write_text("another table")
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == {str(file) for file in (tables.output, *tables.files)}


def test_a_page_of_other_results_is_written_again(outputs, study) -> None:
    PAGE.write_text(f'<meta name="taet-key" content="{"0" * 16}">')
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == {str(PAGE)}


def test_what_a_killed_snakemake_was_making(outputs, study, images) -> None:
    """Without its record it is made again; with it, it was finished."""
    mark = outputs._path(outputs.INCOMPLETE, images.output)
    mark.parent.mkdir(parents=True)
    mark.write_text(KILLED)
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == {str(images.output)}
    write_record(images, Stopwatch())
    outputs.mark_stale(study, PAGE)
    assert marked(outputs) == set()


@pytest.mark.parametrize(
    "odd",
    [b"", b"\x00\xff", b"[]", b"3", b"null", b'{"rule": "r"', b"{}", b"[" * 100_000,
     json.dumps(RECORD | {"params": 5}).encode(), json.dumps(RECORD | {"record_format_version": None}).encode(),
     *(json.dumps(RECORD | field).encode() for field in ({"input": [None]}, {"log": [1]}, {"code": 5},
       {"input_checksums": [1]}, {"job_hash": "x"}, {"incomplete": "x"}, {"container_img_url": []}))],
)  # fmt: skip
def test_odd_records_of_snakemake_are_dropped(outputs, study, images, odd: bytes) -> None:
    good, bad = (
        outputs._path(outputs.RECORDS, file) for file in (study.job("tables").output, images.output)
    )
    bad.parent.mkdir(parents=True)
    good.write_text(json.dumps(RECORD))
    bad.write_bytes(odd)
    outputs.mark_stale(study, PAGE)
    assert good.exists()
    assert not bad.exists()


def test_odd_records_of_what_is_gone_are_dropped_too(outputs, study, images) -> None:
    for file in (images.output, PAGE):
        record = outputs._path(outputs.RECORDS, file)
        record.parent.mkdir(parents=True, exist_ok=True)
        record.write_bytes(b"\xff\x00[")
        file.unlink()
    outputs.mark_stale(study, PAGE)
    assert not [path for path in outputs.RECORDS.rglob("*") if path.is_file()]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo, lambda p: p.symlink_to(p)])
def test_what_is_no_file_in_the_place_of_a_record(outputs, study, images, make) -> None:
    record = outputs._path(outputs.RECORDS, images.output)
    record.parent.mkdir(parents=True)
    make(record)
    outputs.mark_stale(study, PAGE)
    assert not os.path.lexists(record)


def test_long_names_are_found(outputs) -> None:
    """As Snakemake cuts them."""
    name = "results/" + "x" * 400 + ".csv"
    parts = outputs._path(Path("m"), Path(name)).parts
    assert [len(part) for part in parts[1:]] == [255, 255, 44]
    assert [part[0] == "@" for part in parts[1:]] == [True, True, False]
