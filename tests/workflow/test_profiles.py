"""The SLURM profile fits the rules; its page and its script say what is so."""

import importlib.util
import re
import shlex
from pathlib import Path

import pytest
import yaml

from tests.conftest import ROOT, Tree

PROFILES = ROOT / "profiles"
SHARED = (
    "rerun-incomplete",
    "rerun-triggers",
    "ignore-incomplete",
    "keep-going",
    "show-failed-logs",
)
PAGE = (ROOT / "docs/cluster.md").read_text()
COMMANDS = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("snakemake")
]
needs_executor = pytest.mark.skipif(
    importlib.util.find_spec("snakemake_executor_plugin_slurm") is None,
    reason="no snakemake-executor-plugin-slurm; pip install -e '.[slurm]'",
)


def profile(name: str) -> dict:
    return yaml.safe_load((PROFILES / name / "config.yaml").read_text())


def rules_that_run() -> set[str]:
    text = "".join(file.read_text() for file in (ROOT / "workflow/rules").glob("*.smk"))
    blocks = re.split(r"(?m)^rule (\w+):", text)[1:]
    return {name for name, body in zip(blocks[::2], blocks[1::2], strict=True) if "shell:" in body}


def test_every_rule_has_its_needs() -> None:
    snakefile = (ROOT / "Snakefile").read_text()
    local = set(re.search(r"localrules:\n((?:    \w+,\n)+)", snakefile)[1].replace(",", "").split())
    assert local == {"download_dataset", "report"}
    assert set(profile("slurm")["set-resources"]) == rules_that_run() - local


def test_profiles_agree_where_they_must() -> None:
    for option in SHARED:
        assert profile("slurm")[option] == profile("default")[option], option


def test_a_second_try_gets_more() -> None:
    for rule, resources in profile("slurm")["set-resources"].items():
        for name, text in resources.items():
            first, second = (eval(text, {"attempt": attempt}) for attempt in (1, 2))
            assert second == 2 * first > 0, (rule, name)


@pytest.mark.study
@needs_executor
@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_page_plan(command: str, tree: Tree) -> None:
    program, *options = shlex.split(command)
    said = tree.ok(program, "-n", *options)
    assert re.search(r"^total +\d+$", said, re.MULTILINE)


@pytest.mark.study
def test_needs_of_a_finished_study(tree: Tree) -> None:
    tree.ok("snakemake", "--cores", "1", "tables", "figures")
    said = tree.ok("python", "workflow/scripts/needs.py", "tiny")
    lines = said[said.index("set-resources:") :]
    asked = yaml.safe_load(lines)["set-resources"]
    named = set(re.findall(r"(?m)^  (?:# )?(\w+): ", lines))
    assert named == set(profile("slurm")["set-resources"])
    assert "equalize_cell" in asked
    assert re.search(r"^equalize_cell +3 ", said, re.MULTILINE), "three networks"
    assert all(eval(value, {"attempt": 1}) >= 5 for r in asked.values() for value in r.values())


@pytest.mark.study
def test_needs_that_were_not_measured(tree: Tree) -> None:
    """Of a job that is over before Snakemake looks there is no memory, and sometimes no time."""
    rows = {"attack/a": "3.0 100", "attack/b": "NA NA", "score": "1.0 NA", "tables": "NA -"}
    for name, row in rows.items():
        file = tree.path / "results/tiny/benchmarks" / f"{name}.tsv"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("s\tmax_rss\n" + row.replace(" ", "\t") + "\n")
    said = tree.ok("python", "workflow/scripts/needs.py", "tiny")
    assert re.search(r"^attack_cell +2 +3.0 +100$", said, re.MULTILINE)
    assert list(yaml.safe_load(said[said.index("set-resources:") :])["set-resources"]) == [
        "attack_cell"
    ]
    assert said.count("ended before they were measured") == 2


def test_no_keys_in_the_image() -> None:
    """docs/share_results.md has keys of a remote written into .dvc/config.local."""
    left_out = (ROOT / ".containerignore").read_text().splitlines()
    assert {".dvc/config.local", ".dvc/cache", ".dvc/tmp", ".git", ".venv", "venv"} <= set(left_out)


def test_slurm_sends_no_job_again_by_itself() -> None:
    """Such a job would have no watcher, if Snakemake was killed meanwhile."""
    assert profile("slurm")["slurm-no-requeue"] is True


@pytest.mark.study
def test_needs_of_nothing(tree: Tree) -> None:
    done = tree.run("python", str(Path("workflow/scripts/needs.py")), "tiny")
    assert done.returncode == 1
    assert done.stderr.startswith(
        "needs: results/tiny/benchmarks: has no benchmark files; run the study"
    )
