"""Signs that a robust accuracy cannot be believed (after Croce and Hein 2020, and Carlini et al. 2019).

Each is a sentence that ends up beside the number in the tables; none changes a verdict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from taet.attacks._base import Part
from taet.attacks._pgd import input_gradient
from taet.attacks._square import Square
from taet.losses import cross_entropy

ALONE = 0.002  # share of images that only Square breaks, above which gradients are suspected (AutoAttack's)


def clean_warnings(clean: Tensor, classes: int) -> list[str]:
    """What is odd about clean predictions, [N]: a model that gives one class for all images is no model."""
    if len(clean.unique()) == 1 and classes > 1:
        return ["predicts one class for all images: the training has collapsed"]
    return []


def model_warnings(model: nn.Module, x: Tensor, y: Tensor) -> list[str]:
    """What is odd about a model, from one batch.

    Args:
        model: in eval mode.
        x: [B, C, H, W] clean images in [0,1], classified correctly.
        y: [B] int64 labels.
    """
    if not len(x):
        return []
    gradient, logits = input_gradient(model, x, y, cross_entropy)
    with torch.no_grad():
        again = model(x)
    found = []
    if not torch.equal(logits, again):
        found.append("the model is randomised: two passes differ, so single gradients mislead")
    if (logits >= 0).all() and torch.allclose(
        logits.sum(1), torch.ones_like(logits[:, 0]), atol=1e-4
    ):
        found.append("outputs look like probabilities; attacks need logits")
    if zero := (gradient.flatten(1) == 0).all(1).float().mean().item():
        found.append(f"{zero:.1%} of the images have a gradient of exactly zero (n = {len(x)})")
    if logits.shape[1] < 4:
        found.append(f"{logits.shape[1]} classes: DLR losses use the logits there are")
    return found


def chain_warnings(
    parts: Sequence[Part], broken_by: Tensor, classes: int, standing: int
) -> list[str]:
    """What is odd about the verdicts of an attack.

    Args:
        parts: its parts.
        broken_by: [N] which of them fooled each image, -1 for none.
        classes: number of classes C.
        standing: images that were attacked.
    """
    found = []
    for place, part in enumerate(parts):
        alone = (broken_by == place).sum().item() / max(standing, 1)
        if isinstance(part, Square) and place > 0 and alone > ALONE:
            found.append(
                f"Square broke {alone:.1%} of the images that white-box attacks could not: gradients "
                "may mislead"
            )
    if too_many := [part.title for part in parts if getattr(part, "rank", 0) >= classes]:
        found.append(f"only {classes} classes, so there was no target for: {', '.join(too_many)}")
    return found
