"""The two lists of what the project needs are one."""

import tomllib

import yaml

from tests.conftest import ROOT


def test_environment_agrees_with_pyproject() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert environment[-1] == {"pip": project["dependencies"]}
    assert f"python{project['requires-python']}" in environment
