"""A study that is killed again and again ends with the same bytes; see ``tests.faults.kills``."""

from pathlib import Path

import pytest

from tests.conftest import Tree
from tests.faults.kills import kill_at_random, results

KILLS = 20


@pytest.mark.faults
def test_nothing_is_lost(finished: Tree, tmp_path: Path) -> None:
    kills = list(kill_at_random(tmp_path, results(finished), KILLS, seed=0))
    assert len(kills) >= KILLS
    assert len({kill.victim for kill in kills}) == 3
    assert [kill for kill in kills if not kill.harmless] == []
