"""The main promises with real tools, in few starts: three of Snakemake, one of ``dvc repro``.

What each start proves in detail, ``pytest -m study`` does: damage, kills, other studies, versions.
"""

import re

import yaml

from taet.study.params.load import load_params
from taet.study.plan.stages import STAGES
from taet.study.plan.study import Study
from tests.conftest import Tree, version
from tests.workflow.test_plan import job_counts
from tests.workflow.test_run import planned, results, stages_run

TARGETS = {"download": "download_dataset"} | {
    stage: f"{stage}_cell" for stage in ("subsample", "stabilize", "equalize", "attack")
}
ALPHA = ("alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0.2, beta: 0.1, gamma: 0.1")


def keys(tree: Tree) -> dict[str, str]:
    """Key of every job of the tree's study, by its name; the rule comes first."""
    study = Study(load_params(tree.path / "params.yaml"))
    return {
        f"{TARGETS.get(stage, stage)} {job.title}": job.key
        for stage in STAGES
        for job in study.jobs(stage)
    }


def counts(jobs: set[str]) -> dict[str, int]:
    rules = [job.split()[0] for job in jobs]
    return {rule: rules.count(rule) for rule in rules}


def test_a_dry_run_is_the_grid(tree: Tree) -> None:
    planned_jobs = job_counts(tree.ok("snakemake", "-n"))
    assert {name: planned_jobs.pop(name) for name in ("all", "report")} == {"all": 1, "report": 1}
    assert planned_jobs.pop("total") == sum(planned_jobs.values()) + 2
    assert planned_jobs == counts(set(keys(tree)))


def test_snakemake_makes_the_bytes_of_one_process(tree: Tree, finished: Tree) -> None:
    """Each job in a process of its own, in a folder whose name has a space."""
    said = tree.ok("snakemake", "--cores", "2", "all")
    ours, theirs = results(tree), results(finished)
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if ours[name] != theirs[name]] == []
    assert any(name.endswith(".pdf") for name in ours)
    jobs = len(keys(tree)) + 1  # the report
    assert re.findall(r"(?m)^(\d+)/(\d+) \w+", said) == [
        (str(n), str(jobs)) for n in range(1, jobs + 1)
    ]
    assert f"\n{jobs} of {jobs} jobs done" in said
    assert "\nBest balanced robustness" in said
    assert "\nResults: results/tiny/report.html" in said


def test_a_change_runs_what_the_keys_say(finished_copy: Tree) -> None:
    """Of results that Snakemake has no record of."""
    before = keys(finished_copy)
    finished_copy.edit("params.yaml", *ALPHA)
    after = keys(finished_copy)
    assert planned(finished_copy) == counts({job for job in after if after[job] != before[job]})


def test_dvc_repro_keeps_what_is_finished(finished_copy: Tree) -> None:
    """Nothing is made again, every stage is verified, and all results are versions.

    Up to the networks: all stages are alike (test_plan.py).
    """
    version(finished_copy)
    before = results(finished_copy)
    said = finished_copy.ok("dvc", "repro", "equalize")
    until = list(STAGES)[: list(STAGES).index("equalize") + 1]
    assert not stages_run(said)
    assert len(re.findall("match(es)? params.yaml and the code", said)) == len(until)
    assert results(finished_copy) == before
    locked = yaml.safe_load((finished_copy.path / "dvc.lock").read_text())["stages"]
    assert locked.keys() == {"plan", *until}
