"""The protocol of a data set: its numbers, and that they do not change without another version."""

import json
from typing import Any

import pytest

from taet.claims.images import ImageLists
from taet.claims.protocol import differences, protocol_facts, study_of_protocol
from taet.errors import UserError
from taet.study.params.load import load_params
from taet.study.store.artifacts import digest
from tests.conftest import ROOT, with_study

# Hash of the protocol of each data set. A change of it needs another version, and a row here.
DIGESTS = {
    ("cifar10", 1): "524d9756eddefdcf54f147894fd539913879cba5f3a3bab7456e4c1ffe59d047",
    ("digits", 1): "1a57a92dc9ab8978daf94ff701d199366782a07efece7ff187de3df2a7d562f3",
}


def facts(lists: ImageLists, dataset: str) -> dict[str, Any]:
    return protocol_facts(study_of_protocol(lists.params, dataset), dataset)


@pytest.mark.parametrize("dataset", ["cifar10", "digits"])
def test_a_change_needs_another_version(dataset: str, lists: ImageLists) -> None:
    protocol = facts(lists, dataset)
    assert digest({}, protocol) == DIGESTS[dataset, protocol["version"]], (
        "the protocol has changed: raise claim.version, and add its digest here"
    )


@pytest.mark.parametrize(("dataset", "eps"), [("cifar10", 8 / 255), ("digits", 0.1)])
def test_radius_and_steps(dataset: str, eps: float, lists: ImageLists) -> None:
    """Steps are an eighth of the radius: 1/255 of 8/255, 0.0125 of 0.1, as in the studies."""
    protocol = facts(lists, dataset)
    assert protocol["eps"] == eps
    for name in ("pgd20", "pgd100", "cw20"):
        assert protocol["attacks"][name]["step_size"] == pytest.approx(eps / 8, rel=1e-12)
    assert protocol["attacks"]["autoattack"]["components"] == [
        "apgd_ce", "apgd_t", "fab_t", "square",
    ]  # fmt: skip
    assert json.loads(json.dumps(protocol)) == protocol


def test_an_option_that_is_not_used_is_no_part_of_it(lists: ImageLists) -> None:
    """So that claims outlive options that attacks learn later."""
    study = study_of_protocol(lists.params, "digits")
    assert "eot_samples" not in facts(lists, "digits")["attacks"]["pgd20"]
    study.params.attacks["pgd20"] = study.params.attacks["pgd20"].model_copy(
        update={"eot_samples": 10}
    )
    assert protocol_facts(study, "digits")["attacks"]["pgd20"]["eot_samples"] == 10


def test_the_digits_are_tested_as_in_their_study(lists: ImageLists) -> None:
    """So that a claim of a saved network is on images that it was not trained on."""
    study, own = (
        study_of_protocol(lists.params, "digits"),
        load_params(ROOT / "params.yaml", "digits"),
    )
    assert study.params.threat == own.threat
    assert study.params.datasets["digits"].longtail == own.datasets["digits"].longtail
    assert study.params.attacks == {name: own.attacks[name] for name in study.params.attacks}
    images, other = lists.of("digits", 10.0), lists.of("digits", 20.0)
    assert images.held_out
    assert images.test_counts == [50] * 10
    assert sum(images.train_counts) == 503  # as the saved study has
    assert int(images.long_tailed.sum()) == 199
    assert images.digest == other.digest
    assert images.train_counts != other.train_counts


def test_an_unknown_data_set(lists: ImageLists) -> None:
    with pytest.raises(UserError, match="no data set 'digit'; did you mean 'digits'"):
        study_of_protocol(lists.params, "digit")


@pytest.mark.parametrize(
    ("given", "expected", "lines"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": {"b": 1}}, {"a": {"b": 2}}, ["p.a.b: 1 instead of 2"]),
        ({"a": 1}, {"a": True}, ["p.a: 1 instead of True"]),
        ({"b": 1}, {"a": 1}, ["p.a: missing", "p.b: unknown field"]),
        ([1, 2], [1], ["p: [1, 2] instead of [1]"]),
    ],
)
def test_differences(given: Any, expected: Any, lines: list[str]) -> None:
    assert list(differences(given, expected, "p")) == lines


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("pgd100, cw20, autoattack]\n  eps: 8", "pgd100, cw21]\n  eps: 8"), "claim.attacks[3]: no attack 'cw21'"),
        (("pgd100, cw20, autoattack]\n  eps: 8", "cw_l2]\n  eps: 8"), "'cw_l2' is not bounded by the L-inf eps"),
        (("    digits: {eps: 0.1,", "    digit: {eps: 0.1,"), "claim.datasets.digit: no data set 'digit'"),
    ],
)  # fmt: skip
def test_a_protocol_that_cannot_be(change: tuple[str, str], message: str, tmp_path: Any) -> None:
    text = (ROOT / "params.yaml").read_text()
    assert text.count(change[0]) == 1
    (tmp_path / "params.yaml").write_text(text.replace(*change))
    with pytest.raises(UserError) as refused:
        load_params(tmp_path / "params.yaml")
    assert message in str(refused.value)


def test_studies_do_not_change_it(tmp_path: Any) -> None:
    block = "\n  easier:\n    extends: digits\n    claim: {eps: 1/255}\n"
    text = with_study((ROOT / "params.yaml").read_text(), "easier", block)
    (tmp_path / "params.yaml").write_text(text)
    with pytest.raises(
        UserError, match="claim: the protocol is one for all studies; remove it here"
    ):
        load_params(tmp_path / "params.yaml")
