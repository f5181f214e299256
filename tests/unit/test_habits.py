"""What a maintainer's tools read: hooks, citation, and what they must agree with."""

import ast
import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml

import taet
from tests.conftest import ROOT

# Modules that use these are not checked: three have no types of their own, and torch's are not strict.
NOT_TYPED = {
    "matplotlib",
    "medmnist",
    "pandas",
    "safetensors",
    "scipy",
    "seaborn",
    "sklearn",
    "torch",
    "torchvision",
}
HOOKS = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]


def pyproject() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def project() -> dict:
    return pyproject()["project"]


def test_types_are_checked_wherever_libraries_have_them() -> None:
    checked = [ROOT / name for name in pyproject()["tool"]["mypy"]["files"]]
    for file in (ROOT / "src/taet").rglob("*.py"):
        libraries = set(re.findall(r"^\s*(?:import|from) (\w+)", file.read_text(), re.MULTILINE))
        untyped = libraries & NOT_TYPED or (file.name == "__init__.py" and not libraries)
        assert untyped or {file, *file.parents} & {*checked}, file
    assert pyproject()["tool"]["mypy"]["strict"]


def test_citation() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["cff-version"] == "1.2.0"
    assert str(citation["version"]) == taet.__version__
    assert citation["license"] == project()["license"]
    assert citation["title"].startswith(f"{project()['name']}: ")
    assert citation["authors"][0]["name"] in (ROOT / "LICENSE").read_text()
    assert citation["message"]
    (paper,) = citation["references"]
    assert paper["year"] == 2025
    assert len(paper["authors"]) == 8
    assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in paper["url"]


def test_the_newest_change_is_of_this_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text()
    heads = re.findall(r"^## (.*)$", text, re.MULTILINE)
    versions = [re.fullmatch(r"(\d+\.\d+\.\d+) - (\d{4}-\d\d-\d\d)", head) for head in heads]
    assert all(versions)
    assert versions[0][1] == taet.__version__
    dates = [version[2] for version in versions]
    assert dates == sorted(dates, reverse=True)


def test_the_paper_is_cited_alike() -> None:
    """BibTeX in the README, and CITATION.cff: the first authors, title, pages and year."""
    readme = (ROOT / "README.md").read_text()
    bibtex = dict(re.findall(r"(\w+) = \{(.*?)\}(?:,\s|\n)", readme))
    (paper,) = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    names = [f"{author['family-names']}, {author['given-names']}" for author in paper["authors"]]
    *cited, others = bibtex["author"].split(" and ")
    assert cited == names[: len(cited)]
    assert others == "others"
    assert bibtex["title"].replace("{", "").replace("}", "") == paper["title"]
    assert bibtex["pages"] == f"{paper['start']}--{paper['end']}"
    assert bibtex["year"] == str(paper["year"])
    assert f"({bibtex['booktitle']})" in paper["collection-title"]
    assert f"https://arxiv.org/abs/{paper['url'].rpartition('/')[2]}" in readme


def test_nothing_is_fetched_by_hooks() -> None:
    (repo,) = HOOKS
    assert repo["repo"] == "local"
    assert all(hook["language"] == "system" for hook in repo["hooks"])
    assert [hook["id"] for hook in repo["hooks"]] == [
        "ruff-check",
        "ruff-format",
        "snakefmt",
        "mypy",
    ]


def test_the_hook_for_types_is_what_lint_runs() -> None:
    """On all files, for a quarter of a minute: .ci/lint does."""
    (hook,) = (hook for hook in HOOKS[0]["hooks"] if hook["id"] == "mypy")
    assert not hook["pass_filenames"]
    assert hook["entry"] in (ROOT / ".ci/lint").read_text().splitlines()


@pytest.mark.parametrize(
    "hook",
    [hook for hook in HOOKS[0]["hooks"] if hook["id"] != "mypy"],
    ids=lambda hook: hook["id"],
)
def test_hooks_pass_what_is_good(hook: dict) -> None:
    words = shlex.split(hook["entry"])
    if shutil.which(words[0]) is None:
        pytest.skip(f"no {words[0]} here")
    words.append("workflow/rules/data.smk" if "files" in hook else "src/taet/errors.py")
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(shutil.which("ruff") is None, reason="no ruff here")
def test_a_hook_stops_what_is_bad(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text("import os\n")
    entry = next(hook["entry"] for hook in HOOKS[0]["hooks"] if hook["id"] == "ruff-check")
    assert subprocess.run([*shlex.split(entry), bad], cwd=ROOT, capture_output=True).returncode == 1


LONGEST = 40  # lines of a function, its docstring aside


def lines_of(function: ast.FunctionDef) -> int:
    """Lines without those of the docstring."""
    first = function.body[0]
    text = first.end_lineno - first.lineno + 1 if ast.get_docstring(function) else 0
    return function.end_lineno - function.lineno + 1 - text


def test_functions_are_short() -> None:
    files = [file for folder in ("src", "workflow") for file in (ROOT / folder).rglob("*.py")]
    long = {
        (str(file.relative_to(ROOT)), node.name)
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.FunctionDef) and lines_of(node) > LONGEST
    }
    assert not long
