"""Add-ons to any method: they change the radius, the loss, or the logits of the saved model."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from taet.adversary.pgd import restored_buffers

if TYPE_CHECKING:
    from taet import options

GRADIENT_GUARD = 1e-20  # AWP's guard against a gradient of zero


def class_radii(options: "options.ClassRadius", train_counts: Tensor) -> Tensor:
    """RobustLT's class-wise perturbation budget: radius of each class relative to eps, [C].

    (1 - alpha) + tau sqrt(log K_c) with K_c = n_max / n_c and tau such that the mean over training images
    is 1 (Zhang et al. 2026). All are 1 in a balanced training set.
    """
    counts = train_counts.double()
    rarity = (counts.max() / counts).log().sqrt()
    mean = (counts / counts.sum() * rarity).sum()
    if mean == 0:
        return torch.ones_like(counts).float()
    return (1 - options.alpha + options.alpha * rarity / mean).float()


def radius_ramp(options: "options.ClassRadius", epoch: int, epochs: int) -> float:
    """RobustLT's warm-up: 0 in the first epoch, growing to 1 over ``beta`` of all epochs."""
    return min(epoch / (options.beta * epochs), 1)


class WeightPerturber:
    """Adversarial weight perturbation (Wu et al. 2020).

    Every weight tensor of two or more dimensions moves by gamma ||w|| along its own gradient of the loss.
    Gradients are taken at these weights, and the perturbation is undone after the step. The authors take
    one step of SGD on a copy; the direction is the same, so no copy is made. The extra pass does not change
    batch-norm statistics.
    """

    def __init__(self, options: "options.WeightPerturbation") -> None:
        self.options = options

    @contextmanager
    def __call__(self, model: nn.Module, loss: Callable[[], Tensor], epoch: int) -> Iterator[None]:
        """Perturb the weights inside the block, which computes gradients and takes the step."""
        if epoch < self.options.warmup_epochs:
            yield
            return
        weights = [p for name, p in model.named_parameters() if "weight" in name and p.ndim > 1]
        moves = self._moves(model, weights, loss)
        with torch.no_grad():
            torch._foreach_add_(weights, moves)
        yield
        with torch.no_grad():
            torch._foreach_sub_(weights, moves)

    def _moves(
        self, model: nn.Module, weights: list[nn.Parameter], loss: Callable[[], Tensor]
    ) -> list[Tensor]:
        with restored_buffers(model):
            gradients = torch.autograd.grad(loss(), weights)
        return [
            self.options.gamma * w.detach().norm() * g / (g.norm() + GRADIENT_GUARD)
            for w, g in zip(weights, gradients, strict=True)
        ]


def logit_adjustment(
    options: "options.LogitAdjustment",
    train_counts: Tensor,
    choose: Callable[[list[list[float]]], int],
) -> tuple[float, list[float]]:
    """tau, and the bias of each class: -tau log n, centred.

    Args:
        train_counts: [C] training images.
        choose: index of the best of several tau, on the validation images, given their biases.
    """
    taus = options.tau if isinstance(options.tau, list) else [options.tau]
    log_prior = train_counts.double().log()
    biases = [(-tau * (log_prior - log_prior.mean())).tolist() for tau in taus]
    best = choose(biases) if len(taus) > 1 else 0
    return taus[best], biases[best]


def inference_of(
    own: dict[str, Any] | None, bias: list[float] | None, classes: int
) -> dict[str, Any] | None:
    """``scale`` and ``bias`` of ``taet.networks.network.Adjusted``: a method's own, plus ``bias`` [C]."""
    if own is None and bias is None:
        return None
    zeros = [0.0] * classes
    own = own or {"scale": 1.0, "bias": zeros}
    total = [a + b for a, b in zip(own["bias"], bias or zeros, strict=True)]
    return {"scale": own["scale"], "bias": total}


def adjusted_inference(
    own: dict[str, Any] | None,
    options: "options.LogitAdjustment | None",
    train_counts: Tensor,
    choose: Callable[[list[list[float]]], int],
) -> tuple[float | None, dict[str, Any] | None]:
    """The ``tau`` of logit adjustment, None without it, and ``inference`` of the network.

    Args:
        own: the method's own inference.
        options: of logit adjustment.
        train_counts, choose: see ``logit_adjustment``.
    """
    if options is None:
        return None, own
    tau, bias = logit_adjustment(options, train_counts, choose)
    return tau, inference_of(own, bias, len(train_counts))
