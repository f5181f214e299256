"""Checks that stop an evaluation: of images, of the model, and of adversarial images."""

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

from taet.adversary.norms import TOLERANCE, norm_of
from taet.adversary.parts import AttackInput, Part
from taet.adversary.pgd import input_gradient
from taet.adversary.subject import Subject
from taet.compute.batches import in_batches
from taet.errors import UserError, counted, first_line
from taet.losses import cross_entropy
from taet.networks.network import undecided

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


def check_adversarial(part: Part, x_adv: Tensor, inputs: AttackInput) -> None:
    """Check the adversarial images of a part before they count.

    Raises:
        UserError: not finite, outside [0,1], or further away than eps.
    """
    if not torch.isfinite(x_adv).all():
        raise UserError(
            f"attack {part.title}: adversarial images are not finite; "
            "look for a division by 0 in the attack, or for an overflow in the model"
        )
    if x_adv.min() < 0 or x_adv.max() > 1:
        raise UserError(
            f"attack {part.title}: adversarial images leave the pixel range [0,1]; clamp them in its ``run``"
        )
    if not part.bounded:
        return
    distance = norm_of((x_adv - inputs.x).double(), part.norm).max().item()
    if distance > inputs.eps + TOLERANCE:
        raise UserError(
            f"attack {part.title}: a perturbation of {distance:.7g} exceeds eps = {inputs.eps:g}; project "
            "onto the ball in its ``run`` (taet.adversary.norms.project)"
        )
