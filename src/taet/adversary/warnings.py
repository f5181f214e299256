"""Warnings that a robust accuracy cannot be believed, about the model or an attack.

They follow Croce and Hein (2020) and Carlini et al. (2019). Each is a sentence that tables print with the
number; none changes a verdict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from taet.adversary.descent import Descent
from taet.adversary.norms import TOLERANCE
from taet.adversary.parts import GradientPart, Part
from taet.adversary.pgd import input_gradient
from taet.adversary.square import Square
from taet.adversary.subject import Subject
from taet.collapse import COLLAPSED
from taet.errors import counted
from taet.losses import cross_entropy

SQUARE_SHARE = 0.002  # fooled by Square alone, above which gradients are suspect (AutoAttack's)
SINGLE_IMAGES = 4  # passed one by one, to compare with their batch
BATCH_TOLERANCE = 1e-3  # relative to the spread of the logits; rounding is far below
RANDOMISED = (
    "the model is randomised: two passes differ, so single gradients mislead; use eot_samples"
)
LEAST_FOR_DLR, LEAST_FOR_SPREAD = 4, 3  # classes


def clean_warnings(clean: Tensor, classes: int) -> list[str]:
    """A warning if the clean predictions, [N], are of one class for all images."""
    if len(clean.unique()) == 1 and classes > 1:
        return [COLLAPSED]
    return []


@torch.no_grad()
def model_warnings(subject: Subject, x: Tensor, y: Tensor) -> list[str]:
    """Warnings about a model, from one batch.

    Args:
        subject: the model, in eval mode.
        x: [B, C, H, W] clean images in [0,1], classified correctly.
        y: [B] int64 labels.
    """
    if not len(x):
        return []
    warnings = []
    dtype, logits = subject.raw(x).dtype, subject(x)
    if dtype != torch.float32:
        warnings.append(
            f"the model computes in {str(dtype).removeprefix('torch.')}, not in float32"
        )
    if not torch.equal(logits, subject(x)):
        warnings.append(RANDOMISED)
    elif _depends_on_batch(subject, x, logits):
        warnings.append(
            "an image's outputs depend on the other images of its batch, so verdicts depend on the "
            "batch size"
        )
    if (logits >= 0).all() and (logits <= 1).all():
        warnings.append("outputs look like probabilities; attacks need logits")
    gradient, _ = input_gradient(subject, x, y, cross_entropy, len(x))
    if zero := (gradient.flatten(1) == 0).all(1).float().mean().item():
        warnings.append(f"{zero:.1%} of the images have a gradient of exactly zero (n = {len(x)})")
    return warnings


def averaged(warnings: Sequence[str], samples: int) -> list[str]:
    """Warnings about a model, for an attack whose gradients are means over some passes."""
    text = f"the model is randomised: gradients are means over {samples} passes, the verdict is of one pass"
    return [text if samples > 1 and w == RANDOMISED else w for w in warnings]


def _depends_on_batch(subject: Subject, x: Tensor, logits: Tensor) -> bool:
    """Whether images passed one by one get other logits than in the batch, beyond rounding."""
    spread = (logits.amax() - logits.amin()).clamp(min=torch.finfo(logits.dtype).tiny)
    single = torch.cat([subject(x[i : i + 1]) for i in range(min(len(x), SINGLE_IMAGES))])
    return bool(((single - logits[: len(single)]).abs() > BATCH_TOLERANCE * spread).any())


def precision_warnings(precision: str, device: str) -> list[str]:
    """A warning if attacks rounded more than float32 does; only GPUs have TF32."""
    if precision == "bf16" or (precision == "tf32" and device == "cuda"):
        return [f"the attack computed in {precision}"]
    return []


def chain_warnings(
    parts: Sequence[Part], broken_by: Tensor, classes: int, attacked: int
) -> list[str]:
    """Warnings about the verdicts of an attack.

    Args:
        parts: of the attack.
        broken_by: [N] position in ``parts`` of the one that fooled each image, -1 for none.
        classes: number of classes C.
        attacked: number of images that were attacked.
    """
    warnings = []
    for position, part in enumerate(parts):
        share = (broken_by == position).sum().item() / max(attacked, 1)
        if isinstance(part, Square) and position > 0 and share > SQUARE_SHARE:
            warnings.append(
                f"Square broke {share:.1%} of the images that white-box attacks could not: gradients "
                "may mislead"
            )
    by_gradient = [part for part in parts if isinstance(part, GradientPart)]
    if few := sum(part.target_rank >= classes for part in by_gradient):
        warnings.append(
            f"only {counted(classes, 'class')}, so there was no target for {few} of "
            f"{counted(len(parts), 'part')}"
        )
    if classes < LEAST_FOR_DLR and any(part.follows_dlr for part in by_gradient):
        how = "DLR losses use the logits there are"
        if classes < LEAST_FOR_SPREAD:
            how = "without a third logit, DLR losses are the plain margin"
        warnings.append(f"{counted(classes, 'class')}: {how}")
    return warnings


def reach_warnings(parts: Sequence[Part], eps: float) -> list[str]:
    """Warnings about attacks whose steps are too short to cross the ball.

    From a random start the far side of the ball is 2 eps away; from the image, its surface is eps away.
    """
    warnings = []
    for run in _runs([part for part in parts if isinstance(part, Descent)]):
        steps, step_size = sum(part.steps for part in run), run[0].step_size
        across = 2 * eps if run[0].start == "uniform" else eps
        if step_size is not None and steps * step_size < across * (1 - TOLERANCE):
            warnings.append(
                f"{run[-1].title}: {counted(steps, 'step')} of {step_size:.4g} cannot cross the ball of "
                f"eps {eps:.4g}"
            )
    return warnings


def _runs(descents: Sequence[Descent]) -> list[list[Descent]]:
    """Descents grouped with those that continue them."""
    runs: list[list[Descent]] = []
    for part in descents:
        if part.continues and runs:
            runs[-1].append(part)
        else:
            runs.append([part])
    return runs
