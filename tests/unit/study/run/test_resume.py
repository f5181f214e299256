"""How often a long job saves itself."""

import pytest

from taet.study.run import resume
from taet.study.run.resume import SAVING_SHARE, Saver


@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_saving_takes_a_small_share(cost: float, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(resume.time, "monotonic", lambda: now[0])
    saver, saved = Saver(), []

    def save() -> None:
        now[0] += cost
        saved.append(now[0])

    for _ in range(1000):
        now[0] += 1  # the work
        saver(save)
    assert saved[0] == 101 + cost, "the first time at once"
    if cost == 0:
        assert len(saved) == 1000
    else:
        spent = cost * len(saved) / (now[0] - 100)
        assert SAVING_SHARE / 2 < spent <= SAVING_SHARE * 1.05
