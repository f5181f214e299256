"""The gradient loop: projected gradient descent on the sign of the gradient (Madry et al. 2018).

The only place with input gradients of the network under attack. Training attacks, FGSM and all PGD
evaluations are values of it. Images are [B, C, H, W] float32 in [0,1]; eps and step sizes are distances in
that range, one for all images or one for each.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, fields
from functools import partial

import torch
from torch import Tensor, nn

from taet.adversary.norms import project
from taet.compute.batches import in_batches
from taet.compute.folding import folded

# (logits, target) -> [B] values to be maximised; the target is what ``pgd`` was given as y.
Objective = Callable[[Tensor, Tensor], Tensor]
# torch.rand or torch.randn -> noise of the batch's shape.
Draw = Callable[[Callable[..., Tensor]], Tensor]
# (step, logits of the iterate before it) is called before every step.
Watch = Callable[[int, Tensor], None]

GAUSS_START = 0.001  # standard deviation, from TRADES' code and all that followed it


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    start: Tensor,
    objective: Objective,
    eps: float | Tensor,
    step_size: float | Tensor,
    steps: int | Tensor,
    stop_when_fooled: bool = False,
    batch_norm: str = "eval",
    watch: Watch | None = None,
    batch_size: int | None = None,
) -> Tensor:
    """Adversarial images in the L-inf ball around ``x``; the model is left as it was.

    Args:
        y: [B, ...] what the objective compares the logits with: labels [B] int64, or anything else
            with a row for each image.
        start: where to begin, [B, C, H, W]; see ``start_point``.
        objective: what to maximise.
        eps: radius; a number, or [B].
        step_size: length of a step; a number, or [B].
        steps: a number, or [B] int64: an image that has done its steps leaves the batch.
        stop_when_fooled: an image that is misclassified stays as it is and leaves the batch
            (evaluation: some iterate inside the ball fools the model; ``y`` are labels); otherwise every
            image takes all its steps (training).
        batch_norm: ``eval``: running statistics, images do not see each other; ``train``: statistics of
            the batch, which also move the running ones; ``train_no_track``: the same, but the running
            ones are put back.
        watch: see ``Watch``.
        batch_size: images per pass, packed anew in every step; None for all at once.
    """
    going = _Going(
        torch.arange(len(x), device=x.device),
        x,
        y,
        start,
        *map(_per_image, (eps, step_size)),
        steps,
    )
    result = start.clone()
    with attack_mode(model, batch_norm):
        for step in range(int(torch.as_tensor(steps).max())):
            if isinstance(going.steps, Tensor):
                going = going.without(going.steps <= step, result)
            gradient, logits = input_gradient(model, going.iterate, going.y, objective, batch_size)
            if watch is not None:
                watch(step, logits)
            if stop_when_fooled:
                fooled = logits.argmax(1) != going.y
                gradient = gradient[~fooled] if fooled.any() else gradient
                going = going.without(fooled, result)
            if len(going.rows) == 0:
                break
            moved = going.iterate + going.step_size * gradient.sign()
            going.iterate = project(moved, going.x, going.eps, "linf")
    result[going.rows] = going.iterate
    return result


@dataclass
class _Going:
    """The images that still move: their rows in the batch, and what belongs to each of them."""

    rows: Tensor
    x: Tensor
    y: Tensor
    iterate: Tensor
    eps: float | Tensor
    step_size: float | Tensor
    steps: int | Tensor

    def without(self, leaving: Tensor, result: Tensor) -> "_Going":
        """The images that stay; where the others have come is written to ``result``."""
        if not leaving.any():
            return self
        result[self.rows[leaving]] = self.iterate[leaving]
        values = (getattr(self, field.name) for field in fields(self))
        return _Going(*(v[~leaving] if isinstance(v, Tensor) else v for v in values))


def start_point(kind: str, x: Tensor, eps: float | Tensor, draw: Draw) -> Tensor:
    """Where the loop begins.

    ``zero``: x; ``gauss``: x + 0.001 N(0,1), not clipped (TRADES, MART, HE, AT-BSL, TAET);
    ``uniform``: x + U(-eps, eps), clipped to [0,1] (Madry et al., torchattacks); ``one_sided``:
    x + U(0, eps), not clipped (RoBal's code).
    """
    match kind:
        case "zero":
            return x
        case "gauss":
            return x + GAUSS_START * draw(torch.randn)
        case "uniform":
            return (x + _per_image(eps) * (2 * draw(torch.rand) - 1)).clamp(0, 1)
        case "one_sided":
            return x + _per_image(eps) * draw(torch.rand)
    raise ValueError(f"unknown start {kind!r}")


def input_gradient(
    model: nn.Module, x: Tensor, y: Tensor, objective: Objective, batch_size: int | None = None
) -> tuple[Tensor, Tensor]:
    """Gradient of the summed objective with respect to ``x``, and the logits at ``x``.

    Summed, not averaged: a sample's gradient must not depend on the size of its batch. Gradients of
    the weights are neither computed nor touched.

    Args:
        batch_size: images per pass; None for all at once.
    """
    if batch_size is not None and len(x):
        work = partial(input_gradient, model, objective=objective)
        gradients, logits = zip(*in_batches(work, batch_size, x, y), strict=True)
        return torch.cat(gradients), torch.cat(logits)
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(objective(logits, y).sum(), x)
    return gradient, logits.detach()


@contextmanager
def attack_mode(model: nn.Module, batch_norm: str) -> Iterator[None]:
    """Put the model into the mode in which it is attacked, and back; see ``pgd``."""
    was_training = model.training
    buffers = list(model.buffers()) if batch_norm == "train_no_track" else []
    kept = [buffer.clone() for buffer in buffers]
    model.train(batch_norm != "eval")
    try:
        with folded(model) if batch_norm == "eval" else nullcontext():
            yield
    finally:
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.copy_(value)
        model.train(was_training)


def _per_image(value: float | Tensor) -> float | Tensor:
    """A number as it is, [B] as [B, 1, 1, 1]."""
    return value.view(-1, 1, 1, 1) if isinstance(value, Tensor) else value
