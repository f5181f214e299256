"""The tiny study, run for real: resumed, damaged, deleted, changed, and by hand."""

import contextlib
import lzma
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from functools import partial
from pathlib import Path

import pytest

from taet.errors import UserError
from taet.study.plan.saved import read_records
from taet.study.store import artifacts
from tests.conftest import Tree
from tests.workflow.test_plan import job_counts

pytestmark = pytest.mark.study

CELL = ["--dataset", "digits", "--ir", "10", "--architecture", "small_cnn", "--seed", "0"]
EQUALIZE = ["equalize", *CELL, "--method", "taet"]
MODEL = "results/tiny/equalize/digits/ir10/small_cnn/taet/seed0.safetensors"
RESUME = MODEL.replace("results/tiny/", "results/tiny/resume/")
STABILIZED = "results/tiny/stabilize/digits/ir10/small_cnn/clean40/seed0.safetensors"
SPLIT = "data/longtail/tiny/digits/ir10/seed0.safetensors"
IMAGES = "data/raw/digits/images.safetensors"
ATTACK = "results/tiny/attack/digits/ir10/small_cnn/taet/seed0/last/gradient.safetensors"
METRICS = "results/tiny/score/metrics.csv"
RESULTS = ("data", "results/tiny")
# What is made again where one network is.
ONE_NETWORK = {
    "equalize_cell": 1, "attack_cell": 1, "score": 1, "inspect": 1, "tables": 1, "figures": 1,
}  # fmt: skip
NOT_RESULTS = ("results/tiny/logs", "results/tiny/benchmarks", "results/tiny/report.html")
# Written by DVC alone: what it goes by, and copies of the headline numbers.
OF_DVC = ("results/tiny/plan.json", "results/tiny/headline.json", "results/tiny/headline.csv")


def results(tree: Tree) -> dict[str, bytes]:
    found = tree.contents(*RESULTS)
    return {n: d for n, d in found.items() if not n.startswith(NOT_RESULTS + OF_DVC)}


def planned(tree: Tree) -> dict[str, int]:
    """Jobs that Snakemake would run now, without targets and the report, which shows what they make."""
    output = tree.ok("snakemake", "-n")
    if "Nothing to be done" in output:
        return {}
    return {k: v for k, v in job_counts(output).items() if k not in ("total", "all", "report")}


def stages_run(said: str) -> Counter[str]:
    """How many jobs of each stage Snakemake has run; the report counts as one."""
    return Counter(re.findall(r"(?m)^\d+/\d+ (\w+)", said))


def test_everything_is_there_and_nothing_is_left_to_do(finished: Tree) -> None:
    assert planned(finished) == {}
    assert "match params.yaml and the code" in finished.ok("taet", "verify")
    assert not list((finished.path / "results/tiny").rglob("*.part"))
    assert not list((finished.path / "results/tiny/resume").rglob("*.safetensors"))
    table = (finished.path / "results/tiny/tables/main.md").read_text()
    for label in ("PGD-AT", "TAET (BCL only)", "TAET", "BR PGD-20"):
        assert label in table


def test_both_variants_start_from_one_stage_one(finished: Tree) -> None:
    stabilization = list((finished.path / "results/tiny/stabilize").rglob("*.safetensors"))
    assert [str(p.relative_to(finished.path)) for p in stabilization] == [STABILIZED]
    histories = {
        method: artifacts.read_facts(finished.path / MODEL.replace("taet", method, 1))["history"]
        if method != "taet"
        else artifacts.read_facts(finished.path / MODEL)["history"]
        for method in ("taet", "taet_bcl")
    }
    first = artifacts.read_facts(finished.path / STABILIZED)["history"]
    assert histories["taet"][:1] == histories["taet_bcl"][:1] == first
    assert histories["taet"][1:] != histories["taet_bcl"][1:]


@pytest.mark.parametrize(
    ("file", "jobs"),
    [
        (IMAGES, {"download_dataset": 1, "subsample_cell": 1}),
        (SPLIT, {"subsample_cell": 1, "stabilize_cell": 1, "equalize_cell": 1}),
        (STABILIZED, {"stabilize_cell": 1, "equalize_cell": 2}),
        (MODEL, {"equalize_cell": 1, "attack_cell": 1, "inspect": 1}),
        (ATTACK, {"attack_cell": 1, "score": 1}),
        (METRICS, {"score": 1}),
        ("results/tiny/inspect/examples.csv", {"inspect": 1}),
        ("results/tiny/tables/main.tex", {"tables": 1}),
        ("results/tiny/figures/manifest.json", {"figures": 1}),
    ],
)  # fmt: skip
def test_a_deleted_file_is_restored_with_what_reads_it(
    finished_copy: Tree, file: str, jobs: dict[str, int]
) -> None:
    """Snakemake takes no input that is missing for an old one, so what reads it runs too."""
    """What reads it directly runs too: Snakemake takes no input that is missing for an old one."""
    before = results(finished_copy)
    (finished_copy.path / file).unlink()
    assert planned(finished_copy) == jobs
    finished_copy.ok("snakemake", "--cores", "2", "all")
    assert results(finished_copy) == before
    assert planned(finished_copy) == {}


def test_a_parameter_of_one_method_concerns_that_method_only(finished_copy: Tree) -> None:
    finished_copy.edit(
        "params.yaml", "alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0.1, beta: 0.1, gamma: 0.2"
    )
    assert planned(finished_copy) == ONE_NETWORK
    refused = finished_copy.run("taet", "verify")
    assert refused.returncode == 1
    assert refused.stderr.count("was made with other parameters, code or data than now") == 6
    before = results(finished_copy)
    finished_copy.ok("snakemake", "--cores", "2", "all")
    finished_copy.ok("taet", "verify")
    after = results(finished_copy)
    changed = {name for name in after if after[name] != before[name]}
    assert {MODEL, ATTACK, METRICS} <= changed
    assert not [n for n in changed if n.startswith("results/tiny/equalize") and n != MODEL]


@pytest.mark.parametrize(
    ("file", "old", "new", "jobs"),
    [
        ("src/taet/methods/taet.py", "        options = self.options\n",
         "        options = self.options  # said in another way\n", {}),
        ("src/taet/methods/taet.py", "            options.gamma,\n", "            2 * options.gamma,\n",
         {"equalize_cell": 2, "attack_cell": 2, "score": 1, "inspect": 1, "tables": 1, "figures": 1}),
        ("src/taet/report/style.py", "COLUMN = 3.4", "COLUMN = 3.5", {"figures": 1}),
        ("src/taet/scores/metrics.py", "first = round(head", "first = 1 * round(head", {"score": 1, "tables": 1, "figures": 1}),
        ("params.yaml", "label: TAET,", "label: TAET!,", {"tables": 1, "figures": 1}),
        ("params.yaml", "methods: [pgd_at, taet_bcl, taet]", "methods: [taet, pgd_at, taet_bcl]",
         {"score": 1, "inspect": 1, "tables": 1, "figures": 1}),
        ("params.yaml", "attacks: [fgsm, pgd20, pgd100, cw20]", "attacks: [pgd100, pgd20, fgsm, cw20]",
         {"score": 1, "tables": 1, "figures": 1}),
        ("params.yaml", "confidence: 0.95", "confidence: 0.9",
         {"score": 1, "tables": 1, "figures": 1}),
        ("params.yaml", "    attacks: {pgd20: {steps: 2}", "    attacks: {pgd20: {steps: 4}",
         {"attack_cell": 3, "score": 1, "inspect": 1, "tables": 1, "figures": 1}),
    ],
)  # fmt: skip
def test_only_what_a_change_touches_runs_again(
    finished_copy: Tree, file: str, old: str, new: str, jobs: dict[str, int]
) -> None:
    finished_copy.edit(file, old, new)
    assert planned(finished_copy) == jobs


def test_lost_records_serve_nothing_stale(finished_copy: Tree) -> None:
    """Without .snakemake, Snakemake alone would take every existing file for current."""
    shutil.rmtree(finished_copy.path / ".snakemake", ignore_errors=True)
    assert planned(finished_copy) == {}
    finished_copy.edit(
        "params.yaml", "alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0.1, beta: 0.1, gamma: 0.2"
    )
    assert planned(finished_copy) == ONE_NETWORK
    finished_copy.ok("snakemake", "--cores", "2", "all")
    finished_copy.ok("taet", "verify")
    assert planned(finished_copy) == {}


def test_neither_times_nor_records_nor_settings_decide(
    finished_copy: Tree, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Results that were copied, a damaged record, a user's own settings: what has its key is kept."""
    (tmp_path / "config.yaml").write_text("rerun-triggers: [mtime, params, code]\ncores: 1\n")
    monkeypatch.setenv("SNAKEMAKE_PROFILE", str(tmp_path))
    (finished_copy.path / METRICS).unlink()
    finished_copy.ok("snakemake", "--cores", "2", "all")  # which leaves records
    for i, file in enumerate(sorted((finished_copy.path / "results").rglob("*"))):
        os.utime(file, (1e9 - i, 1e9 - i))
    for i, record in enumerate(sorted((finished_copy.path / ".snakemake/metadata").iterdir())):
        record.write_bytes((b"", b"\xff\x00", b"[]", b'{"params": 5}')[i % 4])
    assert planned(finished_copy) == {}
    shutil.rmtree(finished_copy.path / ".snakemake")
    assert planned(finished_copy) == {}
    finished_copy.edit("params.yaml", "beta: 0.1, gamma: 0.1", "beta: 0.3, gamma: 0.1")
    assert planned(finished_copy) == ONE_NETWORK


def test_a_clock_that_was_set_back(finished_copy: Tree) -> None:
    """What is made now is older than what it is made from."""
    before = results(finished_copy)
    for file in (finished_copy.path / "results/tiny").rglob("*.safetensors"):
        os.utime(file, (2**33, 2**33))
    (finished_copy.path / METRICS).unlink()
    (finished_copy.path / ATTACK).unlink()
    finished_copy.ok("snakemake", "--cores", "2", "all")
    assert results(finished_copy) == before
    assert planned(finished_copy) == {}


@pytest.mark.parametrize(
    ("file", "again"),
    [
        (METRICS, {"score"}),
        ("results/tiny/tables/main.md", {"tables"}),
        (ATTACK, {"attack_cell"}),
        (MODEL, {"equalize_cell"}),
        (IMAGES, {"download_dataset"}),
    ],
)
def test_damage_that_can_be_seen_at_a_glance_is_repaired(
    finished_copy: Tree, finished: Tree, file: str, again: set[str]
) -> None:
    """A changed text beside a manifest, a file of arrays that is cut off: the same command remakes it."""
    path = finished_copy.path / file
    data = path.read_bytes()
    path.write_bytes(data.replace(b"0.9", b"0.1", 1) if path.suffix == ".csv" else data[:-20])
    assert again <= planned(finished_copy).keys()
    finished_copy.ok("snakemake", "--cores", "2", "all")
    assert results(finished_copy) == results(finished)


def test_two_studies_share_what_they_can(finished_copy: Tree) -> None:
    """The images are one for all studies: going from one to the other and back does nothing again."""
    other = "  other:\n    extends: tiny\n    grid: {methods: [pgd_at]}\n"
    with (finished_copy.path / "params.yaml").open("a") as file:
        file.write(other)
    before = (finished_copy.path / IMAGES).stat().st_mtime_ns
    assert planned(finished_copy) == {}
    finished_copy.ok("snakemake", "--cores", "2", "all", "--config", "study=other")
    assert (finished_copy.path / IMAGES).stat().st_mtime_ns == before
    assert planned(finished_copy) == {}
    for study in ("tiny", "other"):
        finished_copy.ok("taet", "verify", "--study", study)


def test_small_results_can_be_kept(finished_copy: Tree) -> None:
    save = [sys.executable, "workflow/scripts/save.py", "tiny"]
    finished_copy.ok(*save)
    kept = finished_copy.path / "results/reference/tiny"
    saved = lzma.decompress((kept / "score/metrics.csv.xz").read_bytes())
    assert saved == (finished_copy.path / METRICS).read_bytes()
    records = read_records(kept)
    examples = "inspect/examples.safetensors"  # beside a manifest, which has the record
    outputs = [
        name
        for name in results(finished_copy)
        if name.endswith((".safetensors", "manifest.json")) and not name.endswith(examples)
    ]
    assert sorted(records) == sorted(outputs)
    networks = {f"digits-ir10-small_cnn-{name}-seed0" for name in ("pgd_at", "taet_bcl", "taet")}
    arrays = {path.stem for path in kept.rglob("*.safetensors")}
    assert arrays == {Path(examples).stem, *networks}, "no predictions"
    (finished_copy.path / MODEL).unlink()
    refused = finished_copy.run(*save)
    assert refused.returncode == 1
    assert "missing or stale; run first" in refused.stderr


def test_a_label_is_in_no_artifact(finished_copy: Tree) -> None:
    before = (finished_copy.path / STABILIZED).read_bytes()
    finished_copy.edit("params.yaml", "label: small CNN", "label: another name")
    assert planned(finished_copy).keys() <= {"tables", "figures"}
    (finished_copy.path / STABILIZED).unlink()
    finished_copy.ok("taet", "stabilize", *CELL, "--stabilization", "clean40")
    assert (finished_copy.path / STABILIZED).read_bytes() == before


@pytest.mark.parametrize("file", [MODEL, ATTACK, IMAGES, METRICS, "results/tiny/tables/main.md"])
def test_check_reads_every_byte(finished_copy: Tree, file: str) -> None:
    path = finished_copy.path / file
    data = bytearray(path.read_bytes())
    data[-9] ^= 1
    path.write_bytes(data)
    refused = finished_copy.run("taet", "verify")
    assert refused.returncode == 1
    (said,) = refused.stderr.splitlines()
    assert said.startswith(f"taet verify: {file}: damaged")
    assert "remake it, for example with: snakemake" in said


def test_a_checkpoint_copied_from_another_cell_is_remade(finished_copy: Tree) -> None:
    before = results(finished_copy)
    other = MODEL.replace("/taet/", "/taet_bcl/")
    shutil.copy2(finished_copy.path / other, finished_copy.path / MODEL)
    assert planned(finished_copy)["equalize_cell"] == 1
    finished_copy.ok("snakemake", "--cores", "2", "all")
    assert results(finished_copy) == before


def start_long_training(tree: Tree) -> subprocess.Popen:
    """A run of ``equalize`` that has finished a few of its many epochs."""
    process = subprocess.Popen(
        [sys.executable, "-m", "taet", *EQUALIZE],
        cwd=tree.path,
        env=tree.environment(),
        stderr=subprocess.PIPE,
        # Whoever runs the tests in the background has them, and their children, ignore it.
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(UserError):  # not saved yet, or saved anew while it was read
            if artifacts.read_facts(tree.path / RESUME)["epoch"] >= 4:
                return process
        time.sleep(0.02)
    raise AssertionError(f"training did not get far: {process.communicate()}")


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_training_goes_on_and_ends_the_same(tree: Tree, how: signal.Signals) -> None:
    tree.edit("params.yaml", "training: {epochs: 4,", "training: {epochs: 150,")
    tree.ok("snakemake", "--cores", "2", "stabilize")
    process = start_long_training(tree)
    os.kill(process.pid, how)
    _, message = process.communicate(timeout=30)
    assert process.returncode != 0
    if how == signal.SIGINT:
        *progress, last = message.decode().splitlines()
        assert last.endswith("interrupted; the same command goes on")
        assert all("epochs/s" in line for line in progress), "on a slow machine there is progress"
    assert not (tree.path / MODEL).exists()

    tree.ok("taet", *EQUALIZE)
    resumed = (tree.path / MODEL).read_bytes()
    record = (tree.path / MODEL).with_name("seed0.record.json").read_text()
    assert '"resumed_at_epoch": null' not in record

    (tree.path / MODEL).unlink()
    tree.ok("taet", *EQUALIZE)
    assert (tree.path / MODEL).read_bytes() == resumed


def wait_for(path: Path) -> None:
    deadline = time.monotonic() + 60
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert path.exists()


def start_snakemake(tree: Tree, *options: str) -> subprocess.Popen:
    """Snakemake and its jobs as a process group of their own, to be killed together."""
    return subprocess.Popen(
        [sys.executable, "-m", "snakemake", *options],
        cwd=tree.path,
        env=tree.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def test_killed_snakemake_goes_on(tree: Tree, finished: Tree) -> None:
    process = start_snakemake(tree, "--cores", "2", "all")
    wait_for(tree.path / "results/tiny/resume/equalize")
    os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=30)
    assert list((tree.path / ".snakemake/locks").iterdir()), "it had no time to clean up"
    tree.ok("snakemake", "--cores", "2", "all")
    assert results(tree) == results(finished)


def test_two_snakemakes_in_one_folder(tree: Tree) -> None:
    tree.edit("params.yaml", "training: {epochs: 4,", "training: {epochs: 400,")
    first = start_snakemake(tree, "--cores", "1", "equalize")
    try:
        wait_for(tree.path / "results/tiny/resume/equalize")
        second = tree.run("snakemake", "--cores", "1", "equalize")
        assert second.returncode != 0
        assert "LockException" in second.stderr
        assert first.poll() is None
    finally:
        os.killpg(first.pid, signal.SIGKILL)
        first.wait(timeout=30)


def test_a_second_process_with_the_same_job_waits_and_finds_it_done(tree: Tree) -> None:
    """As an orphan of a killed Snakemake, and the job that the next one starts."""
    tree.edit("params.yaml", "training: {epochs: 4,", "training: {epochs: 60,")
    tree.ok("snakemake", "--cores", "2", "stabilize")
    first = start_long_training(tree)
    second = tree.run("taet", *EQUALIZE)
    _, message = first.communicate(timeout=60)
    assert (first.returncode, second.returncode) == (0, 0), (message, second.stderr)
    assert f"{MODEL}: another process works on it; waiting" in second.stderr
    assert "epochs/s" not in second.stderr, "it has trained nothing"
    tree.ok("taet", "verify", "equalize")


def test_two_snakemakes_after_a_kill(tree: Tree, finished: Tree) -> None:
    """Snakemake alone is killed; its jobs go on, and those of the next one wait for them."""
    first = start_snakemake(tree, "--cores", "2", "all")
    wait_for(tree.path / "results/tiny/resume/equalize")
    first.kill()
    first.wait(timeout=30)
    tree.ok("snakemake", "--cores", "2", "all")
    assert results(tree) == results(finished)


def test_report_is_one_file_that_needs_no_network(finished_copy: Tree) -> None:
    finished_copy.ok("snakemake", "--report", "report.html")
    html = (finished_copy.path / "report.html").read_text()
    for text in ("Main table: balanced accuracy", "per_class", "every number of the study"):
        assert text in html
    assert 'src="http' not in html
    assert '<link href="http' not in html


def by_hand(tree: Tree, *command: str) -> tuple[int, str]:
    done = tree.run("taet", *command)
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (["equalise"], "no command 'equalise'; did you mean 'equalize'?"),
        (["equalize", *CELL], "required: --method"),
        ([*EQUALIZE, "--sed", "1"], "no option --sed; did you mean '--seed'?"),
        (["equalize", *CELL, "--method", "teat"], "no method 'teat' in study 'tiny'; did you mean 'taet'?"),
        (["equalize", *CELL[:3], "0.5", *CELL[4:], "--method", "taet"], "imbalance ratio '0.5'"),
        (["equalize", *CELL[:-1], "-1", "--method", "taet"], "seed '-1'"),
        (["equalize", *CELL[:-1], "x", "--method", "taet"], "seed 'x'"),
        ([*EQUALIZE, "--study", "tinny"], "did you mean 'tiny'"),
        ([*EQUALIZE, "--params", "none.yaml"], "none.yaml: no such file"),
        ([*EQUALIZE, "--key", "0123456789abcdef"], "have changed since this was planned"),
        (["verify", "equalise"], "no stage 'equalise'; did you mean 'equalize'?"),
    ],
)  # fmt: skip
def test_bad_arguments(finished: Tree, command: list[str], said: str) -> None:
    before = finished.contents("results/tiny/equalize")
    code, message = by_hand(finished, *command)
    assert code in (1, 2)
    assert said in message
    assert message.count("\n") == 1, message
    assert finished.contents("results/tiny/equalize") == before


@pytest.mark.parametrize(
    ("damage", "file", "command"),
    [
        ("missing", STABILIZED, EQUALIZE),
        ("missing", SPLIT, EQUALIZE),
        ("truncated", STABILIZED, EQUALIZE),
        ("truncated", SPLIT, EQUALIZE),
        ("truncated", IMAGES, EQUALIZE),
        ("truncated", IMAGES, ["subsample", "--dataset", "digits", "--ir", "10", "--seed", "0"]),
        (
            "flipped",
            MODEL,
            ["attack", *CELL, "--method", "taet", "--checkpoint", "last", "--job", "gradient"],
        ),
        ("truncated", ATTACK, ["score"]),
        ("missing", METRICS, ["tables"]),
        ("truncated", METRICS, ["figures"]),
    ],
)
def test_bad_inputs(finished_copy: Tree, damage: str, file: str, command: list[str]) -> None:
    path = finished_copy.path / file
    data = bytearray(path.read_bytes())
    if damage == "missing":
        path.unlink()
    elif damage == "truncated":
        path.write_bytes(data[: len(data) // 2])
    else:
        data[-5] ^= 4
        path.write_bytes(data)
    before = results(finished_copy)
    code, message = by_hand(finished_copy, *command)
    assert code == 1
    assert file in message
    assert message.count("\n") == 1, message
    after = results(finished_copy)
    assert after == before, "nothing is written, not even in part"


def test_output_folder_that_cannot_be_written(finished_copy: Tree) -> None:
    folder = (finished_copy.path / MODEL).parent
    shutil.rmtree(folder)
    folder.write_text("a file where a folder should be")
    code, message = by_hand(finished_copy, *EQUALIZE)
    assert code == 1
    assert "File exists" in message
    assert str(Path(MODEL).parent) in message
    assert message.count("\n") == 1


def test_artifact_of_other_parameters_is_refused_as_input(finished_copy: Tree) -> None:
    finished_copy.edit("params.yaml", "clean40: {epochs: 1}", "clean40: {epochs: 2}")
    code, message = by_hand(finished_copy, *EQUALIZE)
    assert code == 1
    assert f"{STABILIZED}: was made with other parameters, code or data" in message
