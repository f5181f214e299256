"""What a job's key depends on."""

import pytest

from taet.options import AttackOptions, DatasetOptions
from taet.study.params import blocks
from taet.study.plan.study import Study


class Named(DatasetOptions):
    training: str
    mirror: str


def test_a_label_counts_where_a_reader_is_warned_of_it(digits: blocks.Params) -> None:
    """A file of predictions has the warning, so it is another file; another name alone changes nothing."""

    def key(label: str) -> str:
        attack = digits.attacks["pgd20"].model_copy(update={"label": label})
        changed = digits.model_copy(update={"attacks": {**digits.attacks, "pgd20": attack}})
        return Study(changed).jobs("attack")[0].key

    assert key("PGD-20") == key("PGD-20, ours")
    assert key("PGD-10") != key("PGD-20")


def test_the_radius_of_an_attack_counts(
    digits: blocks.Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no plugin states another one, it is that of ``taet.options``, whose code is in no key."""

    def keys() -> set[str]:
        study = Study(digits)
        return {study.jobs("attack")[0].key, study.job("inspect").key}

    before = keys()
    monkeypatch.setattr(AttackOptions, "ball", lambda self, eps: ("linf", eps / 2))
    assert not before & keys()


def test_a_block_that_is_gone_lends_no_other_its_values(digits: blocks.Params) -> None:
    study = Study(digits)
    for steps in range(1, 40):  # each block may get the memory, and so the id, of the one before
        attack = digits.attacks["pgd20"].model_copy(update={"steps": steps})
        assert study._dumped(attack)["steps"] == steps
        del attack


def test_only_marked_fields_stay_out_of_keys(digits: blocks.Params) -> None:
    """A plugin's own field enters the key, whatever it is called; its label does not."""
    study = Study(digits)
    block = Named(kind="named", label="x", longtail=digits.longtail, training="a", mirror="b")
    assert study._dumped(block) == {"kind": "named", "training": "a", "mirror": "b"}
    assert study._dumped(digits.download) == {}
    assert study._dumped(digits.report.worst_cases)["worst"] == {"attacks": "all"}
    method = study._dumped(digits.methods["taet"])
    assert method.keys() & {"label", "stabilization", "training"} == set()
    assert method["alpha"] == 0.1
