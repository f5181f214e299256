"""What Snakemake plans, without running it."""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

from taet.cli.main import main
from taet.cli.plan import check_plan
from taet.errors import UserError
from taet.study.params import blocks
from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from tests.conftest import ROOT, Tree, copy_project, with_study


def job_counts(output: str) -> dict[str, int]:
    """Job stats of a dry run."""
    table = output.split("Job stats:")[1].split("\n\n")[0]
    return {name: int(n) for name, n in re.findall(r"^(\w+)\s+(\d+)$", table, re.MULTILINE)}


@pytest.mark.study
def test_default_study() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "snakemake", "-n", "--forceall"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert job_counts(done.stdout + done.stderr) == {
        "download_dataset": 1,
        "subsample_cell": 6,  # 2 imbalance ratios x 3 seeds
        "stabilize_cell": 6,  # TAET's clean stage
        "equalize_cell": 66,  # x 11 methods
        "attack_cell": 66,
        "score": 1,
        "inspect": 1,
        "tables": 1,
        "figures": 1,
        "report": 1,
        "all": 1,
        "total": 151,
    }


@pytest.mark.study
def test_stages_are_targets(tree: Tree) -> None:
    targets = tree.ok("snakemake", "--list-target-rules").split()
    assert set(STAGES) | {"all"} <= set(targets)
    counts = job_counts(tree.ok("snakemake", "-n", "stabilize"))
    assert counts == {
        "download_dataset": 1,
        "stabilize_cell": 1,
        "subsample_cell": 1,
        "total": 4,
    } | {"stabilize": 1}


@pytest.mark.study
def test_lint(tree: Tree) -> None:
    assert "good condition" in tree.ok("snakemake", "--lint")


@pytest.mark.study
@pytest.mark.parametrize(
    ("study", "models", "jobs"),
    [
        ("cifar10_lt", 4 * 13 * 3, 3),
        ("cifar100_lt", 4 * 13 * 3, 3),
        ("tiny_imagenet_lt", 3 * 13 * 3, 3),
        ("medmnist", 4 * 3 * 13 * 3, 3),
        ("cifar10_faithful", 4 * 11 * 3, 3),
        ("cifar10_small", 5 * 3, 1),
    ],
)
def test_studies_are_planned_without_their_data(
    tree: Tree, study: str, models: int, jobs: int
) -> None:
    counts = job_counts(tree.ok("snakemake", "-n", "--config", f"study={study}"))
    assert counts["equalize_cell"] == models
    assert counts["attack_cell"] == models * jobs


@pytest.mark.study
def test_another_study_by_config(tree: Tree) -> None:
    counts = job_counts(tree.ok("snakemake", "-n", "--config", "study=digits_cut"))
    assert counts["equalize_cell"] == 11 * 2


@pytest.mark.study
@pytest.mark.parametrize(
    ("config", "said"),
    [
        ("study=digitz", "did you mean 'digits'"),
        ("epochs=3", "--config epochs: no such key; known: study, set, smoke; set one value a key"),
    ],
)
def test_wrong_config(tree: Tree, config: str, said: str) -> None:
    done = tree.run("snakemake", "-n", "--config", config)
    assert done.returncode == 1
    output = done.stdout + done.stderr  # a dry run speaks on standard output
    assert said in output
    assert "Traceback" not in output


@pytest.mark.study
def test_wrong_parameters_stop_before_any_job(tree: Tree) -> None:
    tree.edit("params.yaml", "alpha: 0.1", "alhpa: 0.1")
    done = tree.run("snakemake", "--cores", "1", "all")
    assert done.returncode == 1
    assert "methods.taet.alhpa: unknown key; did you mean 'alpha'?" in done.stderr
    assert not (tree.path / "data/raw").exists()


@pytest.mark.study
def test_every_output_lies_under_one_dvc_output(tree: Tree) -> None:
    """The two descriptions of the pipeline, rules and dvc.yaml, must cover each other."""
    values = yaml.safe_load((tree.path / "params.yaml").read_text())
    text = (tree.path / "dvc.yaml").read_text().replace("${study}", values["study"])
    stages = yaml.safe_load(text)["stages"]

    def outputs(stage: dict) -> list[str]:
        listed = stage.get("outs", []) + stage.get("metrics", []) + stage.get("plots", [])
        return [next(iter(o)) if isinstance(o, dict) else o for o in listed]

    assert outputs(stages.pop("plan")) == [f"results/{values['study']}/plan.json"]
    owner = {out: name for name, stage in stages.items() for out in outputs(stage)}
    assert len(owner) == sum(len(outputs(stage)) for stage in stages.values())

    summary = tree.run("snakemake", "--summary", "all").stdout
    rows = list(csv.DictReader(io.StringIO(summary), delimiter="\t"))
    owners_of_rule = defaultdict(set)
    covered = set()
    for row in rows:
        file = row["output_file"]
        if row["rule"] == "report":  # shows the others, and is nobody's version
            continue
        over = [out for out in owner if file == out or file.startswith(out + "/")]
        assert len(over) == 1, (file, over)
        owners_of_rule[row["rule"]].add(owner[over[0]])
        covered.add(over[0])
    assert len(rows) > 20
    assert all(len(owners) == 1 for owners in owners_of_rule.values())
    copies = {f"results/{values['study']}/headline.{ending}" for ending in ("csv", "json")}
    assert set(owner) == covered | copies
    assert not copies & covered

    targets = set(tree.ok("snakemake", "--list-target-rules").split())
    assert set(stages) <= targets


def test_every_command_of_dvc_names_the_study() -> None:
    """What DVC takes for a study's must not be another's, whatever a user's settings say."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert stages["plan"]["cmd"] == 'python -m taet plan --study "${study}"'
    for name, stage in stages.items():
        if name == "plan":
            continue
        assert f'snakemake {name} --config "study=${{study}}"' in stage["cmd"]
        assert f'python -m taet verify {name} --study "${{study}}" --planned' in stage["cmd"]
        assert all("${study}" in command for command in stage["cmd"])


def test_each_stage_of_dvc_goes_by_its_entry_of_the_plan() -> None:
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert list(stages) == ["plan", *STAGES]
    for name in STAGES:
        assert stages[name]["params"] == [{"results/${study}/plan.json": [name]}]
        assert not {"src", "workflow", "Snakefile"} & set(stages[name].get("deps", []))


def test_the_plan_has_what_the_keys_say(digits: blocks.Params) -> None:
    """A stage's entry changes with the key of any of its jobs, and with nothing else."""
    before = Study(digits).stage_keys
    attacks = {**digits.attacks, "cw20": digits.attacks["cw20"].model_copy(update={"steps": 3})}
    after = Study(digits.model_copy(update={"attacks": attacks})).stage_keys
    changed = {name for name in STAGES if after[name] != before[name]}
    assert changed == {"attack", "score", "tables", "figures"}
    labels = {**digits.attacks, "cw20": digits.attacks["cw20"].model_copy(update={"label": "C"})}
    after = Study(digits.model_copy(update={"attacks": labels})).stage_keys
    assert {name for name in STAGES if after[name] != before[name]} == {"tables", "figures"}


def test_what_was_planned_is_what_ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parameters that change while DVC runs must not be taken for those that it began with."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)
    assert main(["plan"]) == 0
    check_plan(Study(load_params()), list(STAGES))
    file = tmp_path / "params.yaml"
    file.write_text(file.read_text().replace("epochs: 28", "epochs: 27"))
    changed = Study(load_params())
    check_plan(changed, ["download", "subsample"])
    with pytest.raises(UserError, match="parameters or code of equalize have changed"):
        check_plan(changed, ["equalize"])
    plan = tmp_path / "results/digits/plan.json"
    for damaged in ("{", "null", "[1, 2]"):
        plan.write_text(damaged)
        with pytest.raises(UserError, match="code of download have changed"):
            check_plan(changed, ["download"])
    plan.unlink()
    with pytest.raises(UserError, match="not written yet; run: python -m taet plan --study digits"):
        check_plan(changed, ["download"])


def test_the_committed_plan_is_that_of_the_code() -> None:
    """Whoever clones and pulls must not be told that something has changed: run dvc repro, commit dvc.lock."""
    study = Study(load_params(ROOT / "params.yaml"))
    plan = f"results/{study.params.study}/plan.json"
    assert json.loads((ROOT / plan).read_text()) == study.stage_keys
    stages = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]
    locked = {name: stages[name]["params"][plan][name] for name in STAGES}
    assert locked == study.stage_keys


def test_git_tracks_nothing_that_a_run_writes() -> None:
    """Numbers differ between processors: after a first run ``git status`` would name them."""
    study = Study(load_params(ROOT / "params.yaml"))
    jobs = [job for stage in STAGES for job in study.jobs(stage)]
    written = {str(path) for job in jobs for path in (job.output, *job.files)}
    command = ["git", "ls-files", "--", "results/digits", "data"]
    tracked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert "results/digits/headline.json" in tracked.split()
    assert not written & set(tracked.split())


@pytest.mark.study
def test_ten_thousand_attack_jobs_are_planned_without_torch(tmp_path) -> None:
    tree = copy_project(tmp_path / "big")
    attacks = "".join(
        f"      a{i}: {{kind: pgd, label: A{i}, job: a{i}, steps: {i + 1}, step_size: 0.01, start: zero, convention: any_iterate, restarts: 1}}\n"
        for i in range(10)
    )
    block = (
        "  big:\n    extends: digits\n"
        "    grid: {methods: [clean, pgd_at, at_bsl, taet_bcl, taet], "
        f"seeds: {list(range(100))}, attacks: {[f'a{i}' for i in range(10)]}}}\n"
        "    report: {headline_attack: a0, worst_cases: {worst2: {attacks: [a0]}}}\n"
        f"    attacks:\n{attacks}"
    )
    file = tree.path / "params.yaml"
    file.write_text(with_study(file.read_text(), "big", block))
    (tree.path / "notorch").mkdir()
    (tree.path / "notorch/torch.py").write_text("raise SystemExit('planning imported torch')\n")
    tree.edit("workflow/scripts/tree.py", "sys.path.insert(0, source)",
              "sys.path[:0] = [source, str(Path(root, 'notorch'))]")  # fmt: skip
    counts = job_counts(tree.ok("snakemake", "-n", "--quiet", "rules", "--", "all"))
    assert counts["attack_cell"] == 10_000
