"""A study on a real SLURM, with accidents: the same bytes as on one machine.

As one command that tells what happens: ``python -m tests.cluster``.
"""

from collections.abc import Callable, Iterator

import pytest

from tests.cluster.slurm import Cluster, missing
from tests.cluster.story import ACCIDENTS, STUDY, Run, compare

REASON = missing()
pytestmark = [
    pytest.mark.slurm,
    pytest.mark.skipif(REASON is not None, reason=str(REASON)),
]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with Cluster(tmp_path_factory.mktemp("slurm")) as started:
        yield started


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Run:
    run = Run(tmp_path_factory.mktemp("local") / "tree", STUDY)
    run.locally()
    return run


@pytest.mark.parametrize("accident", ACCIDENTS)
def test_an_accident_changes_no_byte(
    accident: Callable[..., None],
    cluster: Cluster,
    local: Run,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    run = Run(tmp_path_factory.mktemp(accident.__name__) / "tree", STUDY)
    accident(cluster, run, print)
    assert compare(local, run, print)
