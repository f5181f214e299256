"""The gradient loop: projected gradient descent on the sign of the gradient (Madry et al. 2018).

Training attacks, FGSM and all PGD evaluations run this loop, and ``input_gradient`` serves every attack that
follows gradients. Images are [B, C, H, W] float32 in [0,1]; eps and step sizes are distances in that range,
one for all images or one for each.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Self

import torch
from torch import Tensor, nn

from taet.adversary.active import Active
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
    samples: int = 1,
) -> Tensor:
    """Adversarial images in the L-inf ball around ``x``; weights, gradients and mode are left as they were.

    Args:
        y: [B, ...] what the objective compares the logits with: labels [B] int64, or anything else
            with a row for each image.
        start: first iterate, [B, C, H, W]; see ``start_point``.
        objective: what to maximise.
        eps: radius; a number, or [B].
        step_size: length of a step; a number, or [B].
        steps: a number, or [B] int64: an image that has done its steps leaves the batch.
        stop_when_fooled: a misclassified image stays as it is and leaves the batch (evaluation: some
            iterate inside the ball fools the model; ``y`` are labels). Otherwise every image takes all its
            steps (training).
        batch_norm: ``eval``: running statistics, images do not influence each other; ``train``: statistics
            of the batch, which also update the running ones; ``train_no_track``: statistics of the batch,
            and the running ones are restored.
        watch: see ``Watch``.
        batch_size: images per pass; batches are refilled in every step. None for all at once.
        samples: passes that a gradient is the mean of; see ``input_gradient``.
    """
    active = _Active.begin(start, x, y, eps, step_size, steps)
    result = start.clone()
    with attack_mode(model, batch_norm):
        for step in range(int(torch.as_tensor(steps).max())):
            active = active.retire_done(step, result)
            gradient, logits = input_gradient(
                model, active.iterate, active.y, objective, batch_size, samples
            )
            if watch is not None:
                watch(step, logits)
            if stop_when_fooled:
                fooled = logits.argmax(1) != active.y
                gradient = gradient[~fooled] if fooled.any() else gradient
                active = active.retire(fooled, result)
            if len(active.rows) == 0:
                break
            active.move(gradient)
    result[active.rows] = active.iterate
    return result


@dataclass
class _Active(Active):
    """The images that still have steps to take; the fields are arguments of ``pgd``."""

    x: Tensor
    y: Tensor
    eps: float | Tensor
    step_size: float | Tensor
    steps: int | Tensor

    @classmethod
    def begin(
        cls,
        start: Tensor,
        x: Tensor,
        y: Tensor,
        eps: float | Tensor,
        step_size: float | Tensor,
        steps: int | Tensor,
    ) -> Self:
        """All images, before the first step."""
        rows = torch.arange(len(x), device=x.device)
        return cls(rows, start, x, y, _per_image(eps), _per_image(step_size), steps)

    def retire_done(self, step: int, result: Tensor) -> Self:
        """Without the images that have done their steps."""
        if not isinstance(self.steps, Tensor):
            return self
        return self.retire(self.steps <= step, result)

    def move(self, gradient: Tensor) -> None:
        """One step along the sign of the gradient."""
        moved = self.iterate + self.step_size * gradient.sign()
        self.iterate = project(moved, self.x, self.eps, "linf")


def start_point(kind: str, x: Tensor, eps: float | Tensor, draw: Draw) -> Tensor:
    """The first iterate of the loop.

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
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    objective: Objective,
    batch_size: int | None = None,
    samples: int = 1,
) -> tuple[Tensor, Tensor]:
    """Gradient of the summed objective with respect to ``x``, and the logits at ``x``.

    Summed, not averaged: a sample's gradient must not depend on the size of its batch. Gradients of
    the weights are neither computed nor touched.

    Args:
        batch_size: images per pass; None for all at once.
        samples: passes, of which gradient and logits are the means: expectation over transformation (Athalye
            et al. 2018), for models that draw random numbers in every pass.
    """
    if batch_size is not None and len(x):
        work = partial(input_gradient, model, objective=objective, samples=samples)
        gradients, logits = zip(*in_batches(work, batch_size, x, y), strict=True)
        return torch.cat(gradients), torch.cat(logits)
    gradient, logits = mean_over_passes(lambda: _one_pass(model, x, y, objective), samples)
    return gradient, logits


def mean_over_passes(one_pass: Callable[[], Sequence[Tensor]], samples: int) -> Sequence[Tensor]:
    """Means of what each of some passes gives, as running means: one pass alone keeps its bits."""
    means = one_pass()
    for done in range(1, samples):
        means = [m + (value - m) / (done + 1) for m, value in zip(means, one_pass(), strict=True)]
    return means


def _one_pass(
    model: nn.Module, x: Tensor, y: Tensor, objective: Objective
) -> tuple[Tensor, Tensor]:
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(objective(logits, y).sum(), x)
    return gradient, logits.detach()


@contextmanager
def attack_mode(model: nn.Module, batch_norm: str) -> Iterator[None]:
    """Inside the block, the model is in the mode in which it is attacked; see ``pgd``."""
    around = {"eval": folded, "train": nullcontext, "train_no_track": restored_buffers}
    was_training = model.training
    model.train(batch_norm != "eval")
    try:
        with around[batch_norm](model):
            yield
    finally:
        model.train(was_training)


@contextmanager
def restored_buffers(model: nn.Module) -> Iterator[None]:
    """After the block, buffers such as batch-norm statistics have the values from before."""
    buffers = list(model.buffers())
    before = [buffer.clone() for buffer in buffers]
    try:
        yield
    finally:
        for buffer, value in zip(buffers, before, strict=True):
            buffer.copy_(value)


def _per_image(value: float | Tensor) -> float | Tensor:
    """A number as it is, [B] as [B, 1, 1, 1]."""
    return value.view(-1, 1, 1, 1) if isinstance(value, Tensor) else value
