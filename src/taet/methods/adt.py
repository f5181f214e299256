"""ADT: adversarial distributional training with explicit distributions, ADT_EXP (Dong et al. 2020).

The inner maximization is over a Gaussian for each pixel: u = tanh(m + softplus(v) r), r ~ N(0,1), x' = x +
eps u, clipped to [0,1]. Adam with betas (0, 0) maximizes CE(z(x'), y) + entropy_weight H over (m, v), both
from 0, with ``samples`` draws a step. H is the mean over images and pixels of r^2/2 + log(softplus(v)) +
log(1 - u^2). The outer loss is cross-entropy on one fresh draw.

The authors' code never clears gradients between inner steps, so each step follows the sum of all so far
(``accumulate_gradients``). The paper does not say so. Variants with a generator network (ADT_EXP-AM,
ADT_IMP-AM) are left out. Of ``training.attack``, only eps and the mode of batch norm apply.
Cost per step with T inner steps of S samples: T S + 1 forward and T S + 1 backward passes.
"""

from typing import ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor

from taet.adversary.pgd import attack_mode
from taet.losses import cross_entropy
from taet.networks.network import Network
from taet.options import Count, MethodOptions, NonNegative, Positive
from taet.training.method import Attacked, Batch, TrainingMethod

LOG_GUARD, ADAM_GUARD = 1e-8, 1e-8  # of the authors' entropy, and of torch's Adam


class Options(MethodOptions):
    without_effect: ClassVar[tuple[str, ...]] = ("steps", "step_size", "start")

    steps: Count
    """Inner steps T; authors: 7."""
    samples: Count
    """Draws S a step; authors: 5."""
    learning_rate: Positive
    """Of the inner Adam; authors: 0.3."""
    entropy_weight: NonNegative
    """Weight lambda of the entropy; 0.01 in paper and code."""
    accumulate_gradients: bool
    """Follow the sum of all gradients so far (authors), or each step's own."""

    def attack_passes(self, steps: int) -> tuple[float, float]:
        return self.steps * self.samples, self.steps * self.samples


class Method(TrainingMethod):
    options: Options

    def attack(self, model: Network, batch: Batch) -> Attacked:
        options = self.options
        parameters = [torch.zeros_like(batch.x), torch.zeros_like(batch.x)]  # m and v
        summed = tuple(torch.zeros_like(p) for p in parameters)
        with attack_mode(model, self.context.attack.batch_norm):
            for _ in range(options.steps):
                gradients = self._gradients(model, batch, *parameters)
                if options.accumulate_gradients:
                    gradients = tuple(a + b for a, b in zip(summed, gradients, strict=True))
                summed = gradients
                for parameter, g in zip(parameters, summed, strict=True):
                    parameter += options.learning_rate * g / (g.abs() + ADAM_GUARD)
        (x_adv,), _ = self._draw(batch, *parameters, count=1)
        return Attacked(x_adv)

    def loss(self, model: Network, batch: Batch, attacked: Attacked) -> Tensor:
        return cross_entropy(model(attacked.x), batch.y).mean()

    def _gradients(
        self, model: Network, batch: Batch, mean: Tensor, spread: Tensor
    ) -> tuple[Tensor, ...]:
        """Gradients of CE + lambda H, summed over the draws, with respect to m and v."""
        count = self.options.samples
        with torch.enable_grad():
            mean, spread = (p.detach().requires_grad_() for p in (mean, spread))
            x_adv, entropy = self._draw(batch, mean, spread, count)
            # All draws in one pass: in eval mode, images do not influence each other. In train mode the draws
            # share their batch statistics; the authors' code makes a pass for each.
            losses = cross_entropy(model(x_adv.flatten(0, 1)), batch.y.repeat(count))
            gain = losses.mean() + self.options.entropy_weight * entropy
            return torch.autograd.grad(count * gain, (mean, spread))

    def _draw(
        self, batch: Batch, mean: Tensor, spread: Tensor, count: int
    ) -> tuple[Tensor, Tensor]:
        """Images drawn from the distribution, [count, B, C, H, W], and H up to a constant."""
        r = torch.stack([batch.draw(torch.randn) for _ in range(count)])
        sigma = F.softplus(spread)
        u = torch.tanh(mean + sigma * r)
        entropy = r.square() / 2 + (sigma + LOG_GUARD).log() + (1 - u.square() + LOG_GUARD).log()
        eps, _ = self.budget(batch)
        radius = eps.view(-1, 1, 1, 1) if isinstance(eps, Tensor) else eps
        return (batch.x + radius * u).clamp(0, 1), entropy.mean()
