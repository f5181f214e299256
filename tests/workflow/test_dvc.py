"""DVC and Snakemake over one tree: neither redoes the other's work, neither serves stale results."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.conftest import Tree
from tests.docs.pages import block, commands
from tests.workflow.test_run import planned, results, stages_run

pytestmark = pytest.mark.study

ALPHA = ("alpha: 0.1, beta: 0.1, gamma: 0.1", "alpha: 0.2, beta: 0.1, gamma: 0.1")
PLOTS = {  # by name, the column that says something
    "balanced_accuracy": "BA",
    "balanced_robustness": "BR",
    "tail_balanced_robustness": "tail_BR",
    "training_loss": "loss",
}


def values_shown(plot: dict, column: str) -> dict[tuple[str, str], list[str]]:
    """What ``dvc plots diff`` shows in a plot, by revision and method."""
    shown: dict[tuple[str, str], list[str]] = {}
    for point in plot["content"]["data"]["values"]:
        method = point.get("method") or point["cell"].split()[-1]
        shown.setdefault((point["rev"], method), []).append(point[column])
    return shown


def up_to_date(tree: Tree) -> bool:
    """Of the plan, which is made anew each time, nothing can be said."""
    status = json.loads(tree.ok("dvc", "status", "--json").splitlines()[-1])
    return set(status) <= {"plan"}


def test_repro_leaves_nothing_to_do_for_either(repository: Tree) -> None:
    assert "Nothing to be done" in repository.ok("snakemake", "-n", "all"), "nor the report"
    assert up_to_date(repository)
    assert repository.ok("git", "status", "--porcelain") == ""
    repository.ok("taet", "verify")


def test_snakemake_first_then_dvc(repository: Tree) -> None:
    repository.edit("params.yaml", *ALPHA)
    repository.ok("snakemake", "--cores", "2", "all")
    before = results(repository)
    output = repository.ok("dvc", "repro")
    assert not stages_run(output), output
    assert results(repository) == before
    assert up_to_date(repository)


def test_change_in_dvc_runs_that_method_only(repository: Tree) -> None:
    """As the page docs/reproduce_a_table.md says."""
    page = "reproduce_a_table.md"
    place = "      las_at: {strategy_width: 8}\n"
    repository.edit("params.yaml", place, place + block(page, "yaml"))
    plan, output, params, metrics = (repository.ok(*command) for command in commands(page, 1))
    assert re.search(r"equalize_cell +1\n", plan)
    assert "studies.digits.methods.taet" in params
    assert ".taet." in metrics
    stages = stages_run(output)
    assert (stages["stabilize"], stages["equalize"], stages["attack"]) == (0, 1, 1), output
    assert planned(repository) == {}
    assert up_to_date(repository)
    differences = json.loads(repository.ok("dvc", "params", "diff", "--json"))
    assert differences["params.yaml"]["studies.digits.methods.taet.alpha"]["new"] == 0.5
    moved = json.loads(repository.ok("dvc", "metrics", "diff", "--json"))
    (changes,) = moved["metrics"].values() if "metrics" in moved else moved.values()
    assert changes
    assert all(".taet." in name for name in changes)
    assert "BR_pgd20" in repository.ok("dvc", "metrics", "show")
    plots = json.loads(repository.ok("dvc", "plots", "diff", "--json"))
    assert not plots.get("errors")
    assert set(plots["data"]) == set(PLOTS)
    shown = {name: values_shown(plots["data"][name][0], PLOTS[name]) for name in PLOTS}
    for name, values in shown.items():
        assert values["HEAD", "at_bsl"] == values["workspace", "at_bsl"], name
        if name != "tail_balanced_robustness":  # which may well be 0 in both
            assert values["HEAD", "taet"] != values["workspace", "taet"], name
    assert len(shown["training_loss"]["HEAD", "taet"]) == 4, "one for each epoch"


def test_back_and_forth_in_time(repository: Tree) -> None:
    first = results(repository)
    repository.edit("params.yaml", *ALPHA)
    repository.ok("dvc", "repro", "-q")
    repository.ok("git", "add", "-A")
    repository.ok("git", "commit", "-qm", "second")
    second = results(repository)
    assert first != second
    for revision, expected in (("HEAD~1", first), ("main", second)):
        repository.ok("git", "checkout", "-q", revision)
        repository.ok("dvc", "checkout", "-q")
        assert results(repository) == expected
        assert planned(repository) == {}, "Snakemake must not redo what DVC brought back"
        repository.ok("taet", "verify")
        assert up_to_date(repository)


def test_fresh_clone_after_pull(repository: Tree, tmp_path: Path) -> None:
    clone = Tree(tmp_path / "clone")
    repository.ok("git", "clone", "-q", str(repository.path), str(clone.path))
    clone.ok("dvc", "pull", "-q")
    assert planned(clone) == {}
    clone.ok("taet", "verify")
    assert results(clone) == results(repository)
    said = clone.ok("snakemake", "--cores", "1", "all")
    assert set(stages_run(said)) == {"report"}, "the report is no version's"
    assert "Nothing to be done" in clone.ok("snakemake", "--cores", "1", "all")


def test_repro_in_a_fresh_clone_gives_the_same_files(repository: Tree, tmp_path: Path) -> None:
    clone = Tree(tmp_path / "clone")
    repository.ok("git", "clone", "-q", str(repository.path), str(clone.path))
    clone.ok("dvc", "repro", "-q")
    assert results(clone) == results(repository)
    assert clone.ok("git", "status", "--porcelain") == "", "dvc.lock is the same, byte for byte"


def test_lost_snakemake_folder(repository: Tree) -> None:
    shutil.rmtree(repository.path / ".snakemake")
    assert planned(repository) == {}
    shutil.rmtree(repository.path / ".snakemake")
    repository.edit("params.yaml", *ALPHA)
    assert planned(repository)["equalize_cell"] == 1


def test_stale_artifacts_are_refused_by_dvc(repository: Tree) -> None:
    """Records lost, times equal, parameters changed: both tools alone would take old results."""
    repository.edit("params.yaml", *ALPHA)
    shutil.rmtree(repository.path / ".snakemake")
    output = repository.ok("dvc", "repro")
    assert stages_run(output)["equalize"] == 1, output
    repository.ok("taet", "verify")


def test_two_methods_changed_on_two_branches(repository: Tree) -> None:
    repository.ok("git", "checkout", "-qb", "tau")
    repository.edit("params.yaml", "tau: 1.0", "tau: 0.5")
    repository.ok("dvc", "repro", "-q")
    repository.ok("git", "add", "-A")
    repository.ok("git", "commit", "-qm", "tau")
    repository.ok("git", "checkout", "-q", "main")
    repository.ok("dvc", "checkout", "-q")
    repository.edit("params.yaml", *ALPHA)
    repository.ok("dvc", "repro", "-q")
    repository.ok("git", "add", "-A")
    repository.ok("git", "commit", "-qm", "alpha")
    # git merges the parameters; of the two locks, plans and headline numbers either will do.
    repository.run("git", "merge", "-q", "tau")
    results_of = "results/tiny/"
    made = [
        "dvc.lock",
        f"{results_of}plan.json",
        *(f"{results_of}headline.{s}" for s in ("json", "csv")),
    ]
    repository.ok("git", "checkout", "--ours", "--", *made)
    assert "tau: 0.5" in (repository.path / "params.yaml").read_text()
    repository.ok("git", "add", *made)
    repository.ok("git", "commit", "-qm", "both")
    output = repository.ok("dvc", "repro")
    # The method of the other branch, and no more.
    assert stages_run(output)["equalize"] == 1, output
    repository.ok("taet", "verify")
    assert planned(repository) == {}
    assert up_to_date(repository)
