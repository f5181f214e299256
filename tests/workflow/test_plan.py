"""What Snakemake plans, without running it."""

import csv
import io
import re
import subprocess
import sys
from collections import defaultdict

import pytest
import yaml

from taet.study.plan.job import STAGES
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
        ("epochs=3", "--config epochs: only 'study' and 'kept' can be set here"),
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
    assert set(owner) == covered

    targets = set(tree.ok("snakemake", "--list-target-rules").split())
    for name, stage in stages.items():
        assert name in targets
        assert set(stage["params"]) <= set(values)


def test_every_command_of_dvc_names_the_study() -> None:
    """What DVC takes for a study's must not be another's, whatever a user's settings say."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    for name, stage in stages.items():
        assert f'snakemake {name} --config "study=${{study}}"' in stage["cmd"]
        assert f'python -m taet verify {name} --study "${{study}}"' in stage["cmd"]
        assert all("${study}" in command for command in stage["cmd"])


def test_dvc_depends_on_all_parameters_that_a_stage_reads() -> None:
    """Rather one key too many: what a job's key depends on must be among its DVC parameters."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    from taet.study.params.load import load_params
    from taet.study.plan.job import Job
    from taet.study.plan.study import Study

    study = Study(load_params(ROOT / "params.yaml"))
    blocks = {
        "dataset": "datasets",
        "architecture": "architectures",
        "method": "methods",
        "groups": "report",
        "labels": "report",
        "stop": "stabilizations",
        "pictures": "grid",
        **dict.fromkeys(("worst_cases", "bootstrap", "confidence"), "report"),
        **dict.fromkeys(("headline_attack", "view", "checkpoint", "inspection"), "report"),
        **dict.fromkeys(("variants", "costs", "published"), "methods"),
        "order": "grid",
    }

    def reads(job: Job) -> set[str]:
        own = {blocks.get(name, name) for name in job.reads}
        return own.union(*(reads(needed) for needed in job.inputs.values()))

    for name in STAGES:
        # No result depends on where data sets are fetched from ("download").
        needed = (reads(study.jobs(name)[0]) - {"download"}) | {"study", "studies", "grid"}
        assert needed <= set(stages[name]["params"]), name


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
