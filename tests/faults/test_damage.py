"""Damaged files are named, refused and remade; see ``tests.faults.damage``."""

from pathlib import Path

import pytest

from tests.conftest import Tree
from tests.faults.damage import damage_everything
from tests.workflow.test_run import ATTACK

pytestmark = pytest.mark.faults


def test_damage_is_seen_and_mended(finished: Tree, tmp_path: Path) -> None:
    found = list(damage_everything(finished, tmp_path))
    assert [one for one in found if not one.harmless] == []


def object_of(tree: Tree, file: str) -> Path:
    """The object in DVC's cache that holds a file of the tree."""
    data = (tree.path / file).read_bytes()
    (found,) = (
        o for o in (tree.path / ".dvc/cache/files/md5").glob("??/*") if o.read_bytes() == data
    )
    return found


@pytest.mark.parametrize("mode", [0o444, 0o644])
def test_damage_in_dvcs_cache(repository: Tree, mode: int) -> None:
    """DVC takes a read-only object for what its name says, and would bring the damage back."""
    damaged = object_of(repository, ATTACK)
    name = str(damaged.relative_to(repository.path))
    before = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(before[:-1] + bytes([before[-1] ^ 1]))
    damaged.chmod(mode)
    refused = repository.run("taet", "verify")
    assert refused.returncode == 1
    assert f"{name}: damaged (its name is not the hash of its contents)" in refused.stderr
    assert f"{name}: taken out" in repository.ok("taet", "verify", "--remake")
    assert not damaged.exists()
    repository.ok("dvc", "commit", "--force", "-q")
    assert damaged.read_bytes() == before
    repository.ok("taet", "verify")
