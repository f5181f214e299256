"""Claims with made-up bits, and what tests change in them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from taet.claims.claim import FORMAT, digest_of
from taet.claims.images import ImageLists
from taet.claims.numbers import claimed_numbers
from taet.claims.protocol import protocol_facts, study_of_protocol
from taet.scores.bits import to_hex
from taet.study.store.artifacts import digest

Change = Callable[[dict[str, Any]], None]


def contents(
    lists: ImageLists, *, robust: float = 0.5, name: str = "made", ratio: float = 10.0
) -> dict[str, Any]:
    """A claim on the digits whose bits are drawn: 80 % correct when clean, fewer under each attack."""
    images, study = lists.of("digits", ratio), study_of_protocol(lists.params, "digits")
    rng = np.random.default_rng(0)
    bits = {"clean": rng.random(len(images.label)) < 0.8}
    for attack in lists.params.claim.attacks:
        bits[attack] = bits["clean"] & (rng.random(len(images.label)) < robust)
    protocol = protocol_facts(study, "digits")
    return {
        "format": FORMAT,
        "name": name,
        "dataset": "digits",
        "imbalance_ratio": ratio,
        "protocol": protocol,
        "weights": {"digest": digest({}, {"name": name}), "parameters": 3},
        "passes": 616.0,
        "images": {
            "digest": images.digest,
            "test_counts": images.test_counts,
            "train_counts": images.train_counts,
            "long_tailed": to_hex(images.long_tailed),
        },
        "correct": {attack: to_hex(values) for attack, values in bits.items()},
        "numbers": claimed_numbers(
            bits, images.label, images.long_tailed, images.train_counts, protocol
        ),
        "warnings": [],
        "made_with": {"taet": "1"},
    }


def store(path: Path, made: dict[str, Any]) -> Path:
    """Write a file with the right digest, whatever else is wrong in it."""
    path.write_text(json.dumps({**made, "digest": digest_of(made)}))
    return path


def flipped(text: str, bit: int) -> str:
    """Bits with one of them changed; the first is the highest of the first byte."""
    data = bytearray.fromhex(text)
    data[bit // 8] ^= 0x80 >> bit % 8
    return data.hex()
