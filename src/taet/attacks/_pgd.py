"""The gradient loop: projected gradient descent on the sign of the gradient (Madry et al. 2018).

The only place with input gradients. Training attacks, FGSM and all PGD evaluations are values of it.
Images are [B, C, H, W] float32 in [0,1]; eps and step sizes are distances in that range.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn

# (logits, y) -> [B] values to be maximised.
Objective = Callable[[Tensor, Tensor], Tensor]
# torch.rand or torch.randn -> noise of the batch's shape.
Draw = Callable[[Callable[..., Tensor]], Tensor]

GAUSS_START = 0.001  # standard deviation, from TRADES' code and all that followed it


def pgd(
    model: nn.Module,
    x: Tensor,
    y: Tensor,
    *,
    start: Tensor,
    objective: Objective,
    eps: float,
    step_size: float,
    steps: int,
    stop_when_fooled: bool,
) -> Tensor:
    """Adversarial images in the L-inf ball around ``x``; the model is left as it was.

    The model runs in eval mode: batch norm uses its running statistics, samples do not see each
    other.

    Args:
        start: where to begin, [B, C, H, W]; see ``start_point``.
        objective: what to maximise.
        stop_when_fooled: an image that is misclassified stays as it is and leaves the batch
            (evaluation: some iterate inside the ball fools the model); otherwise every image takes
            all steps (training).
    """
    result, iterate = start.clone(), start
    rows = torch.arange(len(x), device=x.device)  # of the batch, that x, y and iterate stand for
    with eval_mode(model):
        for _ in range(steps):
            gradient, logits = input_gradient(model, iterate, y, objective)
            if stop_when_fooled and not (standing := logits.argmax(1) == y).all():
                result[rows[~standing]] = iterate[~standing]
                rows, x, y = rows[standing], x[standing], y[standing]
                iterate, gradient = iterate[standing], gradient[standing]
                if len(rows) == 0:
                    break
            iterate = project(iterate + step_size * gradient.sign(), x, eps)
    result[rows] = iterate
    return result


def start_point(kind: str, x: Tensor, eps: float, draw: Draw) -> Tensor:
    """Where the loop begins.

    ``zero``: x; ``gauss``: x + 0.001 N(0,1), not clipped (TRADES, MART, HE, AT-BSL, TAET);
    ``uniform``: x + U(-eps, eps), clipped to [0,1] (Madry et al., torchattacks).
    """
    if kind == "zero":
        return x
    if kind == "gauss":
        return x + GAUSS_START * draw(torch.randn)
    if kind == "uniform":
        return (x + eps * (2 * draw(torch.rand) - 1)).clamp(0, 1)
    raise ValueError(f"unknown start {kind!r}")


def project(x_adv: Tensor, x: Tensor, eps: float) -> Tensor:
    """Nearest image in the L-inf ball around x and in [0,1]."""
    return torch.clamp(x_adv, x - eps, x + eps).clamp_(0, 1)


def input_gradient(
    model: nn.Module, x: Tensor, y: Tensor, objective: Objective
) -> tuple[Tensor, Tensor]:
    """Gradient of the summed objective with respect to ``x``, and the logits at ``x``.

    Summed, not averaged: a sample's gradient must not depend on the size of its batch. Gradients of
    the weights are neither computed nor touched.
    """
    with torch.enable_grad():
        x = x.detach().requires_grad_()
        logits = model(x)
        (gradient,) = torch.autograd.grad(objective(logits, y).sum(), x)
    return gradient, logits.detach()


@contextmanager
def eval_mode(model: nn.Module) -> Iterator[None]:
    """Switch to eval mode and back to what it was."""
    was_training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(was_training)
