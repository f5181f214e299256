"""Each contradiction in a claim is refused, in one line that names it."""

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from taet.claims import claim as files
from taet.claims.check import checked
from taet.claims.images import ImageLists
from taet.errors import UserError
from tests.unit.claims import made
from tests.unit.claims.made import flipped, store


@pytest.fixture(scope="module")
def original(lists: ImageLists) -> dict[str, Any]:
    return made.contents(lists)


def robust_bit(claim: dict[str, Any], attack: str, *, clean: bool) -> int:
    """The first image that is not robust, and correct without an attack or not."""
    bits = {name: bin(int(f"1{text}", 16))[3:] for name, text in claim["correct"].items()}
    pairs = zip(bits["clean"], bits[attack], strict=True)
    return next(i for i, pair in enumerate(pairs) if pair == (str(int(clean)), "0"))


def flip(attack: str, *, clean: bool = True) -> made.Change:
    def change(claim: dict[str, Any]) -> None:
        bit = robust_bit(claim, attack, clean=clean)
        claim["correct"][attack] = flipped(claim["correct"][attack], bit)

    return change


def put(path: str, value: Any) -> made.Change:
    """Another value at a path; it is computed from the old one if it is a function."""

    def change(claim: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        inner = claim
        for name in parents:
            inner = inner[name]
        inner[last] = value(inner.get(last)) if isinstance(value, Callable) else value  # type: ignore[arg-type]

    return change


def drop(path: str) -> made.Change:
    def change(claim: dict[str, Any]) -> None:
        *parents, last = path.split(".")
        inner = claim
        for name in parents:
            inner = inner[name]
        del inner[last]

    return change


def swap(one: str, other: str) -> made.Change:
    """The bits and numbers of two attacks, each under the other's name."""

    def change(claim: dict[str, Any]) -> None:
        for part in (claim["correct"], *claim["numbers"].values()):
            part[one], part[other] = part[other], part[one]

    return change


def test_what_is_right_passes(lists: ImageLists, original: dict[str, Any], tmp_path: Path) -> None:
    files.write(tmp_path / "a.json", original)
    claim = checked(tmp_path / "a.json", lists)
    assert claim.name == "made"
    assert claim.label.tolist() == [c for c in range(10) for _ in range(50)]


SCORE = "numbers.balanced.worst.balanced_accuracy"
CHANGES: dict[str, tuple[made.Change, str]] = {
    "one bit of an attack": (flip("pgd20"), "numbers.balanced.pgd20.accuracy.value: 0"),
    "one bit of AutoAttack": (flip("autoattack"), "numbers.balanced.autoattack.accuracy.value: 0"),
    "more robust than accurate": (
        flip("cw20", clean=False),
        "correct.cw20: robust on 1 image that the model misclassifies without an attack",
    ),
    "a number": (put(f"{SCORE}.value", lambda x: x + 0.01), f"{SCORE}.value: 0"),
    "the sixth digit of a number": (put(f"{SCORE}.value", lambda x: x + 2e-6), f"{SCORE}.value: 0"),
    "a bound": (put(f"{SCORE}.low", lambda x: x + 0.01), f"{SCORE}.low: 0"),
    "a number that is missing": (put(f"{SCORE}.low", None), f"{SCORE}.low: None, but"),
    "the number of images": (put("numbers.balanced.clean.images", 501), "numbers.balanced.clean.images: 501"),
    "two attacks swapped": (swap("fgsm", "autoattack"), "numbers.balanced.autoattack."),
    "another ratio": (
        put("imbalance_ratio", 20.0),
        "images.train_counts: not that of digits at imbalance ratio 20",
    ),
    "another data set": (put("dataset", "cifar10"), "protocol.eps: 0.1 instead of 0.03"),
    "an unknown data set": (put("dataset", "digit"), "no data set 'digit'"),
    "other images": (put("images.digest", "1" * 64), "images.digest: not that of digits"),
    "another long-tailed test set": (
        put("images.long_tailed", lambda text: flipped(text, 0)),
        "numbers.long_tailed.",
    ),
    "other training images": (
        lambda claim: claim["images"]["train_counts"].__setitem__(0, 999),
        "images.train_counts: not that of digits",
    ),
    "the label of another attack": (
        put("protocol.attacks.pgd20.label", "AutoAttack"),
        "protocol.attacks.pgd20.label: 'AutoAttack' instead of 'PGD-20'",
    ),
    "a shorter attack": (put("protocol.attacks.pgd100.steps", 20), "protocol.attacks.pgd100.steps: 20 instead of 100"),
    "a smaller radius": (put("protocol.eps", 0.05), "protocol.eps: 0.05 instead of 0.1"),
    "another protocol": (put("protocol.name", "mine"), "protocol.name: 'mine' instead of"),
    "another version": (put("protocol.version", 2), "protocol.version: 2 instead of 1"),
    "an attack left out": (drop("correct.autoattack"), "correct.autoattack: missing"),
    "an attack more": (put("correct.lsa", lambda _: "00" * 63), "correct.lsa: no attack of the protocol"),
    "numbers left out": (drop("numbers.balanced.worst"), "numbers.balanced.worst: missing"),
    "too few bits": (put("correct.fgsm", lambda text: text[:-2]), "correct.fgsm: 496 bits for 500 images"),
    "a bit after the last": (put("correct.fgsm", lambda text: flipped(text, 501)), "correct.fgsm: bits after"),
    "an unknown field": (put("award", "best"), "award: unknown field"),
    "an unknown field inside": (put(f"{SCORE}.mean", 0.5), f"{SCORE}.mean: unknown field"),
    "an unknown field of the protocol": (put("protocol.note", "x"), "protocol.note: unknown field"),
    "a field left out": (drop("weights"), "weights: missing"),
    "a number that is text": (put(f"{SCORE}.value", "0.5"), f"{SCORE}.value: input should be a valid number"),
    "a share above 1": (put(f"{SCORE}.value", 1.5), f"{SCORE}.value: input should be less than or equal to 1"),
    "another format": (put("format", 2), "format: input should be 1"),
}  # fmt: skip


@pytest.mark.parametrize("what", CHANGES)
def test_a_change_is_refused(
    what: str, lists: ImageLists, original: dict[str, Any], tmp_path: Path
) -> None:
    """Even if the digest of the file was made again."""
    change, message = CHANGES[what]
    claim = deepcopy(original)
    change(claim)
    with pytest.raises(UserError) as refused:
        checked(store(tmp_path / "a.json", claim), lists)
    (line,) = str(refused.value).splitlines()
    assert line.startswith(f"{tmp_path / 'a.json'}: {message}")


def test_what_no_number_shows_changes_the_digest(
    lists: ImageLists, original: dict[str, Any], tmp_path: Path
) -> None:
    files.write(tmp_path / "a.json", original)
    whole = json.loads((tmp_path / "a.json").read_text())
    for name, value in {"passes": 1.0, "warnings": ["x"], "name": "other"}.items():
        (tmp_path / "a.json").write_text(json.dumps({**whole, name: value}))
        with pytest.raises(UserError, match=r"digest: the file was changed after it was written$"):
            checked(tmp_path / "a.json", lists)


@pytest.mark.parametrize("share", [0, 0.1, 0.5, 0.9, 0.999])
def test_a_truncated_file(
    share: float, lists: ImageLists, original: dict[str, Any], tmp_path: Path
) -> None:
    files.write(tmp_path / "a.json", original)
    data = (tmp_path / "a.json").read_bytes()
    (tmp_path / "a.json").write_bytes(data[: int(share * len(data))])
    with pytest.raises(UserError, match=r"^\S*a\.json: damaged or cut off, no JSON \(.*\)$"):
        checked(tmp_path / "a.json", lists)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"[]", "file: input should be a valid dictionary"),
        (b'{"name": 1, "name": 2}', "a name is there twice in one object"),
        (b"\xff", "damaged or cut off, no JSON"),
        (b"[" * 100_000, "damaged or cut off, no JSON"),
        (b'{"passes": NaN}', "NaN is no number of JSON"),
    ],
)
def test_no_claim_at_all(data: bytes, message: str, lists: ImageLists, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(UserError) as refused:
        checked(tmp_path / "a.json", lists)
    assert message in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_no_such_file(lists: ImageLists, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="cannot be read: No such file"):
        checked(tmp_path / "none.json", lists)


def test_the_data_set_must_be_there(
    original: dict[str, Any], lists: ImageLists, tmp_path: Path
) -> None:
    elsewhere = ImageLists(lists.params, [tmp_path])
    with pytest.raises(UserError, match="run: python -m taet download --dataset digits"):
        checked(store(tmp_path / "a.json", original), elsewhere)
