"""Adversarial images to look at, the very ones that an evaluation in float32 would judge."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from taet.adversary.chains import chain_of, radius_of
from taet.adversary.checks import verify
from taet.adversary.noise import Noise
from taet.adversary.parts import Target
from taet.adversary.subject import Subject
from taet.networks.network import predict

if TYPE_CHECKING:
    from taet.options import AttackOptions


def attacked_images(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    index: Tensor,
    name: str,
    attacks: "Mapping[str, AttackOptions]",
    *,
    eps: float,
    seed: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """What ``taet.adversary.evaluation.evaluate`` makes of a few images in float32, and the images.

    Args:
        model: takes [N, C, H, W] float32 in [0,1], gives logits; in eval mode.
        x: [N, C, H, W] float32 in [0,1], few enough for one pass.
        y: [N] int64 labels.
        index: [N] int64, which image of the data set each is: fixes its random numbers, with ``seed``.
        name: of the attack.
        attacks: options by name: all attacks of its job, which may share steps with it.
        eps: radius of the L-inf ball.
        seed: of the evaluation.

    Returns:
        The images [N, C, H, W], clean where the clean image is misclassified; the classes of the clean
        images and of those, [N] int64 each.

    Raises:
        UserError: the attack broke its own rules.
    """
    subject, radius = Subject(model), radius_of(attacks[name], eps)
    clean = predict(subject, x, len(x))
    images, prediction = x.clone(), clean.clone()
    for part in chain_of(name, attacks):
        standing = (prediction == y).nonzero().squeeze(1)
        if not len(standing):
            break
        noise = Noise(seed, index[standing])
        target = Target(subject, x[standing], y[standing], radius, noise, len(x), images[standing])
        found = part.run(target).detach()
        verify(part, found, target)
        images[standing] = found
        prediction[standing] = predict(subject, found, len(x))
    return images, clean, prediction


def features_of(model: nn.Module, x: Tensor) -> Tensor:
    """What the classifier of one of our networks sees of some images, [N, D].

    Args:
        model: what ``taet.networks.network.load_model`` gives.
        x: [N, C, H, W] float32 in [0,1].
    """
    network = getattr(model, "network", model)  # without the adjustment of its outputs, if any
    with torch.no_grad():
        return network.features(x)  # type: ignore[no-any-return]
