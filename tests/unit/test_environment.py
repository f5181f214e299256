"""The lists of what the project needs agree."""

import re
import tomllib

import yaml
from packaging.requirements import Requirement

from tests.conftest import ROOT


def test_environment_agrees_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert environment[-1] == {"pip": project["dependencies"]}
    assert f"python{project['requires-python']}" in environment


def test_lock_pins_what_the_project_needs_by_hash() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lock = (ROOT / "requirements.lock").read_text()
    pinned = dict(re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE))
    needed = [*project["dependencies"], *project["optional-dependencies"]["test"]]
    for requirement in map(Requirement, needed):
        assert pinned[requirement.name.lower()] in requirement.specifier, requirement
    blocks = re.split(r"\n(?=\S)", lock)
    assert all("--hash=sha256:" in block for block in blocks)
    assert "://" not in lock, "no address of an index"
