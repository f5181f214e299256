"""Checks of an evaluation: what stops it, and signs that a robust accuracy cannot be believed.

Signs are those of Croce and Hein (2020) and Carlini et al. (2019). Each is a sentence that ends up beside
the number in the tables; none changes a verdict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from taet.attacks._base import Part, Target
from taet.attacks._norms import size
from taet.attacks._pgd import input_gradient
from taet.attacks._square import Square
from taet.errors import UserError
from taet.losses import cross_entropy

ALONE = 0.002  # share of images that only Square breaks, above which gradients are suspected (AutoAttack's)
TOLERANCE = 1e-6  # float32 rounding of x + eps and back


def check_images(x: Tensor, y: Tensor, classes: int, eps: float) -> None:
    """Check what is to be attacked.

    Raises:
        UserError: pixels outside [0,1], labels outside 0..C-1, a class without an image, or eps outside
            (0,1).
    """
    if not 0 < eps < 1:
        raise UserError(f"eps: must be above 0 and below 1, in the [0,1] pixel range, got {eps:g}")
    if len(x) != len(y) or not len(x):
        raise UserError(f"{len(x)} images and {len(y)} labels; must be as many, at least one")
    if not (torch.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise UserError(
            f"images go from {x.min():g} to {x.max():g}; must be in [0,1], with any normalisation inside "
            "the model"
        )
    if y.min() < 0 or y.max() >= classes:
        raise UserError(f"labels go from {y.min()} to {y.max()}; must be from 0 to {classes - 1}")
    if empty := (torch.bincount(y, minlength=classes) == 0).nonzero().flatten().tolist():
        raise UserError(f"class {empty[0]} has no test image, so balanced numbers are undefined")


@torch.no_grad()
def check_model(model: nn.Module, x: Tensor, classes: int) -> None:
    """Check a model on one image.

    Raises:
        UserError: weights that are not finite, or outputs of another shape than [B, C].
    """
    for name, value in model.state_dict().items():
        if value.is_floating_point() and not torch.isfinite(value).all():
            raise UserError(f"weights {name!r} of the model are not finite; it has diverged")
    try:
        shape = tuple(model(x).shape)
    except (RuntimeError, ValueError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise UserError(
            f"the model cannot take images of the shape {tuple(x.shape)}: {reason}"
        ) from None
    if shape != (len(x), classes):
        raise UserError(
            f"the model gives outputs of the shape {shape} for {len(x)} image; must be "
            f"({len(x)}, {classes}): one logit for each of the {classes} classes"
        )


def verify(part: Part, x_adv: Tensor, target: Target) -> None:
    """Check every adversarial image before it counts.

    Raises:
        UserError: not finite, outside [0,1], or further away than eps.
    """
    if not torch.isfinite(x_adv).all():
        raise UserError(f"attack {part.title}: adversarial images are not finite; is the model?")
    if x_adv.min() < 0 or x_adv.max() > 1:
        raise UserError(f"attack {part.title}: adversarial images leave the pixel range [0,1]")
    if not part.bounded:
        return
    distance = size((x_adv - target.x).double(), part.norm).max().item()
    if distance > target.eps + TOLERANCE:
        raise UserError(
            f"attack {part.title}: a perturbation of {distance:.7g} exceeds eps = {target.eps:g}"
        )


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
