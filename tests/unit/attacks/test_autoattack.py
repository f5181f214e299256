"""Which parts an AutoAttack consists of, in which order."""

from tests.unit.attacks.scenes import parts

MANY = {"steps": 9, "targets": 2, "queries": 17, "restarts": 2, "norm": "l2", "eps": 0.5}


def test_parts() -> None:
    chain = parts("autoattack", **MANY)
    described = [
        (p.title, getattr(p, "loss", None), getattr(p, "rank", None), getattr(p, "restart", None))
        for p in chain
    ]
    assert described == [
        ("APGD-CE", "ce", 0, 0),
        ("APGD-CE", "ce", 0, 1),
        ("APGD-DLR", "dlr", 0, 0),
        ("APGD-DLR", "dlr", 0, 1),
        ("APGD-T 1", "dlr_targeted", 1, 0),
        ("APGD-T 2", "dlr_targeted", 2, 0),
        ("APGD-T 1", "dlr_targeted", 1, 1),
        ("APGD-T 2", "dlr_targeted", 2, 1),
        ("FAB-T 1", None, 1, None),
        ("FAB-T 2", None, 2, None),
        ("Square", None, None, 0),
        ("Square", None, None, 1),
    ]
    assert [getattr(p, "steps", None) or p.queries for p in chain] == [9] * 10 + [17] * 2
    assert {p.norm for p in chain} == {"l2"}
    assert all(p.bounded and not p.continues for p in chain)


def test_order_is_that_of_the_parameters() -> None:
    chain = parts("autoattack", **MANY | {"components": ["square", "apgd_ce"], "restarts": 1})
    assert [p.title for p in chain] == ["Square", "APGD-CE"]
