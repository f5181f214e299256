"""Add-ons that go on any method: what changes the radius, the weights, or the saved logits."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from taet.networks.network import Network

if TYPE_CHECKING:
    from taet import options

PROXY_GUARD = 1e-20  # AWP's guard against a gradient of zero


def class_radii(options: "options.ClassRadius", class_counts: Tensor) -> Tensor:
    """RobustLT's class-wise perturbation budget: radius of each class relative to eps, [C].

    (1 - alpha) + tau sqrt(log K_c) with K_c = n_max / n_c and tau such that the mean over training images
    is 1 (Zhang et al. 2026). All 1 where all classes have as many images.
    """
    counts = class_counts.double()
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

    Every weight tensor of two or more dimensions moves by gamma ||w|| along its own gradient of the
    loss, the update is computed there, and the perturbation is taken back after the step. The authors
    take one step of SGD on a copy; the direction is the same, so no copy is made. Batch-norm statistics
    are not moved by the extra pass.
    """

    def __init__(self, options: "options.WeightPerturbation") -> None:
        self.options = options

    @contextmanager
    def __call__(self, model: nn.Module, loss: Callable[[], Tensor], epoch: int) -> Iterator[None]:
        """Weights are perturbed inside the block, which computes gradients and steps."""
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
        buffers = list(model.buffers())
        kept = [buffer.clone() for buffer in buffers]
        gradients = torch.autograd.grad(loss(), weights)
        for buffer, value in zip(buffers, kept, strict=True):
            buffer.copy_(value)
        return [
            self.options.gamma * w.detach().norm() * g / (g.norm() + PROXY_GUARD)
            for w, g in zip(weights, gradients, strict=True)
        ]


class WeightAverager:
    """Exponential moving average of the weights; batch-norm statistics are the live model's.

    The decay grows with the number of steps k, min(decay, (1 + k) / (10 + k)), so that the average
    forgets where it began (RobustLT's helper).
    """

    def __init__(self, options: "options.WeightAverage") -> None:
        self.decay = options.decay
        self.steps = 0
        self.average: dict[str, Tensor] = {}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights after a step."""
        decay = min(self.decay, (1 + self.steps) / (10 + self.steps))
        for name, weight in model.named_parameters():
            if name in self.average:
                self.average[name].lerp_(weight, 1 - decay)
            else:
                self.average[name] = weight.detach().clone()
        self.steps += 1

    def state(self) -> dict[str, Tensor]:
        """For the checkpoint."""
        return {"steps": torch.tensor(self.steps), **self.average}

    def load_state(self, state: dict[str, Tensor]) -> None:
        """Go on from ``state()``."""
        self.average = dict(state)
        self.steps = int(self.average.pop("steps"))


def adjustment(
    options: "options.LogitAdjustment",
    class_counts: Tensor,
    choose: Callable[[list[list[float]]], int],
) -> tuple[float, list[float]]:
    """tau and the bias -tau log n of each class.

    Args:
        class_counts: [C] training images.
        choose: given the biases of several tau, says which is best on the validation images.
    """
    taus = options.tau if isinstance(options.tau, list) else [options.tau]
    log_prior = class_counts.double().log()
    biases = [(-tau * (log_prior - log_prior.mean())).tolist() for tau in taus]
    best = choose(biases) if len(taus) > 1 else 0
    return taus[best], biases[best]


def inference_of(
    method: dict[str, Any] | None, bias: list[float] | None, classes: int
) -> dict[str, Any] | None:
    """What the saved model does with its outputs: a method's own rule, then a bias per class."""
    if method is None and bias is None:
        return None
    own = method or {"scale": 1.0, "bias": [0.0] * classes}
    extra = bias or [0.0] * classes
    return {"scale": own["scale"], "bias": [a + b for a, b in zip(own["bias"], extra, strict=True)]}


def averaged(model: Network, averager: WeightAverager | None) -> dict[str, Tensor]:
    """Weights and buffers to be saved: the average where there is one."""
    return {**model.state_dict(), **(averager.average if averager else {})}
