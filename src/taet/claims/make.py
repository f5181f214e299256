"""A claim is made: a model under all attacks of the protocol."""

import hashlib
import platform
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

from taet.adversary.evaluation import Evaluation
from taet.api.images import TestSet, read_test_set
from taet.api.under_attack import checked_call, evaluation_of
from taet.claims.claim import FORMAT
from taet.claims.images import ClaimedImages, ImageLists
from taet.claims.numbers import claimed_numbers
from taet.claims.protocol import protocol_facts, study_of_protocol
from taet.scores.bits import to_hex
from taet.study.params.blocks import Params
from taet.study.store.fingerprint import fingerprint
from taet.study.store.records import package_versions, processor

PACKAGES = ("taet", "torch", "numpy")  # that numbers depend on


def make_claim(
    model: nn.Module,
    dataset: str,
    ratio: float | str,
    name: str,
    lists: ImageLists,
    *,
    passes: float | None = None,
    device: str | None = None,
) -> dict[str, Any]:
    """The contents of a claim's file, without digest; see ``taet.claims.claim``.

    Args:
        model: as ``taet.evaluate`` takes it.
        dataset: a name under ``datasets`` of the parameters.
        ratio: imbalance ratio of the training set; ``natural`` for all images.
        name: what tables call the model.
        lists: of the parameters with the protocol.
        passes: forward and backward passes of a training image over the whole training, if known.
        device: ``cpu`` or ``cuda``; None for that of the parameters.

    Raises:
        UserError: as ``taet.evaluate``.
    """
    study = study_of_protocol(lists.params, dataset)
    params, seed = study.params, study.params.claim.seed
    call = checked_call(study, model, list(params.attacks), None, seed, device, own_images=False)
    images = lists.of(dataset, ratio)
    test = read_test_set(study, dataset, seed, None, lists.folders)
    evaluation = evaluation_of(call, test, title=name)
    correct = correct_bits(evaluation, test, images)
    protocol = protocol_facts(study, dataset)
    labels = {name: block.label for name, block in params.attacks.items()}
    return {
        "format": FORMAT,
        "name": name,
        "dataset": dataset,
        "imbalance_ratio": ratio,
        "protocol": protocol,
        "weights": {"digest": weights_digest(model), "parameters": _parameters(model)},
        "passes": passes,
        "images": _facts_of(images),
        "correct": {attack: to_hex(bits) for attack, bits in correct.items()},
        "numbers": claimed_numbers(
            correct, images.label, images.long_tailed, images.train_counts, protocol
        ),
        "warnings": _warnings(evaluation, labels),
        "made_with": _made_with(params, call.compute.device),
    }


def _facts_of(images: ClaimedImages) -> dict[str, Any]:
    """Which images they are; see ``taet.claims.claim.Images``."""
    return {
        "digest": images.digest,
        "test_counts": images.test_counts,
        "train_counts": images.train_counts,
        "long_tailed": to_hex(images.long_tailed),
    }


def correct_bits(
    evaluation: Evaluation, test: TestSet, images: ClaimedImages
) -> dict[str, np.ndarray[Any, Any]]:
    """[N] bool by attack, ``clean`` first: classified correctly, in the order of the claim's images."""
    # The test set is in the order of the numbers in the data set.
    order = np.searchsorted(test.index.numpy(), images.index)
    predictions = {"clean": evaluation.clean}
    predictions |= {name: verdict.prediction for name, verdict in evaluation.verdicts.items()}
    return {name: (given == test.y).numpy()[order] for name, given in predictions.items()}


def weights_digest(model: nn.Module) -> str:
    """Hash of names, types, shapes and values of all weights and buffers, on whatever device."""
    total = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if isinstance(value, torch.Tensor):
            plain = value.detach().to("cpu").contiguous().reshape(-1)
            total.update(f"{name} {value.dtype} {tuple(value.shape)};".encode())
            total.update(plain.view(torch.uint8).numpy().tobytes() if plain.numel() else b"")
    return total.hexdigest()


def _parameters(model: nn.Module) -> int:
    return sum(weight.numel() for weight in model.parameters())


def _warnings(evaluation: Evaluation, labels: Mapping[str, str]) -> list[str]:
    """Each once: those of the model, then those of single attacks."""
    lines = dict.fromkeys(evaluation.warnings)
    for name, verdict in evaluation.verdicts.items():
        own = [text for text in verdict.warnings if text not in evaluation.warnings]
        lines |= dict.fromkeys(f"{labels[name]}: {text}" for text in own)
    return list(lines)


def _made_with(params: Params, device: str) -> dict[str, str]:
    """Versions of packages, hash of the code that attacks, and machine."""
    versions = package_versions()
    kinds = sorted({f"taet.attacks.{options.kind}" for options in params.attacks.values()})
    return {
        "python": platform.python_version(),
        **{name: versions[name] for name in PACKAGES if name in versions},
        "code": fingerprint("taet.adversary.evaluation", *kinds),
        "device": processor() if device == "cpu" else torch.cuda.get_device_name(),
    }
