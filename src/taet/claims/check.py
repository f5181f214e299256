"""What in a claim contradicts itself, the protocol or the data set."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from taet.claims.claim import Claim, digest_of, read
from taet.claims.images import ImageLists
from taet.claims.numbers import claimed_numbers
from taet.claims.protocol import WORST, differences, protocol_facts, study_of_protocol
from taet.errors import UserError, counted
from taet.scores.bits import to_hex
from taet.study.params.blocks import Params, imbalance_ratio_label

SAME = 1.5e-6  # numbers with six digits can differ by as much and be one


def checked(path: Path, lists: ImageLists) -> Claim:
    """A claim, after everything in it that can be computed again was.

    Args:
        lists: of the parameters with the protocol.

    Raises:
        UserError: the first contradiction, in one line, or the data set is missing.
    """
    claim, contents = read(path)
    try:
        problem = next(_problems(claim, contents, lists), None)
    except UserError as error:
        raise UserError(f"{path}: {error}") from None
    if problem is not None:
        raise UserError(f"{path}: {problem}")
    return claim


def _problems(claim: Claim, contents: dict[str, Any], lists: ImageLists) -> Iterator[str]:
    """In the order in which each relies on those before it."""
    yield from _of_protocol(claim, lists.params)
    yield from _of_bits(claim)
    yield from _of_robustness(claim)
    yield from _of_numbers(claim)
    yield from _of_images(claim, lists)
    if claim.digest != digest_of(contents):
        yield "digest: the file was changed after it was written"


def _of_protocol(claim: Claim, params: Params) -> Iterator[str]:
    """A label or an option that is another one than the protocol's; attacks that are not those of it."""
    expected = protocol_facts(study_of_protocol(params, claim.dataset), claim.dataset)
    yield from differences(claim.protocol, expected, "protocol")
    names = list(expected["attacks"])
    for what, given, known in (
        ("correct", claim.correct, {"clean", *names}),
        ("numbers.balanced", claim.numbers.balanced, {"clean", *names, WORST}),
        ("numbers.long_tailed", claim.numbers.long_tailed, {"clean", *names, WORST}),
    ):
        for name in sorted(known ^ set(given)):
            yield f"{what}.{name}: {'missing' if name in known else 'no attack of the protocol'}"


def _of_bits(claim: Claim) -> Iterator[str]:
    """As many bits as images, and unused ones at the end are zero."""
    images, classes = sum(claim.images.test_counts), len(claim.images.test_counts)
    if len(claim.images.train_counts) != classes:
        yield f"images.train_counts: {len(claim.images.train_counts)} for {counted(classes, 'class')}"
    every = {f"correct.{name}": text for name, text in claim.correct.items()}
    for where, text in {"images.long_tailed": claim.images.long_tailed, **every}.items():
        if 4 * len(text) != 8 * -(-images // 8):
            yield f"{where}: {4 * len(text)} bits for {counted(images, 'image')}"
        elif to_hex(claim.bits(text)) != text:
            yield f"{where}: bits after those of the {counted(images, 'image')}"


def _of_robustness(claim: Claim) -> Iterator[str]:
    """Under an attack that may leave an image as it is, a misclassified image is never robust."""
    clean = claim.bits(claim.correct["clean"])
    for name in claim.protocol["attacks"]:
        if more := int((claim.bits(claim.correct[name]) & ~clean).sum()):
            yield (
                f"correct.{name}: robust on {counted(more, 'image')} that the model misclassifies without "
                "an attack"
            )


def _of_numbers(claim: Claim) -> Iterator[str]:
    """Numbers that the bits do not give."""
    expected = claimed_numbers(
        {name: claim.bits(text) for name, text in claim.correct.items()},
        claim.label,
        claim.bits(claim.images.long_tailed),
        claim.images.train_counts,
        claim.protocol,
    )
    for path, given, computed in _pairs(claim.numbers.model_dump(), expected, "numbers"):
        if not _same(given, computed):
            yield f"{path}: {given}, but its bits give {computed}"


def _pairs(given: Any, computed: Any, path: str) -> Iterator[tuple[str, Any, Any]]:
    """Each number of a claim beside that computed again."""
    if isinstance(computed, dict):
        for name, value in computed.items():
            yield from _pairs(given[name], value, f"{path}.{name}")
    else:
        yield path, given, computed


def _same(given: float | None, computed: float | None) -> bool:
    if given is None or computed is None:
        return given is computed
    return abs(given - computed) <= SAME


def _of_images(claim: Claim, lists: ImageLists) -> Iterator[str]:
    """Images that are not those of the data set at the ratio."""
    images = lists.of(claim.dataset, claim.imbalance_ratio)
    given = claim.images
    ratio = imbalance_ratio_label(claim.imbalance_ratio)
    for name, same in (
        ("train_counts", given.train_counts == images.train_counts),
        ("test_counts", given.test_counts == images.test_counts),
        ("digest", given.digest == images.digest),
        ("long_tailed", given.long_tailed == to_hex(np.asarray(images.long_tailed))),
    ):
        if not same:
            yield f"images.{name}: not that of {claim.dataset} at imbalance ratio {ratio}"
