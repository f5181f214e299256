"""Checks of an evaluation: what stops it, and warnings that a robust accuracy cannot be believed.

The warnings follow Croce and Hein (2020) and Carlini et al. (2019). Each is a sentence that tables print with
the number; none changes a verdict.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from taet.adversary.descent import Descent
from taet.adversary.norms import size
from taet.adversary.parts import Part, Target
from taet.adversary.pgd import input_gradient
from taet.adversary.square import Square
from taet.adversary.subject import Subject
from taet.collapse import COLLAPSED
from taet.compute.batches import in_batches
from taet.errors import UserError, counted, first_line
from taet.losses import cross_entropy
from taet.networks.network import undecided

SQUARE_SHARE = 0.002  # fooled by Square alone, above which gradients are suspect (AutoAttack's)
TOLERANCE = 1e-6  # float32 rounding of x + eps and back
SINGLE_IMAGES = 4  # passed one by one, to compare with their batch
BATCH_TOLERANCE = 1e-3  # relative to the spread of the logits; rounding is far below
LEAST_FOR_DLR, LEAST_FOR_SPREAD = 4, 3  # classes
CHANGES_INPUT = (
    "the model changes its input in place, and so the images under attack; begin its forward with "
    "x = x.clone(), and do without inplace=True in its first layer"
)


def check_images(x: Tensor, y: Tensor, classes: int, eps: float) -> None:
    """Check images, labels and radius.

    Raises:
        UserError: pixels outside [0,1], labels outside 0..C-1, or eps outside (0,1).
    """
    if problem := radius_problem(eps):
        raise UserError(problem)
    if len(x) != len(y) or not len(x):
        have = f"{counted(len(x), 'image')} and {counted(len(y), 'label')}"
        raise UserError(f"{have}; must be as many, at least one")
    if not (torch.isfinite(x).all() and x.min() >= 0 and x.max() <= 1):
        raise UserError(
            f"images go from {x.min():g} to {x.max():g}; must be in [0,1], with any normalisation inside "
            "the model"
        )
    if y.min() < 0 or y.max() >= classes:
        raise UserError(f"labels go from {y.min()} to {y.max()}; must be from 0 to {classes - 1}")


def radius_problem(eps: float) -> str | None:
    """What is wrong with the radius of a ball; None if nothing is."""
    if 0 < eps < 1:
        return None
    return f"eps: must be above 0 and below 1, in the [0,1] pixel range, got {eps:g}"


def check_model(subject: Subject, x: Tensor, classes: int) -> int:
    """Check a model on a batch of images, and set ``subject.has_gradient``.

    Args:
        subject: the model, in eval mode.
        x: [B, C, H, W] images in [0,1], one batch of the evaluation.

    Returns:
        How many of them fit into memory at once.

    Raises:
        UserError: weights that have no values yet, a model that fails or changes its input, or outputs that
            are not [B, C] logits or decide for no class.
    """
    tensors = [*subject.model.named_parameters(), *subject.model.named_buffers()]
    if lazy := [name for name, value in tensors if is_lazy(value)]:
        raise UserError(
            f"weights {lazy[0]!r} of the model have no values yet; pass a batch of images through it, or "
            "load its weights, before it is attacked"
        )
    fit = _check_outputs(subject, x, classes)
    if fit > 1:  # attacks pass as many images as are still robust, even a single one
        _check_outputs(subject, x[:1], classes)
    subject.has_gradient = _has_gradient(subject, x[:1])
    return fit


def _check_outputs(subject: Subject, x: Tensor, classes: int) -> int:
    """Check the model's outputs for some images; returns how many of them fit into memory at once."""
    images = f"{counted(len(x), 'image')} of the shape {tuple(x.shape[1:])}"
    given = x.clone(memory_format=torch.contiguous_format) if not subject.is_ours else x
    try:
        with torch.no_grad():
            outputs = in_batches(subject.raw, len(x), given)
    except Exception as error:  # whatever the user's code raises is the user's to read
        raise UserError(
            f"the model fails on {images}: {first_line(error)}{_other_type(subject)}"
        ) from error
    if not torch.equal(given, x):
        raise UserError(CHANGES_INPUT)
    logits, fit = outputs[0], -(-len(x) // len(outputs))
    if not (isinstance(logits, Tensor) and logits.is_floating_point()):
        kind = str(logits.dtype) if isinstance(logits, Tensor) else type(logits).__name__
        raise UserError(
            f"the model gives a {kind}; must be a tensor of floating-point logits: wrap it in a module whose "
            "forward returns that"
        )
    if tuple(logits.shape) != (fit, classes):
        flat = fit == 1 and logits.shape == (classes,)
        squeezed = "; a squeeze() drops the batch of one image: use flatten(1)" if flat else ""
        raise UserError(
            f"the model gives outputs of the shape {tuple(logits.shape)} for {counted(fit, 'image')}; must "
            f"be ({fit}, {classes}): one logit for each of the {counted(classes, 'class')}{squeezed}"
        )
    if bad := undecided(logits):
        raise UserError(
            f"the model's outputs are not finite for {bad} of {counted(fit, 'image')}; {_cause(subject)}"
        )
    return fit


def _other_type(subject: Subject) -> str:
    """A hint if the model's weights are not of the images' type; else an empty text."""
    dtypes = {value.dtype for value in subject.model.parameters() if value.is_floating_point()}
    if not dtypes or torch.float32 in dtypes:
        return ""
    kind = str(dtypes.pop()).removeprefix("torch.")
    return f"; its weights are {kind}, images are float32: call model.float(), or convert inside it"


def _cause(subject: Subject) -> str:
    """Why a model's outputs may not be finite."""
    for name, value in subject.model.named_parameters():
        if not torch.isfinite(value).all():
            return f"weights {name!r} of the model are not finite: it has diverged"
    return "look for an overflow, a division by 0, or the logarithm of 0"


def _has_gradient(subject: Subject, x: Tensor) -> bool:
    """Whether torch can differentiate the logits with respect to an image."""
    labels = x.new_zeros(len(x), dtype=torch.int64)
    given = x.clone(memory_format=torch.contiguous_format)
    try:
        input_gradient(subject.raw, given, labels, cross_entropy)
    except Exception as error:
        if "does not require grad" in str(error) or "not have been used" in str(error):
            return False
        if "in-place operation" in str(error):
            raise UserError(CHANGES_INPUT) from error
        raise UserError(
            f"the model fails when its gradient is taken: {first_line(error)}"
        ) from error
    if not torch.equal(given, x):  # through detach(), for example, which torch does not notice
        raise UserError(CHANGES_INPUT)
    return True


def check_adversarial(part: Part, x_adv: Tensor, target: Target) -> None:
    """Check the adversarial images of a part before they count.

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
    """A warning if the clean predictions, [N], are of one class for all images."""
    if len(clean.unique()) == 1 and classes > 1:
        return [f"predicts one class for all images: {COLLAPSED}"]
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
        warnings.append("the model is randomised: two passes differ, so single gradients mislead")
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


def _depends_on_batch(subject: Subject, x: Tensor, logits: Tensor) -> bool:
    """Whether images passed one by one get other logits than in the batch, beyond rounding."""
    spread = (logits.amax() - logits.amin()).clamp(min=torch.finfo(logits.dtype).tiny)
    single = torch.cat([subject(x[i : i + 1]) for i in range(min(len(x), SINGLE_IMAGES))])
    return bool(((single - logits[: len(single)]).abs() > BATCH_TOLERANCE * spread).any())


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
    if few := sum(getattr(part, "rank", 0) >= classes for part in parts):
        warnings.append(
            f"only {counted(classes, 'class')}, so there was no target for {few} of "
            f"{counted(len(parts), 'part')}"
        )
    if classes < LEAST_FOR_DLR and any(
        getattr(part, "loss", "").startswith("dlr") for part in parts
    ):
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
