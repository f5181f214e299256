"""How often a long job saves itself, and what it does with a file that it cannot use."""

from pathlib import Path

import numpy as np
import pytest

from taet.study.run import resume
from taet.study.run.resume import SAVING_SHARE, ResumeFile
from taet.study.store import artifacts


def saves(monkeypatch: pytest.MonkeyPatch, cost: float, pause: float) -> tuple[int, float, float]:
    """How many saves a job of 1000 seconds makes, when the first one ended, and the seconds of the whole job.

    Args:
        cost: seconds that a save takes.
        pause: see ``ResumeFile``.
    """
    now, ends = [100.0], []
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])

    def write(*given: object, **facts: object) -> None:
        now[0] += cost
        ends.append(now[0] - 100)

    monkeypatch.setattr(artifacts, "write_arrays", write)
    file = ResumeFile(Path("none"), "k", "t", pause)
    for _ in range(1000):
        now[0] += 1  # the work
        file.save(lambda: ({}, {}))
    return len(ends), ends[0], now[0] - 100


def test_saving_costs_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert saves(monkeypatch, cost=0, pause=0) == (1000, 1, 1000)


def test_saving_takes_a_small_share(monkeypatch: pytest.MonkeyPatch) -> None:
    count, first, seconds = saves(monkeypatch, cost=0.5, pause=0)
    assert first == 1.5, "the first time at once"
    assert SAVING_SHARE / 2 < 0.5 * count / seconds <= SAVING_SHARE * 1.05


@pytest.mark.parametrize(("cost", "expected"), [(0.5, 33), (5.0, 10)])
def test_pause_between_saves(monkeypatch: pytest.MonkeyPatch, cost: float, expected: int) -> None:
    """A save of 0.5 seconds could come every 10 seconds, but waits for 30; one of 5 seconds waits for 100."""
    count, first, _ = saves(monkeypatch, cost, pause=30)
    assert first == 30 + cost
    assert count == expected


def test_restore(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, restored = tmp_path / "file", []

    def restoring(key: str) -> ResumeFile:
        file = ResumeFile(path, key, "the job")
        file.restore(lambda arrays, facts: restored.append((list(arrays), facts["epoch"])))
        return file

    assert not restoring("key").resumed
    assert capsys.readouterr().err == "", "there is no file yet"
    ResumeFile(path, "key", "the job").save(lambda: ({"weights": np.zeros(2)}, {"epoch": 3}))
    assert restoring("key").resumed
    assert restored == [(["weights"], 3)]
    assert not restoring("other key").resumed
    assert len(restored) == 1
    assert capsys.readouterr().err.startswith("the job: starting over: ")
