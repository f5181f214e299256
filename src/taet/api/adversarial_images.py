"""Adversarial images of a model of the user's own."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from taet.api import arguments
from taet.api.under_attack import (
    checked_call,
    evaluation_of,
    read_own_images,
)
from taet.errors import ArgumentError
from taet.study.plan.study import Study


@dataclass(frozen=True)
class AdversarialImages:
    """Images under one attack, in the given order; tensors are in main memory.

    Attributes:
        images: [N, C, H, W] float32 in [0,1], whether they fool the model or not; the clean image where the
            model misclassifies that already, since such an image is not attacked.
        predictions: [N] int64, the model's classes of ``images``.
        clean_predictions: [N] int64, its classes of the clean images.
        robust: [N] bool, classified correctly, clean and under the attack.
        broken_by: [N] int64, position in ``parts`` of the part that fooled the model; -1 for none, also where
            the clean image is misclassified.
        parts: titles of the attack's parts, in the order in which they run.
        distances: [N] float32, norm of the perturbation in the [0,1] pixel range.
        norm: ``linf`` or ``l2``.
        eps: its bound; None for an attack without one.
        warnings: why the numbers should not be believed.
    """

    images: Tensor
    predictions: Tensor
    clean_predictions: Tensor
    robust: Tensor
    broken_by: Tensor
    parts: tuple[str, ...]
    distances: Tensor
    norm: str
    eps: float | None
    warnings: tuple[str, ...]


def attack_images(
    study: Study,
    model: nn.Module,
    x: Any,
    y: Any,
    attack: str,
    *,
    eps: Any = None,
    seed: Any = 0,
    index: Any = None,
    device: str | torch.device | None = None,
) -> AdversarialImages:
    """Images under an attack; arguments and errors are those of ``taet.api.functions.attack``.

    Args:
        study: the study with the parameters.
    """
    if not hasattr(x, "__array__"):
        kind = type(x).__name__
        raise ArgumentError(f"x: a {kind}; must be images [N, C, H, W], a tensor or an array")
    arguments.one_of("attack", "attack", attack, study.params.attacks)
    call = checked_call(study, model, [attack], eps, seed, device, own_images=True)
    test = read_own_images(call, (x, y), None, index)
    evaluation = evaluation_of(call, test, title=attack, with_images=True)
    verdict = evaluation.verdicts[attack]
    assert verdict.images is not None  # asked for
    return AdversarialImages(
        images=verdict.images.to("cpu", memory_format=torch.contiguous_format),
        predictions=verdict.prediction,
        clean_predictions=evaluation.clean,
        robust=verdict.prediction == test.y,
        broken_by=verdict.broken_by,
        parts=verdict.parts,
        distances=verdict.distance,
        norm=verdict.norm,
        eps=verdict.eps,
        warnings=verdict.warnings,
    )
